{{- /* The spec of the Job, the same as a hook and as a part of the first install. */}}
{{- define "portcullis.migrateSpec" -}}
{{- $migrate := .Values.migrate -}}
backoffLimit: 3
activeDeadlineSeconds: {{ $migrate.activeDeadlineSeconds }}
ttlSecondsAfterFinished: 3600
template:
  metadata: {{- include "portcullis.podMetadata" (list . $migrate "migrate") | nindent 4 }}
  spec:
    {{- include "portcullis.podSpec" (list . $migrate "migrate") | nindent 4 }}
    restartPolicy: Never
    containers:
    - name: migrate
      {{- include "portcullis.imageOf" (list . $migrate.image) | nindent 6 }}
      command: [/usr/local/bin/node, fhir/store/migrate.ts]
      workingDir: /app
      env:
      - { name: DATABASE_URL, value: {{ include "portcullis.databaseUrl" (list . (include "portcullis.ownerName" .) (ternary .Values.database.directHost (include "portcullis.databaseHost" .) .Values.database.pooler)) | quote }} }
      - { name: PGPASSWORD, valueFrom: { secretKeyRef: { name: {{ include "portcullis.ownerSecret" . }}, key: {{ include "portcullis.ownerPasswordKey" . }} } } }
      {{- include "portcullis.databaseCaEnv" . | nindent 6 }}
      - { name: MIGRATE_ROLE_PASSWORDS_DIR, value: /run/secrets/roles }
      - { name: MIGRATE_WAIT_SECONDS, value: {{ $migrate.waitSeconds | quote }} }
      {{- include "portcullis.containerSecurity" . | nindent 6 }}
      resources: {{- toYaml $migrate.resources | nindent 8 }}
      volumeMounts:
      - { name: roles, mountPath: /run/secrets/roles, readOnly: true }
      {{- include "portcullis.databaseCaMount" . | nindent 6 }}
    volumes:
    - name: roles
      secret:
        secretName: {{ include "portcullis.rolesSecret" . }}
        defaultMode: 0440
        items: [{ key: fhir_app, path: fhir_app }, { key: gateway_audit, path: gateway_audit }, { key: audit_relay, path: audit_relay }, { key: audit_read, path: audit_read }]
    {{- include "portcullis.databaseCaVolume" . | nindent 4 }}
{{- end }}

{{- define "portcullis.migratePolicySpec" -}}
podSelector: { matchLabels: {{ include "portcullis.selector" (list . "migrate") | fromYaml | toJson }} }
policyTypes: [Ingress, Egress]
egress:
{{ include "portcullis.dnsEgress" . }}
{{ include "portcullis.databaseEgress" . }}
{{- end }}
