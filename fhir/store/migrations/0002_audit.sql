-- The audit trail's first home: written with the data, sealed from here into the bucket. Why it looks so: fhir/audit/README.md.
create schema audit;

-- Nobody but the database fills in order and time: writers may insert a body, and nothing else.
create sequence audit.event_seq as bigint cache 64;
create table audit.event (
  xid      xid8        not null default pg_current_xact_id(),
  seq      bigint      not null default nextval('audit.event_seq'),
  recorded timestamptz not null default clock_timestamp(),
  body     text        not null
) partition by range (recorded);
alter sequence audit.event_seq owned by audit.event.seq;
create index event_order on audit.event (xid, seq);
-- A day without a partition of its own must never fail a clinical write.
create table audit.event_default partition of audit.event default;

create function audit.refuse_change() returns trigger language plpgsql as $f$
begin
  raise exception 'audit.% is append-only: % refused', tg_table_name, tg_op using errcode = '42501';
end $f$;
create trigger append_only before update or delete on audit.event for each row execute function audit.refuse_change();
alter table audit.event enable always trigger append_only;
create trigger append_only_truncate before truncate on audit.event for each statement execute function audit.refuse_change();
alter table audit.event enable always trigger append_only_truncate;

-- ENABLE ALWAYS (so that session_replication_role = replica changes nothing) is not inherited: each partition gets it.
create function audit.guard_partition(partition regclass) returns void language plpgsql set search_path = pg_catalog as $f$
begin
  execute format('create trigger append_only_truncate before truncate on %s for each statement execute function audit.refuse_change()', partition);
  execute format('alter table %s enable always trigger append_only_truncate', partition);
  execute format('alter table %s enable always trigger append_only', partition);
end $f$;
select audit.guard_partition('audit.event_default');

-- Days are days of UTC. A day whose first events came before its partition stays in the default one.
create function audit.add_partitions(days integer) returns integer language plpgsql security definer set search_path = pg_catalog as $f$
declare
  today constant date := (now() at time zone 'utc')::date;
  day date;
  name text;
  added integer := 0;
begin
  perform pg_advisory_xact_lock(7265170433);
  for day in select today + i from generate_series(0, least(days, 30)) as i loop
    name := 'event_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('audit.' || name) is not null;
    continue when exists (
      select from audit.event_default
      where recorded >= day::timestamp at time zone 'utc' and recorded < (day + 1)::timestamp at time zone 'utc');
    execute format('create table audit.%I partition of audit.event for values from (%L) to (%L)',
      name, day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
    perform audit.guard_partition(('audit.' || name)::regclass);
    added := added + 1;
  end loop;
  return added;
end $f$;

-- What the relay has sealed: one row per segment, planned before the bucket is touched.
create table audit.segment (
  first_index bigint      primary key check (first_index >= 0),
  count       integer     not null check (count > 0),
  to_xid      xid8        not null,
  to_seq      bigint      not null,
  sha256      bytea       not null check (length(sha256) = 32),
  fence       bigint      not null,
  planned     timestamptz not null default clock_timestamp()
);
create table audit.sealed (
  first_index bigint      primary key references audit.segment,
  sealed      timestamptz not null default clock_timestamp()
);
-- The number of the relay that leads; one that finds another number here has been followed by a newer one.
create table audit.leader (one boolean primary key default true check (one), fence bigint not null default 0);
insert into audit.leader default values;

-- Who keeps the order of events from being known: the oldest transaction that has written and not ended.
create function audit.horizon(out age_ms double precision, out blocking_pid integer) language sql stable security definer set search_path = pg_catalog as $f$
  select extract(epoch from clock_timestamp() - oldest.xact_start) * 1000, oldest.pid
  from (select) as one left join lateral (
    select xact_start, pid from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid() order by age(backend_xid) desc limit 1
  ) as oldest on true
$f$;

-- Drops a day that lies sealed in the bucket; refuses while one event of it isn't.
create function audit.drop_partition(day date) returns void language plpgsql security definer set search_path = pg_catalog as $f$
declare
  partition constant regclass := ('audit.event_' || to_char(day, 'YYYYMMDD'))::regclass;
  last audit.segment;
  unsealed bigint;
begin
  execute format('lock table %s in access exclusive mode', partition);
  select s.* into last from audit.segment s join audit.sealed using (first_index) order by s.first_index desc limit 1;
  execute format('select count(*) from %s where (xid, seq) > ($1, $2)', partition) into unsealed
    using coalesce(last.to_xid, '0'::xid8), coalesce(last.to_seq, 0);
  if unsealed > 0 then
    raise exception 'partition % has % events that are not sealed yet', partition, unsealed using errcode = '55000';
  end if;
  execute format('drop table %s', partition);
end $f$;

select audit.add_partitions(7);

revoke all on all functions in schema audit from public;
revoke all on all tables in schema audit from public;
grant usage on schema audit to fhir_app, gateway_audit, audit_relay, audit_read;
grant insert (body) on audit.event to fhir_app, gateway_audit;
grant usage on sequence audit.event_seq to fhir_app, gateway_audit;
grant select on audit.event, audit.segment, audit.sealed, audit.leader to audit_relay, audit_read;
grant insert on audit.segment, audit.sealed to audit_relay;
grant update (fence) on audit.leader to audit_relay;
grant execute on function audit.add_partitions(integer), audit.drop_partition(date), audit.horizon() to audit_relay;
