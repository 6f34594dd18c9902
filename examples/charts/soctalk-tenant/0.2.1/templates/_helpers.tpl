{{- define "soctalk-tenant.slug" -}}
{{ .Values.tenant.slug | default (trimPrefix "tenant-" .Release.Name) }}
{{- end -}}

{{- define "soctalk-tenant.selector" -}}
app.kubernetes.io/name: soctalk-tenant
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "soctalk-tenant.versionLabels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "soctalk-tenant.labels" -}}
app.kubernetes.io/name: soctalk-tenant
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: soctalk
{{ include "soctalk-tenant.versionLabels" . }}
soctalk.io/mssp-id: {{ .Values.tenant.msspId | quote }}
soctalk.io/install-id: {{ .Values.tenant.installId | quote }}
soctalk.io/tenant-id: {{ .Values.tenant.id | quote }}
{{- end -}}

{{- define "soctalk-tenant.image" -}}
{{ .root.Values.image.registry }}/{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "soctalk-tenant.managerHost" -}}
{{- /* linux-ep: the name that this value had in 0.1.9, and that stored values still carry. */ -}}
{{- $before := (get .Values "linux-ep" | default dict).managerHost -}}
{{- $own := printf "%s-wazuh-manager" .Release.Name -}}
{{- $other := printf "wazuh-%s-wazuh-manager" (include "soctalk-tenant.slug" .) -}}
{{ .Values.linuxep.managerHost | default $before | default (ternary $own $other .Values.components.wazuh.enabled) }}
{{- end -}}

{{- define "soctalk-tenant.kept" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
{{- $data := get $secret "data" | default dict -}}
{{- if hasKey $data .key -}}
{{ get $data .key | b64dec }}
{{- else -}}
{{ randAlphaNum 32 }}
{{- end -}}
{{- end -}}

{{- define "soctalk-tenant.resources" -}}
{{- $table := dict
  "standard" (dict
    "adapter" (list "50m" "64Mi" "200m" "256Mi")
    "runs-worker" (list "100m" "128Mi" "500m" "512Mi")
    "linuxep" (list "50m" "64Mi" "200m" "128Mi"))
  "small" (dict
    "adapter" (list "5m" "16Mi" "50m" "64Mi")
    "runs-worker" (list "5m" "16Mi" "50m" "64Mi")
    "linuxep" (list "5m" "16Mi" "50m" "64Mi")) -}}
{{- $r := get (get $table .root.Values.size) .component -}}
requests:
  cpu: {{ index $r 0 }}
  memory: {{ index $r 1 }}
limits:
  cpu: {{ index $r 2 | quote }}
  memory: {{ index $r 3 }}
{{- end -}}
