-- Search parameters of FHIR packages (FHIR_PACKAGES): rows of the same table, without a resource. Why so: fhir/search-parameter/README.md.
-- Their rid is negative, so that it is never one of a resource.
alter table fhir.search_parameter
  -- Name and version of the package; null where a client has written it.
  add column package text,
  -- Of the definition.
  add column url     text,
  add constraint packaged_without_resource check ((package is null) = (rid > 0) and (package is null) = (url is null));
create unique index search_parameter_url on fhir.search_parameter (url) where package is not null;
