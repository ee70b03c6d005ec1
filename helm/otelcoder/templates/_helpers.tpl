{{/* The name of every object: the release's, with the chart's if it lacks it. */}}
{{- define "otelcoder.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What the pods are selected by. */}}
{{- define "otelcoder.selectorLabels" -}}
app.kubernetes.io/name: otelcoder
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The labels of every object of the service. */}}
{{- define "otelcoder.labels" -}}
app.kubernetes.io/name: otelcoder
{{ include "otelcoder.commonLabels" . }}
{{- end -}}

{{/* The labels of every object, but for its name. */}}
{{- define "otelcoder.commonLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: coder
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* These labels and others, of which these win (list context, others). */}}
{{- define "otelcoder.labelsWith" -}}
{{- merge (include "otelcoder.labels" (index . 0) | fromYaml) (index . 1) | toYaml -}}
{{- end -}}

{{- define "otelcoder.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "otelcoder.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* "set" if env or extraEnv has a variable of the name (list context, name). */}}
{{- define "otelcoder.has" -}}
{{- $values := (index . 0).Values -}}
{{- $name := index . 1 -}}
{{- range concat $values.env $values.extraEnv -}}{{- if eq .name $name -}}set{{- end -}}{{- end -}}
{{- end -}}

{{/* The value of a variable in env or extraEnv, empty if unset (list context, name). */}}
{{- define "otelcoder.value" -}}
{{- $values := (index . 0).Values -}}
{{- $name := index . 1 -}}
{{- range concat $values.env $values.extraEnv -}}{{- if eq .name $name -}}{{ .value }}{{- end -}}{{- end -}}
{{- end -}}

{{/* Where the endpoint listens; empty if it is off. */}}
{{- define "otelcoder.address" -}}
{{- $address := include "otelcoder.value" (list . "CODER_PROMETHEUS_ADDRESS") -}}
{{- $enable := include "otelcoder.value" (list . "CODER_PROMETHEUS_ENABLE") -}}
{{- if eq $enable "false" -}}
{{- else if $address -}}
{{- $address -}}
{{- else if $enable -}}
0.0.0.0:2112
{{- end -}}
{{- end -}}

{{/* The port on which the endpoint listens. */}}
{{- define "otelcoder.port" -}}
{{- include "otelcoder.address" . | splitList ":" | last -}}
{{- end -}}

{{/* "on" if metrics are pushed. */}}
{{- define "otelcoder.push" -}}
{{- if or (include "otelcoder.has" (list . "OTEL_EXPORTER_OTLP_ENDPOINT")) (include "otelcoder.has" (list . "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")) -}}on{{- end -}}
{{- end -}}

{{/* A variable that is a key of the database's Secret (list context, name, key). */}}
{{- define "otelcoder.databaseKey" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ (index . 0).Values.database.secretName | quote }}
      key: {{ index . 2 | quote }}
{{ end -}}

{{/*
The variables of the chart itself. The parts of a URL and the certificates are in
PostgreSQL's own variables: a URL put together from $(PGPASSWORD) would break at a
character that is special in a URL.
*/}}
{{- define "otelcoder.env" -}}
{{- $ := . -}}
{{- $database := .Values.database -}}
{{- $address := include "otelcoder.address" . -}}
{{- if $database.urlFile }}
- name: OTELCODER_POSTGRES_URL_FILE
  value: {{ $database.urlFile | quote }}
{{- else if $database.keys }}
- name: CODER_PG_CONNECTION_URL
  value: postgres:///
{{- range $part, $variable := dict "host" "PGHOST" "port" "PGPORT" "database" "PGDATABASE" "user" "PGUSER" "password" "PGPASSWORD" }}
{{- with get $database.keys $part }}
{{ include "otelcoder.databaseKey" (list $ $variable .) | trim }}
{{- end }}
{{- end }}
{{- else }}
{{ include "otelcoder.databaseKey" (list . "CODER_PG_CONNECTION_URL" $database.secretKey) | trim }}
{{- end }}
{{- if include "otelcoder.ca" . }}
- name: PGSSLMODE
  value: {{ $database.ca.sslMode }}
- name: PGSSLROOTCERT
  value: /etc/otelcoder/database-ca/ca.crt
{{- end }}
{{- if $database.clientCertificate.secretName }}
- name: PGSSLCERT
  value: /etc/otelcoder/database-client/tls.crt
