{{/* trainyard.image is the reference of one of .Values.images: call it with a list of the root and the image. */}}
{{- define "trainyard.image" -}}
{{- $root := index . 0 }}
{{- $image := index . 1 }}
{{- with $root.Values.images.registry }}{{ . }}/{{ end }}
{{- $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $root.Values.images.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* trainyard.labels select the manager's pods. */}}
{{- define "trainyard.labels" -}}
app.kubernetes.io/name: trainyard
app.kubernetes.io/component: manager
{{- end }}

{{/* trainyard.metricsAuth is the name of the rights in the whole cluster that serving metrics takes. Releases for some namespaces have one each. */}}
{{- define "trainyard.metricsAuth" -}}
trainyard-metrics-auth{{ if .Values.watchNamespaces }}-{{ .Release.Namespace }}{{ end }}
{{- end }}
