{{- /* What every pod of the chart has in common: (list $ $component "envoy") */}}
{{- define "portcullis.podMetadata" -}}
{{- $root := index . 0 }}{{ $component := index . 1 -}}
labels:
  {{- include "portcullis.labels" (list $root (index . 2)) | nindent 2 }}
  {{- with $component.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with $component.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "portcullis.podSpec" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $name := index . 2 -}}
serviceAccountName: {{ include "portcullis.component" (list $root $name) }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with $component.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $component.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.topologySpread }}
topologySpreadConstraints:
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ $key }}
  maxSkew: {{ $component.topologySpread.maxSkew }}
  whenUnsatisfiable: {{ $component.topologySpread.whenUnsatisfiable }}
  nodeTaintsPolicy: Honor
  labelSelector: { matchLabels: {{ include "portcullis.selector" (list $root $name) | fromYaml | toJson }} }
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{- define "portcullis.containerSecurity" -}}
securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
{{- end }}

{{- define "portcullis.imageOf" -}}
image: {{ include "portcullis.image" . }}
imagePullPolicy: {{ (index . 0).Values.image.pullPolicy }}
{{- end }}

{{- /* Probes of a process with gRPC health on its own port: startup as long as a database may take to come up. */}}
{{- define "portcullis.grpcProbes" -}}
startupProbe: { grpc: { port: 9001, service: liveness }, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 60 }
readinessProbe: { grpc: { port: 9001, service: readiness }, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }
livenessProbe: { grpc: { port: 9001, service: liveness }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }
{{- end }}

{{- define "portcullis.healthPorts" -}}
- { name: health, containerPort: 9001 }
- { name: metrics, containerPort: 9002 }
{{- end }}

{{- define "portcullis.healthEnv" -}}
- { name: HEALTH_LISTEN, value: "0.0.0.0:9001" }
- { name: METRICS_LISTEN, value: "0.0.0.0:9002" }
{{- end }}

{{- /* (list $ "fhir_app" "fhir"): as a role with its own password; the last one says which Secret key. */}}
{{- define "portcullis.databaseEnv" -}}
{{- $root := index . 0 }}{{ $role := index . 1 -}}
- { name: DATABASE_URL, value: {{ include "portcullis.databaseUrl" (list $root $role (include "portcullis.databaseHost" $root)) | quote }} }
- { name: PGPASSWORD, valueFrom: { secretKeyRef: { name: {{ include "portcullis.rolesSecret" $root }}, key: {{ $role }} } } }
{{- include "portcullis.databaseCaEnv" $root }}
{{- end }}

{{- define "portcullis.databaseCaEnv" -}}
{{- if and (include "portcullis.databaseCaSecret" .) (not (include "portcullis.isEvaluation" .)) }}
- { name: DATABASE_CA_FILE, value: /run/secrets/database-ca/{{ .Values.database.caSecret.key }} }
{{- end }}
{{- end }}
{{- define "portcullis.databaseCaMount" -}}
{{- if and (include "portcullis.databaseCaSecret" .) (not (include "portcullis.isEvaluation" .)) }}
- { name: database-ca, mountPath: /run/secrets/database-ca, readOnly: true }
{{- end }}
{{- end }}
{{- define "portcullis.databaseCaVolume" -}}
{{- if and (include "portcullis.databaseCaSecret" .) (not (include "portcullis.isEvaluation" .)) }}
- { name: database-ca, secret: { secretName: {{ include "portcullis.databaseCaSecret" . }}, defaultMode: 0440 } }
{{- end }}
{{- end }}

{{- /* (list $ "secret"): how a store is reached, with the keys of that Secret, or with the ServiceAccount's role where it is "". */}}
{{- define "portcullis.s3Env" -}}
{{- $root := index . 0 -}}
- { name: AWS_REGION, value: {{ $root.Values.s3.region | quote }} }
{{- with $root.Values.s3.endpoint }}
- { name: S3_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- if $root.Values.s3.plaintext }}
- { name: S3_PLAINTEXT, value: "on" }
{{- end }}
{{- with index . 1 }}
- { name: AWS_ACCESS_KEY_ID, valueFrom: { secretKeyRef: { name: {{ . }}, key: access-key-id } } }
- { name: AWS_SECRET_ACCESS_KEY, valueFrom: { secretKeyRef: { name: {{ . }}, key: secret-access-key } } }
{{- end }}
{{- if $root.Values.s3.caSecret.name }}
- { name: S3_CA_FILE, value: /run/secrets/s3-ca/{{ $root.Values.s3.caSecret.key }} }
{{- end }}
{{- end }}
{{- define "portcullis.s3CaMount" -}}
{{- if .Values.s3.caSecret.name }}
- { name: s3-ca, mountPath: /run/secrets/s3-ca, readOnly: true }
{{- end }}
{{- end }}
{{- define "portcullis.s3CaVolume" -}}
{{- with .Values.s3.caSecret.name }}
- { name: s3-ca, secret: { secretName: {{ . }}, defaultMode: 0440 } }
{{- end }}
{{- end }}

{{- /* Settings by name that an operator adds. */}}
{{- define "portcullis.extraEnv" -}}
{{- range $name, $value := .env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- /* (list $ $component "envoy" productionReplicas) */}}
{{- define "portcullis.deploymentHead" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $name := index . 2 -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "portcullis.component" (list $root $name) }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "portcullis.labels" (list $root $name) | nindent 4 }}
spec:
  {{- if not (and (hasKey $component "hpa") (include "portcullis.hpaEnabled" (list $root $component))) }}
  replicas: {{ include "portcullis.replicas" (list $root $component (index . 3)) }}
  {{- end }}
  revisionHistoryLimit: 3
  selector: { matchLabels: {{ include "portcullis.selector" (list $root $name) | fromYaml | toJson }} }
{{- end }}

{{- define "portcullis.serviceAccount" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $name := index . 2 -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "portcullis.component" (list $root $name) }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "portcullis.labels" (list $root $name) | nindent 4 }}
  {{- with $component.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- define "portcullis.pdb" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $name := index . 2 -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "portcullis.component" (list $root $name) }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "portcullis.labels" (list $root $name) | nindent 4 }}
spec:
  maxUnavailable: {{ $component.pdb.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector: { matchLabels: {{ include "portcullis.selector" (list $root $name) | fromYaml | toJson }} }
{{- end }}

{{- define "portcullis.hpa" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $name := index . 2 -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "portcullis.component" (list $root $name) }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "portcullis.labels" (list $root $name) | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "portcullis.component" (list $root $name) }} }
  minReplicas: {{ $component.hpa.minReplicas }}
  maxReplicas: {{ $component.hpa.maxReplicas }}
  metrics:
  - type: Resource
    resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ $component.hpa.cpu }} } }
  {{- with $component.hpa.inFlight }}
  - type: Pods
    pods: { metric: { name: fhir_requests_in_flight }, target: { type: AverageValue, averageValue: {{ . | quote }} } }
  {{- end }}
  behavior:
    # Quickly up, slowly down: a pod that leaves takes its share of quota leases and warm caches with it.
    scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: Percent, value: 100, periodSeconds: 30 }] }
    scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: Pods, value: 1, periodSeconds: 60 }] }
{{- end }}
