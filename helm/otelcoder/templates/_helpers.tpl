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

{{/* The labels of every object. */}}
{{- define "otelcoder.labels" -}}
{{ include "otelcoder.selectorLabels" . }}
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

{{/* "set" if env has a variable of the name (list context, name). */}}
{{- define "otelcoder.has" -}}
{{- $name := index . 1 -}}
{{- range (index . 0).Values.env -}}{{- if eq .name $name -}}set{{- end -}}{{- end -}}
{{- end -}}

{{/* The value of a variable in env, empty if it is not there (list context, name). */}}
{{- define "otelcoder.value" -}}
{{- $name := index . 1 -}}
{{- range (index . 0).Values.env -}}{{- if eq .name $name -}}{{ .value }}{{- end -}}{{- end -}}
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

{{/* Refuses values that are each right and together wrong. */}}
{{- define "otelcoder.check" -}}
{{- $names := dict -}}
{{- range .Values.env -}}
{{- if hasKey $names .name -}}
{{- fail (printf "env has %s twice: keep one" .name) -}}
{{- end -}}
{{- $_ := set $names .name true -}}
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
