-- What a client may do now ends with its time too, not only with what the gateway tells next. A request that was let in after the time that
-- was told last had a newer registry behind it: then what the request said counts, until the gateway has told.
create or replace function fhir.current_scopes(client text, given text, given_at timestamptz) returns text language sql stable as $f$
  select case
    when (select p.told from fhir.client_standing p where p.client = '') > given_at
      then coalesce((select c.scopes from fhir.client_standing c where c.client = current_scopes.client and c.until > now()), '[]')
    when exists (select from fhir.client_standing c where c.client = current_scopes.client and c.until > given_at and c.until <= now()) then '[]'
    else given end
$f$;

-- A resource as jsonb, or null where jsonb can't hold it, such as a number of 20 000 digits. (pg_input_is_valid comes with PostgreSQL 16 only.)
create function fhir.jsonb_or_null(body text) returns jsonb language plpgsql immutable strict as $f$
begin
  return body::jsonb;
exception when data_exception or program_limit_exceeded then return null;
end $f$;
grant execute on function fhir.jsonb_or_null(text) to fhir_app;
