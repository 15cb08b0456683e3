-- Resources, their history and their search rows. Why it looks so: fhir/store/README.md.
-- Roles are the cluster's, not the database's: several databases of one cluster share them.
do $$
declare r text;
begin
  foreach r in array array['fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'] loop
    begin
      execute format('create role %I login', r);
    exception when duplicate_object or unique_violation then null;
    end;
  end loop;
end $$;

create schema fhir;

-- rid = type id * 2^44 + n: all resources of one type are one range of the key. It never changes over versions.
create sequence fhir.rid as bigint increment by 1024 cache 1;

create table fhir.resource (
  rid     bigint primary key,
  type    smallint not null,
  id      text collate "C" not null,
  version integer not null,
  updated timestamptz not null,
  deleted boolean not null default false,
  xid     xid8 not null default pg_current_xact_id(),
  body    text
) with (fillfactor = 90);
create unique index resource_type_id on fhir.resource (type, id);
create index resource_updated on fhir.resource (updated, rid);

-- Superseded versions only: the newest version of a resource lives in fhir.resource.
create table fhir.resource_history (
  rid     bigint not null,
  version integer not null,
  type    smallint not null,
  id      text collate "C" not null,
  updated timestamptz not null,
  deleted boolean not null,
  xid     xid8 not null,
  body    text,
  primary key (rid, version)
);
create index resource_history_updated on fhir.resource_history (updated, rid);

create table fhir.index_key (
  id  smallint generated always as identity primary key,
  key text not null unique
);

create table fhir.sp_token (key smallint not null, code bigint not null, system integer, rid bigint not null);
create index sp_token_value on fhir.sp_token (key, code, rid) include (system);

create table fhir.sp_string (key smallint not null, value text collate "C" not null, exact bigint not null, rid bigint not null);
create index sp_string_value on fhir.sp_string (key, value, rid);
create index sp_string_rid on fhir.sp_string (rid, key);

create table fhir.sp_date (key smallint not null, lo bigint not null, hi bigint not null, rid bigint not null);
create index sp_date_value on fhir.sp_date (key, lo, hi, rid);
create index sp_date_rid on fhir.sp_date (rid, key);

create table fhir.sp_number (key smallint not null, lo double precision not null, hi double precision not null, rid bigint not null);
create index sp_number_value on fhir.sp_number (key, lo, hi, rid);
create index sp_number_rid on fhir.sp_number (rid, key);

create table fhir.sp_quantity (
  key smallint not null, unit bigint, system integer, lo double precision not null, hi double precision not null, rid bigint not null
);
create index sp_quantity_value on fhir.sp_quantity (key, lo, hi, rid) include (unit, system);
create index sp_quantity_rid on fhir.sp_quantity (rid, key);

create table fhir.sp_ref (key smallint not null, target bigint not null, rid bigint not null);
create index sp_ref_value on fhir.sp_ref (key, target, rid);

create table fhir.sp_uri (key smallint not null, value text collate "C" not null, rid bigint not null);
create index sp_uri_value on fhir.sp_uri (key, value, rid);

-- The commonest clinical question, answered from one index: what does this patient have of this code, since when?
create table fhir.sp_patient_code (patient bigint not null, code bigint not null, system integer, lo bigint not null, rid bigint not null);
create index sp_patient_code_value on fhir.sp_patient_code (patient, code, lo, rid) include (system);

grant usage on schema fhir to fhir_app;
grant usage on sequence fhir.rid to fhir_app;
grant select, insert, update on fhir.resource to fhir_app;
grant select, insert on fhir.resource_history, fhir.index_key to fhir_app;
grant select, insert, delete on
  fhir.sp_token, fhir.sp_string, fhir.sp_date, fhir.sp_number, fhir.sp_quantity, fhir.sp_ref, fhir.sp_uri, fhir.sp_patient_code
  to fhir_app;

-- Ends a write whose resources have moved on since they were read (see fhir/store/write-statement.ts).
create function fhir.require_current(current boolean) returns void language plpgsql as $f$
begin
  if not current then
    raise exception 'a resource has changed since it was read' using errcode = 'PC409';
  end if;
end $f$;
