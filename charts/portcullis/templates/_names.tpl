{{- define "portcullis.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- /* (list $ "envoy"): the name of a component's objects. */}}
{{- define "portcullis.component" -}}
{{ include "portcullis.name" (index . 0) }}-{{ index . 1 }}
{{- end }}

{{- define "portcullis.instanceLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "portcullis.selector" -}}
{{ include "portcullis.instanceLabels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- /* (list $ $component.image) */}}
{{- define "portcullis.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "portcullis.isEvaluation" -}}
{{- if eq .Values.mode "evaluation" }}true{{ end }}
{{- end }}

{{- /* The migrations run as an ordinary Job at the first install where the database is part of the release, and as a hook before everything else otherwise. */}}
{{- define "portcullis.bringsDatabase" -}}
{{- if or (include "portcullis.isEvaluation" .) .Values.database.cloudnativepg.enabled }}true{{ end }}
{{- end }}

{{- define "portcullis.baseUrl" -}}
{{- .Values.baseUrl | default (printf "https://%s.%s.svc.cluster.local%s/fhir" (include "portcullis.component" (list . "envoy")) .Release.Namespace (ternary "" (printf ":%v" .Values.envoy.service.port) (eq (int .Values.envoy.service.port) 443))) }}
{{- end }}

{{- /* Names of what lies in Secrets and ConfigMaps: given, or the chart's own. */}}
{{- define "portcullis.clientsConfigMap" -}}{{ .Values.clients.existingConfigMap | default (include "portcullis.component" (list . "clients")) }}{{- end }}
{{- define "portcullis.quotasConfigMap" -}}{{ .Values.quotas.existingConfigMap | default (include "portcullis.component" (list . "quotas")) }}{{- end }}
{{- define "portcullis.edgeSecret" -}}{{ .Values.tls.edge.secretName | default (include "portcullis.component" (list . "edge-tls")) }}{{- end }}
{{- define "portcullis.clientCaSecret" -}}{{ .Values.tls.clientCa.secretName | default (include "portcullis.component" (list . "client-ca")) }}{{- end }}
{{- define "portcullis.rolesSecret" -}}
{{- if .Values.database.cloudnativepg.enabled }}{{ required "database.rolesSecret: name the Secret with the roles' passwords" .Values.database.rolesSecret }}
{{- else }}{{ .Values.database.rolesSecret | default (include "portcullis.component" (list . "database")) }}{{ end }}
{{- end }}
{{- define "portcullis.identitySecret" -}}{{ .Values.identityKeysSecret | default (include "portcullis.component" (list . "identity")) }}{{- end }}
{{- define "portcullis.signingSecret" -}}{{ .Values.audit.signingKeySecret.name | default (include "portcullis.component" (list . "audit-signing")) }}{{- end }}

{{- /* (list $ "gateway"): the Secret with a component's certificate for inside. */}}
{{- define "portcullis.internalSecret" -}}
{{- $root := index . 0 }}{{ $component := index . 1 -}}
{{- if eq $root.Values.tls.internal.source "secrets" }}{{ get $root.Values.tls.internal (printf "%sSecret" $component) }}
{{- else }}{{ include "portcullis.component" (list $root (printf "%s-internal-tls" $component)) }}{{ end }}
{{- end }}

{{- /* (list $ "gateway"): the DNS name that a component proves inside: the same whatever the cluster's domain is. */}}
{{- define "portcullis.internalName" -}}
{{ include "portcullis.component" . }}.{{ (index . 0).Release.Namespace }}
{{- end }}

{{- define "portcullis.databaseHost" -}}
{{- if include "portcullis.isEvaluation" . }}{{ include "portcullis.component" (list . "postgres") }}
{{- else if .Values.database.cloudnativepg.enabled }}{{ include "portcullis.component" (list . "db") }}-rw
{{- else }}{{ .Values.database.host }}{{ end }}
{{- end }}

{{- /* (list $ "role" "host"): an address without a password: PGPASSWORD has it. */}}
{{- define "portcullis.databaseUrl" -}}
{{- $root := index . 0 -}}
{{- if include "portcullis.isEvaluation" $root -}}
postgres://{{ index . 1 }}@{{ index . 2 }}:5432/portcullis
{{- else -}}
postgres://{{ index . 1 }}@{{ index . 2 }}:{{ $root.Values.database.port }}/{{ $root.Values.database.name }}?sslmode={{ $root.Values.database.sslMode }}
{{- end }}
{{- end }}

{{- define "portcullis.databaseCaSecret" -}}
{{- if .Values.database.caSecret.name }}{{ .Values.database.caSecret.name }}
{{- else if and .Values.database.cloudnativepg.enabled (eq .Values.database.sslMode "verify-full") }}{{ include "portcullis.component" (list . "db") }}-ca{{ end }}
{{- end }}

{{- define "portcullis.ownerSecret" -}}
{{- if include "portcullis.isEvaluation" . }}{{ include "portcullis.component" (list . "database") }}
{{- else if .Values.database.cloudnativepg.enabled }}{{ .Values.database.owner.secretName | default (printf "%s-app" (include "portcullis.component" (list . "db"))) }}
{{- else }}{{ .Values.database.owner.secretName }}{{ end }}
{{- end }}
{{- define "portcullis.ownerName" -}}
{{- if include "portcullis.isEvaluation" . }}postgres{{ else if .Values.database.cloudnativepg.enabled }}portcullis{{ else }}{{ .Values.database.owner.username }}{{ end }}
{{- end }}
{{- define "portcullis.ownerPasswordKey" -}}{{ ternary "owner" .Values.database.owner.passwordKey (eq .Values.mode "evaluation") }}{{- end }}

{{- /* (list $ $component "envoy"): how many pods, where no autoscaler says it. */}}
{{- define "portcullis.replicas" -}}
{{- $root := index . 0 }}{{ $given := (index . 1).replicas }}{{ $production := index . 2 -}}
{{- if kindIs "invalid" $given }}{{ ternary 1 $production (eq $root.Values.mode "evaluation") }}{{ else }}{{ int $given }}{{ end }}
{{- end }}

{{- define "portcullis.hpaEnabled" -}}
{{- $root := index . 0 }}{{ $enabled := (index . 1).hpa.enabled -}}
{{- if kindIs "invalid" $enabled }}{{ if eq $root.Values.mode "production" }}true{{ end }}{{ else if $enabled }}true{{ end }}
{{- end }}
