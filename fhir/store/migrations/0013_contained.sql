-- Resources that others contain, for _contained. Why it looks so: fhir/search/README.md. Their search rows lie in the same tables, under
-- resource keys and index keys that no other resource has; a row here says which container they are of, and of which version of it: rows of
-- another version than the present one aren't found.
create table fhir.sp_contained (
  container bigint not null, version integer not null, place smallint not null, id text collate "C" not null, rid bigint not null
);
create index sp_contained_rid on fhir.sp_contained (rid) include (container, version, place);
create index sp_contained_id on fhir.sp_contained (id, rid);

grant select, insert, delete on fhir.sp_contained to fhir_app;

-- What is there already is looked through by a job (fhir/job/contained/), which no process of an older release takes. It waits until those
-- have been replaced, for what they write meanwhile has no rows.
insert into fhir.job (id, kind, client, request, lease_until)
select gen_random_uuid(), 'contained', '', '{}', now() + interval '15 minutes' where exists (select from fhir.resource);