- name: PGSSLKEY
  value: /etc/otelcoder/database-client/tls.key
{{- end }}
{{- if ne .Values.metricNames "documented" }}
- name: OTELCODER_METRIC_NAMES
  value: {{ .Values.metricNames }}
{{- end }}
- name: OTELCODER_HEALTH_ADDRESS
  value: "0.0.0.0:2113"
{{- if and $address (not (include "otelcoder.has" (list . "CODER_PROMETHEUS_ENABLE"))) }}
- name: CODER_PROMETHEUS_ENABLE
  value: "true"
{{- end }}
{{- if and $address (not (include "otelcoder.has" (list . "CODER_PROMETHEUS_ADDRESS"))) }}
- name: CODER_PROMETHEUS_ADDRESS
  value: {{ $address | quote }}
{{- end }}
{{- if .Values.webConfig.secretName }}
- name: OTELCODER_WEB_CONFIG_FILE
  value: /etc/otelcoder/web/{{ .Values.webConfig.key }}
{{- end }}
{{- if include "otelcoder.push" . }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if not (include "otelcoder.has" (list . "OTEL_RESOURCE_ATTRIBUTES")) }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: service.namespace=$(POD_NAMESPACE),k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)
{{- end }}
{{- end }}
{{- end -}}

{{/* The name of the Secret or ConfigMap with the database's CA; empty if none. */}}
{{- define "otelcoder.ca" -}}
{{- with .Values.database.ca -}}{{ .secretName }}{{ .configMapName }}{{- end -}}
{{- end -}}

