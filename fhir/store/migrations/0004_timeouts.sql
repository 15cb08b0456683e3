-- Timeouts for sessions whose client can't set them: behind a pooler that hands out connections by transaction (DATABASE_PREPARE=off).
-- Roles are the cluster's: where another owner made them, that owner has set this already, or may do so.
do $$
declare r text;
begin
  foreach r in array array['fhir_app', 'gateway_audit'] loop
    begin
      execute format('alter role %I set statement_timeout = %L', r, '30s');
      execute format('alter role %I set idle_in_transaction_session_timeout = %L', r, '30s');
    exception when insufficient_privilege then
      raise notice 'the timeouts of role % are left to who made it', r;
    end;
  end loop;
end $$;
