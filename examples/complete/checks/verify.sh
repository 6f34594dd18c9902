#!/bin/sh
# Is given the slug of a tenant; exit code 0 says that it is well.
set -eu
kubectl --namespace "tenant-$1" rollout status deployment/soctalk-adapter --timeout=60s
