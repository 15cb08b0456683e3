-- What lies sealed in the bucket leaves the database, hour by hour: a day of a busy system is tens of gigabytes. Why it looks so:
-- fhir/audit/README.md.

-- Hours of UTC, from the present one on; one whose first events came before its partition stays in the default one, and one that a
-- day of an older release covers stays there. Made apart and attached, which stops nobody who writes; gives up (55P03) rather than
-- wait for a transaction that has the default partition.
drop function audit.add_partitions(integer);
create function audit.add_partitions(ahead integer) returns integer language plpgsql security definer
  set search_path = pg_catalog set lock_timeout = '100ms' as $f$
declare
  this_hour constant timestamptz := date_trunc('hour', now(), 'UTC');
  hour timestamptz;
  name text;
  added integer := 0;
begin
  perform pg_advisory_xact_lock(7265170433);
  for hour in select this_hour + i * interval '1 hour' from generate_series(0, least(ahead, 48)) as i loop
    name := 'event_' || to_char(hour at time zone 'utc', 'YYYYMMDDHH24');
    continue when to_regclass('audit.' || name) is not null;
    continue when to_regclass('audit.' || left(name, -2)) is not null;
    continue when exists (select from audit.event_default where recorded >= hour and recorded < hour + interval '1 hour');
    execute format('create table audit.%I (like audit.event including defaults)', name);
    execute format('alter table audit.event attach partition audit.%I for values from (%L) to (%L)', name, hour, hour + interval '1 hour');
    perform audit.guard_partition(format('audit.%I', name)::regclass);
    added := added + 1;
  end loop;
  return added;
end $f$;

-- Drops the partitions that ended `keep` ago and longer, oldest first, as far as the bucket has all of their events and whoever tells
-- Subscriptions has seen them, and returns how many; never the present hour. Waits for no lock longer than 100 ms: where it doesn't get one
-- it raises 55P03, and what it dropped before in this call is there again. Nobody writes events while it drops: it does nothing else.
drop function audit.drop_partition(date);
create function audit.drop_sealed(keep interval) returns integer language plpgsql security definer
  set search_path = pg_catalog set lock_timeout = '100ms' as $f$
declare
  ended_before constant timestamptz := now() - greatest(keep, interval '0');
  last_sealed audit.segment;
  seen fhir.subscription_cursor;
  names text[];
  name text;
  is_needed boolean;
  dropped integer := 0;
begin
  select s.* into last_sealed from audit.segment s join audit.sealed using (first_index) order by s.first_index desc limit 1;
  if last_sealed is null then
    return 0;
  end if;
  select c.* into seen from fhir.subscription_cursor c
    where exists (select from fhir.subscription) and (c.xid, c.seq) < (last_sealed.to_xid, last_sealed.to_seq);
  -- All at once: a table that a running query is about can't be dropped.
  names := array(
    select relname from pg_class join pg_inherits on inhrelid = pg_class.oid
    where inhparent = 'audit.event'::regclass and relname ~ '^event_[0-9]{8}([0-9]{2})?$'
      and case length(relname)
        when 14 then to_timestamp(relname || '00 +00', '"event_"YYYYMMDDHH24 TZH') + interval '1 day'
        else to_timestamp(relname || ' +00', '"event_"YYYYMMDDHH24 TZH') + interval '1 hour' end <= ended_before
    union all
    select 'event_default' where exists (select from audit.event_default)
      and not exists (select from audit.event_default where recorded > ended_before)
    order by 1);
  foreach name in array names loop
    -- Twice: most often it isn't, and then nobody is to wait for the locks.
    for locked in 0 .. 1 loop
      if locked = 1 then
        lock table only audit.event in access exclusive mode;
        execute format('lock table audit.%I in access exclusive mode', name);
      end if;
      -- The last one, by the index: whether any is would be looked for in the whole table.
      execute format('select (xid, seq) > ($1, $2) from audit.%I order by xid desc, seq desc limit 1', name) into is_needed
        using coalesce(seen.xid, last_sealed.to_xid), coalesce(seen.seq, last_sealed.to_seq);
      exit when is_needed;
    end loop;
    continue when is_needed;
    execute format('drop table audit.%I', name);
    if name = 'event_default' then
      create table audit.event_default partition of audit.event default;
      perform audit.guard_partition('audit.event_default');
    end if;
    dropped := dropped + 1;
  end loop;
  return dropped;
end $f$;

-- Removes what is known of segments that were sealed `keep` ago and longer, 10000 of them at most, and returns how many: none before the
-- last sealed one is ever asked for.
create function audit.forget_segments(keep interval) returns integer language plpgsql security definer set search_path = pg_catalog as $f$
declare
  old constant bigint[] := array(
    select first_index from audit.sealed where sealed < now() - keep and first_index < (select max(first_index) from audit.sealed)
    order by first_index limit 10000);
begin
  delete from audit.sealed where first_index = any (old);
  delete from audit.segment where first_index = any (old);
  return cardinality(old);
end $f$;

-- The days that 0002 made ahead, in a new database; in another one they are used up, for dropping them would make its writers wait.
do $f$
declare
  name text;
begin
  if not exists (select from audit.event) then
    for name in select relname from pg_class join pg_inherits on inhrelid = pg_class.oid
      where inhparent = 'audit.event'::regclass and relname ~ '^event_[0-9]{8}$' loop
      execute format('drop table audit.%I', name);
    end loop;
  end if;
end $f$;
select audit.add_partitions(6);

revoke all on function audit.add_partitions(integer), audit.drop_sealed(interval), audit.forget_segments(interval) from public;
grant execute on function audit.add_partitions(integer), audit.drop_sealed(interval), audit.forget_segments(interval) to audit_relay;
