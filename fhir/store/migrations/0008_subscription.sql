-- What each active client may do, as the gateway was last told; the row without a name says when that was.
create table fhir.client_standing (
  client text        primary key,
  -- JSON
  scopes text        not null,
  until  timestamptz not null,
  told   timestamptz not null default now()
);
grant usage on schema fhir to gateway_audit;
grant select, insert, update, delete on fhir.client_standing to gateway_audit;
grant select on fhir.client_standing to fhir_app;

-- What a client may do now: the newer of what its own request said and of what the gateway was told.
create function fhir.current_scopes(client text, given text, given_at timestamptz) returns text language sql stable as $f$
  select case when (select p.told from fhir.client_standing p where p.client = '') > given_at
    then coalesce((select c.scopes from fhir.client_standing c where c.client = current_scopes.client and c.until > now()), '[]')
    else given end
$f$;

-- Who is told of what. Why it looks so: fhir/subscription/README.md.
-- A row comes with each Subscription that a client writes, in the write's own transaction.
create table fhir.subscription (
  rid          bigint      primary key,
  client       text        not null,
  fingerprint  text,
  -- JSON: what the client was allowed when it wrote the Subscription.
  scopes       text        not null,
  written      timestamptz not null default now(),
  -- What was written before it isn't told.
  since        xid8        not null default pg_current_xact_id(),
  attempts     integer     not null default 0,
  next_attempt timestamptz not null default now()
);

-- What is still to be told, in the order in which it was written.
create table fhir.subscription_delivery (
  subscription bigint   not null,
  xid          xid8     not null,
  seq          bigint   not null,
  type         smallint not null,
  id           text     not null,
  version      integer  not null,
  primary key (subscription, xid, seq)
);

-- Up to where written versions have been looked at.
create table fhir.subscription_cursor (one boolean primary key default true check (one), xid xid8 not null, seq bigint not null default 0);
insert into fhir.subscription_cursor (xid) values (pg_current_xact_id());

-- The order of writes, from the trail: each has its event in its own transaction, so no write needs a line in an outbox of its own.
-- Only below the horizon, where nothing can appear any more; events of other kinds come without a resource, so that the reader passes them.
create function fhir.written_after(after_xid xid8, after_seq bigint, most integer)
returns table (xid text, seq bigint, resource text, version integer) language sql stable security definer set search_path = pg_catalog as $f$
  select e.xid::text, e.seq, case when e.written then e.body::jsonb->>'resource' end, case when e.written then (e.body::jsonb->>'version')::integer end
  from (
    select event.xid, event.seq, event.body, event.body like '%"kind":"write"%' and (event.body::jsonb->>'kind') = 'write'
      and (event.body::jsonb->>'outcome') = '0' and event.body::jsonb ? 'version' as written
    from audit.event
    where event.xid < pg_snapshot_xmin(pg_current_snapshot()) and (event.xid, event.seq) > (after_xid, after_seq)
    order by event.xid, event.seq limit least(most, 10000)) e
  order by e.xid, e.seq
$f$;

revoke all on function fhir.written_after(xid8, bigint, integer) from public;
grant execute on function fhir.written_after(xid8, bigint, integer) to fhir_app;
grant select, insert, update, delete on fhir.subscription, fhir.subscription_delivery to fhir_app;
grant select, update on fhir.subscription_cursor to fhir_app;
