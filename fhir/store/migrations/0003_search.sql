-- Search over the whole of R4. What is extracted for a resource has changed with this migration (new index keys, `self` rows, sharp s and
-- its like folded in texts), and rows of resources that were stored before it aren't made again: nothing had been released.

-- One row per complete instance of a composite parameter. Its first part is a token always; the second is a token, quantity, reference,
-- number, date or text, the third a number, each in the columns that its type needs.
create table fhir.sp_composite (
  key smallint not null, code bigint not null, system integer, code2 bigint, system2 integer,
  lo double precision, hi double precision, lo2 double precision, hi2 double precision, value text collate "C", rid bigint not null
);
-- Every row is in one of the three.
create index sp_composite_range on fhir.sp_composite (key, code, lo, rid) include (hi, code2, system2, system) where lo is not null;
create index sp_composite_code on fhir.sp_composite (key, code, code2, rid) include (system, system2) where lo is null and code2 is not null;
create index sp_composite_value on fhir.sp_composite (key, code, value, rid) where value is not null;

-- Displays of codes and texts of concepts, for :text.
create table fhir.sp_text (key smallint not null, value text collate "C" not null, rid bigint not null);
create index sp_text_value on fhir.sp_text (key, value, rid);

-- All words of a resource that somebody may read, and those of its narrative, for _content and _text. No positions: phrases aren't looked for.
create table fhir.sp_content (content tsvector not null, narrative tsvector, rid bigint not null);
create index sp_content_words on fhir.sp_content using gin (content);
create index sp_content_narrative on fhir.sp_content using gin (narrative) where narrative is not null;
create index sp_content_rid on fhir.sp_content (rid);

create table fhir.sp_position (latitude double precision not null, longitude double precision not null, rid bigint not null);
create index sp_position_place on fhir.sp_position (latitude, longitude, rid);

-- From a resource to what it points to, for _has and hierarchies; the way back is sp_ref_value.
create index sp_ref_rid on fhir.sp_ref (rid, key) include (target);

grant select, insert, delete on fhir.sp_composite, fhir.sp_text, fhir.sp_content, fhir.sp_position to fhir_app;
