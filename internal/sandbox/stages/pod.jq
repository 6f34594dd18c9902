def annotation($name): (.metadata.annotations // {})["sandbox.soctalk.io/" + $name] // "";

def initializers: [(.spec.initContainers // [])[] | select(.restartPolicy != "Always")];

# Always, OnFailure or Never.
def restart: .spec.restartPolicy // "Always";

# What was asked of the pod, by an annotation or by an image.
def behavior:
  if any((.spec.containers + (.spec.initContainers // []))[]; .image | endswith(":broken")) then "image-pull"
  else annotation("behavior") end;

def failing: behavior | . == "fail" or . == "init-fail";

# The stage that the pod goes through next, or nothing when it stays as it is.
def next:
  if .metadata.deletionTimestamp then "pod-delete"
  elif (behavior != "" or annotation("delay") != "") and (.status.startTime | not) then "pod-create"
  elif .status.phase == "Pending" then
    if behavior == "hang" then empty
    elif behavior == "image-pull" then
      if any((.status.containerStatuses + (.status.initContainerStatuses // []))[]; .state.waiting.reason == "ImagePullBackOff")
      then empty else "pod-image-pull" end
    elif behavior == "init-fail" and (initializers | length > 0) then
      if restart == "Never" then "pod-init-exit" else "pod-init-crash" end
    elif failing and restart == "Always" then "pod-crash"
    else "pod-ready" end
  elif .status.phase == "Running" then
    if failing or behavior == "crash" then
      if restart == "Never" then "pod-exit" else "pod-crash" end
    elif restart == "Always" then empty
    else "pod-complete" end
  else empty end;

# How long the pod stays as it is before that; nothing for not at all.
def delay:
  next as $next
  | ([.status.initContainerStatuses[]?, .status.containerStatuses[]? | .restartCount] | max // 0) as $restarts
  | if ($next == "pod-crash" or $next == "pod-init-crash") and $restarts > 0 then "\([2 * $restarts, 60] | min)s"
    elif $next == "pod-create" or $next == "pod-delete" then empty
    elif $next == "pod-ready" and (restart != "Always" or behavior == "crash") then empty
    elif annotation("delay") != "" then annotation("delay")
    elif behavior | startswith("late=") then behavior | ltrimstr("late=") | rtrimstr("s") + "s"
    else empty end;
