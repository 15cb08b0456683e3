-- Search parameters that clients write. Why it looks so: fhir/search-parameter/README.md.
-- A row comes with each active SearchParameter that a client writes, in the write's own transaction.
create table fhir.search_parameter (
  rid        bigint  primary key,
  -- Of the resource that was looked at last.
  version    integer,
  -- The version of the search plan that its definition came with; its index keys carry it, so that no two definitions share a row.
  generation integer,
  -- JSON
  definition text,
  state      text    not null default 'waiting' check (state in ('waiting', 'indexing', 'ready', 'off', 'refused')),
  -- Why it is refused.
  reason     text,
  -- Resources looked at, and those there were when indexing began.
  done       bigint  not null default 0,
  total      bigint,
  job        uuid
);

-- What all processes index by. A process reads it again where the version is new; a write that was worked out by an older one than the fence
-- isn't stored.
create table fhir.search_plan (one boolean primary key default true check (one), version integer not null default 0, fence integer not null default 0);
insert into fhir.search_plan default values;

grant select, insert, update, delete on fhir.search_parameter to fhir_app;
grant select, update on fhir.search_plan to fhir_app;

-- Ends a write whose search rows were worked out by a plan that isn't the present one any more (see fhir/store/write-statement.ts).
create function fhir.refuse_old_plan() returns void language plpgsql as $f$
begin
  raise exception 'search parameters have changed since the rows were worked out' using errcode = 'PC410';
end $f$;
