-- What a client may do now ends with its time too, not only with what the gateway tells next. A request that was let in after the time that
-- was told last had a newer registry behind it: then what the request said counts, until the gateway has told.
create or replace function fhir.current_scopes(client text, given text, given_at timestamptz) returns text language sql stable as $f$
  select case
    when (select p.told from fhir.client_standing p where p.client = '') > given_at
      then coalesce((select c.scopes from fhir.client_standing c where c.client = current_scopes.client and c.until > now()), '[]')
    when exists (select from fhir.client_standing c where c.client = current_scopes.client and c.until > given_at and c.until <= now()) then '[]'
    else given end
$f$;
