{{- define "soctalk-system.selector" -}}
app.kubernetes.io/name: soctalk-system
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "soctalk-system.versionLabels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "soctalk-system.labels" -}}
app.kubernetes.io/name: soctalk-system
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: soctalk
{{ include "soctalk-system.versionLabels" . }}
soctalk.io/mssp-id: {{ .Values.install.msspId | quote }}
soctalk.io/install-id: {{ .Values.install.installId | quote }}
{{- end -}}

{{- define "soctalk-system.image" -}}
{{- $image := .root.Values.image -}}
{{ $image.registry }}/{{ $image.repository }}-{{ .component }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "soctalk-system.migrationImage" -}}
{{ .Values.migration.image | default (include "soctalk-system.image" (dict "root" . "component" "api")) }}
{{- end -}}

{{- /* Cluster-scoped names carry the namespace when it is not that of the release, so that installations never share one. */ -}}
{{- define "soctalk-system.clusterName" -}}
{{- if eq .Release.Name .Release.Namespace -}}
{{ .Release.Name }}
{{- else -}}
{{ .Release.Namespace }}-{{ .Release.Name }}
{{- end -}}
{{- end -}}

{{- define "soctalk-system.postgresHost" -}}
{{ .Values.postgres.clusterIP | default (printf "%s-postgres.%s.svc" .Release.Name .Release.Namespace) }}
{{- end -}}

{{- /* A generated value is read back from the cluster, because a second one would lock everybody out. */ -}}
{{- define "soctalk-system.kept" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
{{- $data := get $secret "data" | default dict -}}
{{- if hasKey $data .key -}}
{{ get $data .key | b64dec }}
{{- else -}}
{{ .fallback | default (randAlphaNum 32) }}
{{- end -}}
{{- end -}}

{{- define "soctalk-system.resources" -}}
{{- $table := dict
  "standard" (dict
    "api" (list "200m" "256Mi" "1" "1Gi")
    "app-ui" (list "50m" "64Mi" "200m" "256Mi")
    "postgres" (list "200m" "256Mi" "1" "1Gi")
    "job" (list "50m" "64Mi" "500m" "512Mi"))
  "small" (dict
    "api" (list "10m" "32Mi" "200m" "128Mi")
    "app-ui" (list "5m" "16Mi" "100m" "64Mi")
    "postgres" (list "20m" "64Mi" "500m" "256Mi")
    "job" (list "5m" "16Mi" "200m" "128Mi")) -}}
{{- $r := get (get $table .root.Values.profile) .component -}}
requests:
  cpu: {{ index $r 0 }}
  memory: {{ index $r 1 }}
limits:
  cpu: {{ index $r 2 | quote }}
  memory: {{ index $r 3 }}
{{- end -}}

{{- define "soctalk-system.migrationConfigMap" -}}
{{ .Release.Name }}-migrations-{{ .Chart.Version | replace "+" "-" }}
{{- end -}}

{{- /* The container that brings the schema to this chart's head. */ -}}
{{- define "soctalk-system.migrationContainer" -}}
image: {{ include "soctalk-system.migrationImage" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command:
  {{- toYaml .Values.migration.command | nindent 2 }}
env:
  - name: MIGRATIONS_DIR
    value: /migrations
  - name: WAIT_SECONDS
    value: {{ .Values.migration.waitSeconds | quote }}
  - name: PGHOST
    value: {{ include "soctalk-system.postgresHost" . }}
  - name: PGDATABASE
    value: {{ .Values.postgres.database }}
  - name: PGUSER
    valueFrom:
      secretKeyRef:
        name: {{ .Release.Name }}-postgres-admin-creds
        key: username
  - name: PGPASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Release.Name }}-postgres-admin-creds
        key: password
  - name: APP_PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Release.Name }}-postgres-app-creds
        key: password
  - name: MSSP_PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Release.Name }}-postgres-mssp-creds
        key: password
  - name: MSSP_ID
    value: {{ .Values.install.msspId | quote }}
  - name: INSTALL_ID
    value: {{ .Values.install.installId | quote }}
  - name: INSTALL_LABEL
    value: {{ .Values.install.installLabel | quote }}
  {{- if .Values.bootstrapAdmin.password }}
  - name: ADMIN_EMAIL
    value: {{ .Values.bootstrapAdmin.email | quote }}
  - name: ADMIN_PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Release.Name }}-bootstrap-admin
        key: password
  {{- end }}
resources:
  {{- include "soctalk-system.resources" (dict "root" . "component" "job") | nindent 2 }}
volumeMounts:
  - name: migrations
    mountPath: /migrations
    readOnly: true
{{- end -}}

{{- define "soctalk-system.migrationFiles" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "soctalk-system.migrationConfigMap" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "soctalk-system.labels" . | nindent 4 }}
data:
  migrate.sh: |
    {{- .Files.Get "files/migrate.sh" | nindent 4 }}
  {{- range $path, $_ := .Files.Glob "files/migrations/*.sql" }}
  {{ base $path }}: |
    {{- $.Files.Get $path | nindent 4 }}
  {{- end }}
{{- end -}}
