{{- /* What can't be: each reason says what to set. The schema has checked names, types and forms before. */}}
{{- define "portcullis.requirements" -}}
{{- $v := .Values }}{{ $reasons := list }}
{{- $production := eq $v.mode "production" }}
{{- $cnpg := $v.database.cloudnativepg.enabled }}
{{- if $production }}
  {{- range $what, $value := dict
    "baseUrl: the address that clients use, such as https://fhir.example.org/fhir" $v.baseUrl
    "tls.clientCa.secretName: a Secret with ca.crt, the CA of the clients' certificates" $v.tls.clientCa.secretName
    "database.rolesSecret: a Secret with the passwords fhir_app, gateway_audit, audit_relay and audit_read" $v.database.rolesSecret
    "redis.host: the address of Redis or Valkey" $v.redis.host
    "audit.bucket: s3://bucket/prefix, with Object Lock" $v.audit.bucket
    "audit.signingKeySecret.name: a Secret with the key that signs checkpoints" $v.audit.signingKeySecret.name
    "identityKeysSecret: a Secret with the key identity.keys" $v.identityKeysSecret }}
    {{- if not $value }}{{ $reasons = append $reasons (printf "mode production needs %s" $what) }}{{ end }}
  {{- end }}
  {{- if not (or $v.clients.existingConfigMap $v.clients.content) }}{{ $reasons = append $reasons "mode production needs clients.existingConfigMap or clients.content: nobody is registered otherwise" }}{{ end }}
  {{- if not (or $v.quotas.existingConfigMap $v.quotas.content) }}{{ $reasons = append $reasons "mode production needs quotas.existingConfigMap or quotas.content" }}{{ end }}
  {{- if eq $v.tls.edge.source "generated" }}{{ $reasons = append $reasons "tls.edge.source generated is for evaluation: set secret or cert-manager" }}{{ end }}
  {{- if $cnpg }}
    {{- if $v.database.host }}{{ $reasons = append $reasons "database.host and database.cloudnativepg.enabled: choose one" }}{{ end }}
    {{- if and $v.database.cloudnativepg.backup.enabled (not $v.database.cloudnativepg.backup.destinationPath) }}{{ $reasons = append $reasons "database.cloudnativepg.backup.enabled needs destinationPath: s3://bucket/path" }}{{ end }}
  {{- else }}
    {{- if not $v.database.host }}{{ $reasons = append $reasons "mode production needs database.host (or database.cloudnativepg.enabled)" }}{{ end }}
    {{- if not $v.database.owner.secretName }}{{ $reasons = append $reasons "mode production needs database.owner.secretName: the migrations work as the owner" }}{{ end }}
    {{- if and $v.networkPolicy.enabled (not (or $v.networkPolicy.database.cidrs $v.networkPolicy.database.peers)) }}{{ $reasons = append $reasons "networkPolicy.database: say where the database is (cidrs or peers), everything else is closed" }}{{ end }}
  {{- end }}
  {{- if and $v.networkPolicy.enabled (not (or $v.networkPolicy.redis.cidrs $v.networkPolicy.redis.peers)) }}{{ $reasons = append $reasons "networkPolicy.redis: say where Redis is (cidrs or peers), everything else is closed" }}{{ end }}
  {{- if and $v.networkPolicy.enabled (not (or $v.networkPolicy.bucket.cidrs $v.networkPolicy.bucket.peers)) }}{{ $reasons = append $reasons "networkPolicy.bucket: say where the bucket is (cidrs or peers), everything else is closed" }}{{ end }}
  {{- if and $v.database.pooler (not $v.database.directHost) }}{{ $reasons = append $reasons "database.pooler needs database.directHost: migrations and background work go past the pooler" }}{{ end }}
  {{- if and $v.database.caSecret.name (ne $v.database.sslMode "verify-full") }}{{ $reasons = append $reasons "database.caSecret is for database.sslMode verify-full: nothing else checks the server's certificate against it" }}{{ end }}
  {{- if and $v.redis.caSecret.name (not $v.redis.tls) }}{{ $reasons = append $reasons "redis.caSecret needs redis.tls" }}{{ end }}
{{- else }}
  {{- range $what, $value := dict "database.host" $v.database.host "database.cloudnativepg.enabled" $cnpg "redis.host" $v.redis.host "audit.bucket" $v.audit.bucket "database.pooler" $v.database.pooler }}
    {{- if $value }}{{ $reasons = append $reasons (printf "%s is set, but mode evaluation brings its own: set mode: production" $what) }}{{ end }}
  {{- end }}
  {{- if ne $v.tls.edge.source "generated" }}{{ $reasons = append $reasons "mode evaluation makes its own certificates: leave tls.edge.source at generated, or set mode: production" }}{{ end }}
  {{- if gt (int $v.relay.replicas) 1 }}{{ $reasons = append $reasons "relay.replicas: in mode evaluation the bucket is a volume that one relay can mount" }}{{ end }}
{{- end }}
{{- if and (eq $v.tls.edge.source "secret") (not $v.tls.edge.secretName) }}{{ $reasons = append $reasons "tls.edge.source secret needs tls.edge.secretName" }}{{ end }}
{{- if and (eq $v.tls.edge.source "cert-manager") (not (and $v.tls.edge.dnsNames $v.tls.edge.issuerRef.name)) }}{{ $reasons = append $reasons "tls.edge.source cert-manager needs tls.edge.dnsNames and tls.edge.issuerRef.name" }}{{ end }}
{{- if and (eq $v.tls.internal.source "secrets") (not (and $v.tls.internal.envoySecret $v.tls.internal.gatewaySecret $v.tls.internal.fhirSecret)) }}{{ $reasons = append $reasons "tls.internal.source secrets needs envoySecret, gatewaySecret and fhirSecret" }}{{ end }}
{{- if and (hasPrefix "http://" $v.s3.endpoint) (not $v.s3.plaintext) }}{{ $reasons = append $reasons "s3.endpoint is without TLS: use https://, or set s3.plaintext" }}{{ end }}
{{- range $name := list "envoy" "gateway" "fhir" }}
  {{- $hpa := (get $v $name).hpa }}
  {{- if gt (int $hpa.minReplicas) (int $hpa.maxReplicas) }}{{ $reasons = append $reasons (printf "%s.hpa: minReplicas is above maxReplicas" $name) }}{{ end }}
{{- end }}
{{- range $name := list "gateway" "fhir" }}
  {{- $drain := (get $v $name).drain }}
  {{- if ge (int $drain.delaySeconds) (int $drain.seconds) }}{{ $reasons = append $reasons (printf "%s.drain: delaySeconds must be less than seconds, which is for the whole" $name) }}{{ end }}
{{- end }}
{{- if ge (int $v.envoy.drainDelaySeconds) (int $v.envoy.drainSeconds) }}{{ $reasons = append $reasons "envoy: drainDelaySeconds must be less than drainSeconds, which is for the whole" }}{{ end }}
{{- $limit := toString $v.envoy.resources.limits.memory }}
{{- if regexMatch "^[0-9]+[MG]i$" $limit }}
  {{- $megabytes := mul (int (regexFind "^[0-9]+" $limit)) (ternary 1024 1 (hasSuffix "Gi" $limit)) }}
  {{- if ge (int $v.envoy.maxHeapMb) (int $megabytes) }}{{ $reasons = append $reasons (printf "envoy.maxHeapMb must be below envoy.resources.limits.memory (%s): the pod is killed before Envoy refuses anything" $limit) }}{{ end }}
{{- end }}
{{- range $name := list "clients" "quotas" }}
  {{- with (get $v $name).content }}
    {{- $file := fromYaml . }}
    {{- if hasKey $file "Error" }}{{ $reasons = append $reasons (printf "%s.content is no %s.yaml: %s" $name $name $file.Error) }}
    {{- else if not (kindIs "slice" (get $file $name)) }}{{ $reasons = append $reasons (printf "%s.content is no %s.yaml: it needs a list %s" $name $name $name) }}{{ end }}
  {{- end }}
{{- end }}
{{- range $name := list "database" "redis" "bucket" "subscriptions" }}
  {{- range (get $v.networkPolicy $name).cidrs }}
    {{- if hasPrefix "169.254." . }}{{ $reasons = append $reasons (printf "networkPolicy.%s.cidrs: %s would open the instance's metadata" $name .) }}{{ end }}
  {{- end }}
{{- end }}
{{- if $reasons }}{{ fail (printf "\n\nThese values can't be:\n  - %s\n" (join "\n  - " $reasons)) }}{{ end }}
{{- end }}
