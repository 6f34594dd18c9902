#!/bin/sh
# Prints what the plan of the files that are checked out is called: the fleet, and
# git's own digest of all that is in its folder. So a plan that was made for other
# files is never found. Needs git.
set -euf

fleet=$(printf %s "${SOCTALK_FLEET:-${SOCTALK_DIR:-.}}" | tr -c 'A-Za-z0-9._-' - | cut -c 1-100)
files=$(cd "${SOCTALK_DIR:-.}" && git rev-parse HEAD:./)
[ -z "${GITHUB_OUTPUT:-}" ] || echo "name=soctalk-plan-$fleet-$files" >>"$GITHUB_OUTPUT"
echo "soctalk-plan-$fleet-$files"
