-- Work in the background: any replica takes what no living one has, and goes on where a dead one has stopped. Why it looks so: fhir/job/README.md.
create table fhir.job (
  id          uuid        primary key,
  kind        text        not null,
  client      text        not null,
  -- JSON: what was asked, and by whom with which scopes.
  request     text        not null,
  -- JSON: how far it is, as its kind writes it.
  state       text,
  progress    text        not null default 'waiting',
  status      text        not null default 'pending' check (status in ('pending', 'done', 'failed', 'cancelled')),
  -- What the client is told when it is done or failed.
  result      text,
  -- Begun since it last came forward.
  attempts    integer     not null default 0,
  owner       uuid,
  lease_until timestamptz,
  created     timestamptz not null default now(),
  expires     timestamptz
);
create index job_waiting on fhir.job (created) where status = 'pending';
create index job_expiry on fhir.job (expires) where expires is not null;

grant select, insert, update, delete on fhir.job to fhir_app;
