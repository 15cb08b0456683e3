-- What a resource contains: `:missing` asks whether a reference without a row leads there (fhir/search/README.md).
create index sp_contained_container on fhir.sp_contained (container);
