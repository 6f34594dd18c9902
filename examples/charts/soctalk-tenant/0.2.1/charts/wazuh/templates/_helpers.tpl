{{- define "wazuh.name" -}}
{{ .Release.Name }}-wazuh
{{- end -}}

{{- define "wazuh.selector" -}}
app.kubernetes.io/name: wazuh
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* Chart and version stand on no pod: a data plane restarts only when it really changes. */ -}}
{{- define "wazuh.labels" -}}
app.kubernetes.io/name: wazuh
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: soctalk
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "wazuh.image" -}}
{{ .root.Values.image.registry }}/{{ (get .root.Values .component).image }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "wazuh.kept" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
{{- $data := get $secret "data" | default dict -}}
{{- if hasKey $data .key -}}
{{ get $data .key | b64dec }}
{{- else -}}
{{ randAlphaNum 24 }}
{{- end -}}
{{- end -}}

{{- define "wazuh.resources" -}}
{{- $table := dict
  "standard" (dict
    "indexer" (list "200m" "512Mi" "1500m" "2Gi")
    "manager" (list "100m" "256Mi" "1" "1Gi")
    "dashboard" (list "100m" "256Mi" "1" "1Gi")
    "certgen" (list "10m" "32Mi" "200m" "128Mi"))
  "small" (dict
    "indexer" (list "5m" "32Mi" "100m" "128Mi")
    "manager" (list "5m" "16Mi" "100m" "64Mi")
    "dashboard" (list "5m" "16Mi" "100m" "64Mi")
    "certgen" (list "5m" "16Mi" "100m" "64Mi")) -}}
{{- $r := get (get $table .root.Values.size) .component -}}
requests:
  cpu: {{ index $r 0 }}
  memory: {{ index $r 1 }}
limits:
  cpu: {{ index $r 2 | quote }}
  memory: {{ index $r 3 }}
{{- end -}}

{{- define "wazuh.claim" -}}
- metadata:
    name: {{ .name }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .root.Values.storage.className }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .size }}
{{- end -}}
