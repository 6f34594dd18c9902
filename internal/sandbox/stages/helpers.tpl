{{- /* One entry of containerStatuses. Takes pod, container, restarts and state. */ -}}
{{- define "container" }}
{{- $now := Now }}
{{- $identity := printf "%s/%s/%v" .pod.metadata.uid .container.name .restarts }}
- name: {{ .container.name | Quote }}
  image: {{ .container.image | Quote }}
  restartCount: {{ .restarts }}
  ready: {{ or (eq .state "running") (eq .state "initialized") }}
  started: {{ eq .state "running" }}
  {{- if eq .state "waiting" "unpullable" }}
  imageID: ""
  {{- else }}
  imageID: {{ printf "%s@sha256:%s" (regexReplaceAll "(:[^:/@]+)?(@.*)?$" .container.image "") (sha256sum .container.image) | Quote }}
  containerID: {{ printf "containerd://%s" (sha256sum $identity) | Quote }}
  {{- end }}
  {{- if eq .state "crashed" }}
  lastState:
    terminated: {{ template "terminated" (dict "code" 1 "reason" "Error" "identity" $identity "now" $now "status" .pod.status) }}
  {{- end }}
  state:
  {{- if eq .state "running" }}
    running: {startedAt: {{ $now | Quote }}}
  {{- else if eq .state "completed" "initialized" }}
    terminated: {{ template "terminated" (dict "code" 0 "reason" "Completed" "identity" $identity "now" $now "status" .pod.status) }}
  {{- else if eq .state "failed" }}
    terminated: {{ template "terminated" (dict "code" 1 "reason" "Error" "identity" $identity "now" $now "status" .pod.status) }}
  {{- else if eq .state "crashed" }}
    waiting:
      reason: CrashLoopBackOff
      message: {{ printf "back-off %ds restarting failed container=%s pod=%s_%s(%s)" (min 60 (mul 2 .restarts)) .container.name .pod.metadata.name .pod.metadata.namespace .pod.metadata.uid | Quote }}
  {{- else if eq .state "unpullable" }}
    waiting:
      reason: ImagePullBackOff
      message: {{ printf "Back-off pulling image %q: not found" .container.image | Quote }}
  {{- else }}
    waiting: {reason: {{ .reason }}}
  {{- end }}
{{- end }}

{{- define "terminated" -}}
{exitCode: {{ .code }}, reason: {{ .reason }}, startedAt: {{ or .status.startTime .now | Quote }}, finishedAt: {{ .now | Quote }}, containerID: {{ printf "containerd://%s" (sha256sum .identity) | Quote }}}
{{- end }}

{{- /* The statuses of the init containers once all of them are through. */ -}}
{{- define "initialized" }}
initContainerStatuses:
{{- $pod := . }}
{{- range .spec.initContainers }}
{{- $state := eq (default "" .restartPolicy) "Always" | ternary "running" "initialized" }}
{{- template "container" (dict "pod" $pod "container" . "restarts" 0 "state" $state) }}
{{- end }}
{{- end }}

{{- /* A condition. Takes type, status and reason. */ -}}
{{- define "condition" }}
- type: {{ .type }}
  status: {{ .status | Quote }}
  lastTransitionTime: {{ Now | Quote }}
  reason: {{ .reason | Quote }}
{{- end }}

{{- /* Whether the pod is initialized and ready. Takes initialized, ready and reason. */ -}}
{{- define "conditions" }}
conditions:
{{- template "condition" (dict "type" "PodReadyToStartContainers" "status" "True" "reason" "") }}
{{- template "condition" (dict "type" "Initialized" "status" .initialized "reason" (eq .initialized "True" | ternary "" "ContainersNotInitialized")) }}
{{- template "condition" (dict "type" "Ready" "status" .ready "reason" .reason) }}
{{- template "condition" (dict "type" "ContainersReady" "status" .ready "reason" .reason) }}
{{- end }}

{{- /* Where the pod runs. */ -}}
{{- define "place" }}
observedGeneration: {{ .metadata.generation }}
startTime: {{ or .status.startTime Now | Quote }}
{{- with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{- range . }}
- ip: {{ . | Quote }}
{{- end }}
{{- end }}
{{- if not .status.podIP }}
{{- with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{- range . }}
- ip: {{ . | Quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
