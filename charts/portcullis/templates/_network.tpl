{{- define "portcullis.dnsEgress" -}}
{{- with .Values.networkPolicy.dns -}}
- to:
  - namespaceSelector: {{ toJson .namespaceSelector }}
    podSelector: {{ toJson .podSelector }}
  {{- range .cidrs }}
  - ipBlock: { cidr: {{ . }} }
  {{- end }}
  ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
{{- end }}
{{- end }}

{{- /* Peers of an outside part as a list: the metadata address stays closed in the one block that could hold it. */}}
{{- define "portcullis.outsidePeers" -}}
{{- range .cidrs }}
- ipBlock:
    cidr: {{ . }}
    {{- if eq . "0.0.0.0/0" }}
    except: [169.254.0.0/16]
    {{- end }}
{{- end }}
{{- with .peers }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* (list $target $ports): nothing where the target is nowhere. */}}
{{- define "portcullis.outsideEgress" -}}
{{- $peers := include "portcullis.outsidePeers" (index . 0) -}}
{{- if trim $peers -}}
- to: {{- $peers | nindent 2 }}
  ports: {{- range index . 1 }}
  - { port: {{ . }}, protocol: TCP }
  {{- end }}
{{- end }}
{{- end }}

{{- /* (list $ "postgres" 5432): to pods of a component of this release. */}}
{{- define "portcullis.componentEgress" -}}
- to: [{ podSelector: { matchLabels: {{ include "portcullis.selector" (list (index . 0) (index . 1)) | fromYaml | toJson }} } }]
  ports: [{ port: {{ index . 2 }}, protocol: TCP }]
{{- end }}

{{- define "portcullis.databaseEgress" -}}
{{- if include "portcullis.isEvaluation" . -}}
{{ include "portcullis.componentEgress" (list . "postgres" 5432) }}
{{- else if .Values.database.cloudnativepg.enabled -}}
- to: [{ podSelector: { matchLabels: { cnpg.io/cluster: {{ include "portcullis.component" (list . "db") }} } } }]
  ports: [{ port: 5432, protocol: TCP }]
{{- else -}}
{{ include "portcullis.outsideEgress" (list .Values.networkPolicy.database (list .Values.database.port)) }}
{{- end }}
{{- end }}

{{- define "portcullis.bucketEgress" -}}
{{ include "portcullis.outsideEgress" (list .Values.networkPolicy.bucket .Values.networkPolicy.bucket.ports) }}
{{- if .Values.networkPolicy.podIdentity }}
- to: [{ ipBlock: { cidr: 169.254.170.23/32 } }]
  ports: [{ port: 80, protocol: TCP }]
{{- end }}
{{- end }}

{{- /* (list $ "fhir" 8080): from pods of a component. */}}
{{- define "portcullis.componentIngress" -}}
- from: [{ podSelector: { matchLabels: {{ include "portcullis.selector" (list (index . 0) (index . 1)) | fromYaml | toJson }} } }]
  ports: [{ port: {{ index . 2 }}, protocol: TCP }]
{{- end }}

{{- /* (list $ 9002) */}}
{{- define "portcullis.monitoringIngress" -}}
{{- with (index . 0).Values.networkPolicy.monitoringFrom -}}
- from: {{- toYaml . | nindent 2 }}
  ports: [{ port: {{ index $ 1 }}, protocol: TCP }]
{{- end }}
{{- end }}

{{- /* (list $ "fhir") */}}
{{- define "portcullis.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "portcullis.component" . }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels: {{- include "portcullis.labels" . | nindent 4 }}
spec:
  podSelector: { matchLabels: {{ include "portcullis.selector" . | fromYaml | toJson }} }
  policyTypes: [Ingress, Egress]
{{- end }}
