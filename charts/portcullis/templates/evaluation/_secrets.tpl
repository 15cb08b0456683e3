{{- /* Made once: what is in the cluster is taken from there at each upgrade. (list $ "database"): data of a Secret, or nothing. */}}
{{- define "portcullis.kept" -}}
{{- $found := lookup "v1" "Secret" (index . 0).Release.Namespace (include "portcullis.component" .) -}}
{{- if $found }}{{ $found.data | default dict | toJson }}{{ else }}{}{{ end }}
{{- end }}
{{- define "portcullis.secretHead" -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "portcullis.component" . }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels: {{- include "portcullis.labels" . | nindent 4 }}
{{- end }}
