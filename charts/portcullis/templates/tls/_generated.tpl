{{- /* Certificates that Helm makes: ECDSA P-256, ten years, kept over upgrades by looking them up. */}}

{{- /* (list $ "ca" "CN"): a CA as {cert, key}, kept in the Secret of that name. */}}
{{- define "portcullis.authority" -}}
{{- $root := index . 0 }}{{ $name := index . 1 -}}
{{- $found := (lookup "v1" "Secret" $root.Release.Namespace (include "portcullis.component" (list $root $name))).data | default dict -}}
{{- if hasKey $found "ca.key" -}}
{{ dict "cert" (get $found "ca.crt" | b64dec) "key" (get $found "ca.key" | b64dec) | toJson }}
{{- else -}}
{{- $ca := genCAWithKey (index . 2) 3650 (genPrivateKey "ecdsa") -}}
{{ dict "cert" $ca.Cert "key" $ca.Key | toJson }}
{{- end }}
{{- end }}

{{- /* {root, ca, name, component, cn, names, ips, withCa}: a Secret of type tls; the one that is there stays while its CA and names do. */}}
{{- define "portcullis.issued" -}}
{{- $object := include "portcullis.component" (list .root .name) -}}
{{- $live := lookup "v1" "Secret" .root.Release.Namespace $object -}}
{{- $found := $live.data | default dict -}}
{{- $for := printf "%s %s %s" (sha256sum .ca.cert) (join "," .names) (join "," .ips) | sha256sum -}}
{{- $keep := and (hasKey $found "tls.key") (eq $for (get (($live.metadata | default dict).annotations | default dict) "portcullis.dev/issued-for")) -}}
{{- $pair := dict -}}
{{- if $keep }}{{ $pair = dict "Cert" (get $found "tls.crt" | b64dec) "Key" (get $found "tls.key" | b64dec) -}}
{{- else }}{{ $pair = genSignedCertWithKey .cn .ips .names 3650 (buildCustomCert (b64enc .ca.cert) (b64enc .ca.key)) (genPrivateKey "ecdsa") }}{{ end -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ $object }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "portcullis.labels" (list .root .component) | nindent 4 }}
  annotations:
    portcullis.dev/issued-for: {{ $for }}
type: kubernetes.io/tls
data:
  tls.crt: {{ $pair.Cert | b64enc }}
  tls.key: {{ $pair.Key | b64enc }}
  {{- if .withCa }}
  ca.crt: {{ .ca.cert | b64enc }}
  {{- end }}
{{- end }}

{{- /* (list $ "ca" $ca): the Secret that keeps an authority. Nothing mounts it. */}}
{{- define "portcullis.authoritySecret" -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "portcullis.component" (list (index . 0) (index . 1)) }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels: {{- include "portcullis.labels" (list (index . 0) "tls") | nindent 4 }}
data:
  ca.crt: {{ (index . 2).cert | b64enc }}
  ca.key: {{ (index . 2).key | b64enc }}
{{- end }}

{{- /* The names of the edge: given ones first, then the Service's. */}}
{{- define "portcullis.edgeNames" -}}
{{- $service := include "portcullis.component" (list . "envoy") }}{{ $space := .Release.Namespace -}}
{{- concat .Values.tls.edge.dnsNames (list (printf "%s.%s.svc.cluster.local" $service $space) (printf "%s.%s.svc" $service $space) (printf "%s.%s" $service $space) $service "localhost") | uniq | toJson }}
{{- end }}
