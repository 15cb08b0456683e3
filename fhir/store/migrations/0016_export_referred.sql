-- What an export of patients has met references to, of types that belong to no patient: it writes those after all else (fhir/job/export/referred.ts).
create table fhir.export_referred (
  job   uuid     not null references fhir.job on delete cascade,
  type  smallint not null,
  id    text     collate "C" not null,
  -- 0: a patient's own resource refers to it; 1 and 2: one of the round before does.
  round smallint not null,
  primary key (job, type, id)
);

grant select, insert, delete on fhir.export_referred to fhir_app;