{{/* A duration, such as 1m30s, in milliseconds. */}}
{{- define "otelcoder.milliseconds" -}}
{{- $units := dict "h" 3600000 "m" 60000 "s" 1000 "ms" 1 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | atoi) (get $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* "mounted" if a key of the database's Secret is the file of the URL. */}}
{{- define "otelcoder.mountedURL" -}}
{{- with .Values.database -}}{{- if and .urlFile .secretName -}}mounted{{- end -}}{{- end -}}
{{- end -}}

{{- define "otelcoder.volumes" -}}
{{- $database := .Values.database -}}
{{- if .Values.webConfig.secretName }}
- name: web
  secret:
    secretName: {{ .Values.webConfig.secretName | quote }}
    defaultMode: 0440
{{- end }}
{{- if include "otelcoder.mountedURL" . }}
- name: database-url
  secret:
    secretName: {{ $database.secretName | quote }}
    defaultMode: 0440
    items:
      - key: {{ $database.secretKey | quote }}
        path: {{ base $database.urlFile | quote }}
{{- end }}
{{- if include "otelcoder.ca" . }}
- name: database-ca
  {{- if $database.ca.secretName }}
  secret: # without the other keys, such as the CA's private key
    secretName: {{ $database.ca.secretName | quote }}
  {{- else }}
  configMap:
    name: {{ $database.ca.configMapName | quote }}
  {{- end }}
    items:
      - key: {{ $database.ca.key | quote }}
        path: ca.crt
{{- end }}
{{- with $database.clientCertificate }}
{{- if .secretName }}
- name: database-client
  secret:
    secretName: {{ .secretName | quote }}
    defaultMode: 0440
    items:
      - key: {{ .certKey | quote }}
        path: tls.crt
      - key: {{ .keyKey | quote }}
        path: tls.key
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "otelcoder.volumeMounts" -}}
{{- if .Values.webConfig.secretName }}
- name: web
  mountPath: /etc/otelcoder/web
  readOnly: true
{{- end }}
{{- if include "otelcoder.mountedURL" . }}
- name: database-url
  mountPath: {{ dir .Values.database.urlFile | quote }}
  readOnly: true
{{- end }}
{{- if include "otelcoder.ca" . }}
- name: database-ca
  mountPath: /etc/otelcoder/database-ca
  readOnly: true
{{- end }}
{{- if .Values.database.clientCertificate.secretName }}
- name: database-client
  mountPath: /etc/otelcoder/database-client
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Refuses values that are valid alone and wrong together. */}}
{{- define "otelcoder.check" -}}
{{- $names := dict -}}
{{- range concat (include "otelcoder.env" . | fromYamlArray) .Values.env .Values.extraEnv -}}
{{- if hasKey $names .name -}}
{{- fail (printf "%s is set twice, by env, extraEnv or the chart itself: keep one" .name) -}}
{{- end -}}
{{- $_ := set $names .name true -}}
{{- end -}}
{{- with .Values.database -}}
{{- if and .ca.secretName .ca.configMapName -}}
{{- fail "database.ca has a Secret and a ConfigMap: keep one" -}}
{{- end -}}
{{- if and .urlFile (ne .urlFile (clean .urlFile)) -}}
{{- fail (printf "database.urlFile is %s: write it as %s" .urlFile (clean .urlFile)) -}}
{{- end -}}
{{- if and .urlFile .secretName (regexMatch "^/(etc|otelcoder|(etc/ssl|proc|sys|dev)(/.*)?)$" (dir .urlFile)) -}}
{{- fail (printf "database.urlFile is %s: the Secret would be mounted over %s, which the container needs; use a folder of its own, such as /etc/otelcoder/database-url/%s" .urlFile (dir .urlFile) (base .urlFile)) -}}
{{- end -}}
{{- if and .keys .urlFile -}}
{{- fail "database.keys and database.urlFile are two ways to connect: keep one" -}}
{{- end -}}
{{- if and (not .secretName) (not .urlFile) -}}
{{- fail "database.secretName is empty: name the Secret with the URL, or a file that holds it in database.urlFile" -}}
{{- end -}}
{{- if .keys -}}
{{- range $part, $variable := dict "host" "PGHOST" "database" "PGDATABASE" "user" "PGUSER" -}}
{{- if not (hasKey $names $variable) -}}
{{- fail (printf "database.keys has no %s: name its key, or set %s in extraEnv" $part $variable) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names = dict -}}
{{- range include "otelcoder.volumes" . | fromYamlArray -}}
{{- if hasKey $names .name -}}
{{- fail (printf "two volumes are named %s: choose another name in extraVolumes" .name) -}}
{{- end -}}
{{- $_ := set $names .name true -}}
{{- end -}}
{{- $paths := dict -}}
{{- range include "otelcoder.volumeMounts" . | fromYamlArray -}}
{{- $path := clean .mountPath -}}
{{- if hasKey $paths $path -}}
{{- fail (printf "two volumes are mounted on %s: choose another folder for database.urlFile, or another mountPath in extraVolumeMounts" $path) -}}
{{- end -}}
{{- $_ := set $paths $path true -}}
{{- end -}}
{{- $owned := dict
  "prometheus-enable" ", which would bypass the ports of the chart: set CODER_PROMETHEUS_ENABLE in env"
  "prometheus-address" ", which would bypass the ports of the chart: set CODER_PROMETHEUS_ADDRESS in env"
  "health-address" ", but the probes use port 2113: leave it out"
  "postgres-url" ", which would show the password in the pod: name a Secret in database.secretName"
  "postgres-url-file" ": set database.urlFile"
  "postgres-reporter-url" ", which would show the password in the pod: set OTELCODER_POSTGRES_REPORTER_URL in extraEnv from a Secret"
  "metric-names" ", which would not select the dashboards: set metricNames"
  "web-config-file" ": name its Secret in webConfig.secretName" -}}
{{- range .Values.extraArgs -}}
{{- $flag := regexFind "^--?[a-z-]+" . | trimPrefix "-" | trimPrefix "-" -}}
{{- if hasKey $owned $flag -}}
{{- fail (printf "extraArgs has --%s%s" $flag (get $owned $flag)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.serviceMonitor -}}
{{- if and .enabled (gt (include "otelcoder.milliseconds" .scrapeTimeout | atoi) (include "otelcoder.milliseconds" .interval | atoi)) -}}
{{- fail (printf "serviceMonitor.scrapeTimeout is %s, longer than serviceMonitor.interval, %s: the Prometheus operator rejects this" .scrapeTimeout .interval) -}}
{{- end -}}
{{- end -}}
{{- $address := include "otelcoder.address" . -}}
{{- if and (not $address) (not (include "otelcoder.push" .)) -}}
{{- fail "nothing to do: set CODER_PROMETHEUS_ADDRESS in env to 0.0.0.0:2112 to be scraped, or OTEL_EXPORTER_OTLP_ENDPOINT to push" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not $address) -}}
{{- fail "serviceMonitor.enabled needs the endpoint: set CODER_PROMETHEUS_ADDRESS in env to 0.0.0.0:2112" -}}
{{- end -}}
{{- if $address -}}
{{- if or (hasPrefix "127." $address) (hasPrefix "localhost:" $address) (hasPrefix "[::1]:" $address) -}}
{{- fail (printf "CODER_PROMETHEUS_ADDRESS is %s, which nothing outside of the pod reaches: use 0.0.0.0:%s" $address (include "otelcoder.port" .)) -}}
{{- end -}}
{{- $port := include "otelcoder.port" . | int -}}
{{- if or (gt $port 65535) (lt $port 1024) (eq $port 2113) -}}
{{- fail (printf "CODER_PROMETHEUS_ADDRESS has port %d: choose one from 1024 to 65535 other than 2113, which answers probes" $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
