#!/bin/sh
# Carries out the plan in $SOCTALK_OUT that plan.sh saved, and nothing else: where
# files, charts, values or live releases are no longer those that were reviewed,
# nothing is started. With SOCTALK_RESUME it goes on with that run, past the gate of
# the wave SOCTALK_APPROVE. It ends as soctalk apply does: 4 is a gate that waits.
# Needs soctalk.
set -euf

dir=${SOCTALK_DIR:-.}
out=$(cd "${SOCTALK_OUT:-soctalk-plan}" 2>/dev/null && pwd) || out=
code=0
if [ -n "${SOCTALK_RESUME:-}" ]; then
	# shellcheck disable=SC2086 # several arguments
	soctalk -chdir="$dir" apply ${SOCTALK_APPLY_ARGS:-} -resume="$SOCTALK_RESUME" ${SOCTALK_APPROVE:+"-approve=$SOCTALK_APPROVE"} || code=$?
else
	case $(cat "$out/outcome" 2>/dev/null) in
	none) echo "soctalk: the plan that was reviewed has nothing to do" ;;
	changes)
		# shellcheck disable=SC2086 # several arguments
		soctalk -chdir="$dir" apply -stale=refuse ${SOCTALK_APPLY_ARGS:-} "$out/plan" || code=$?
		;;
	*)
		echo "soctalk: there is no plan to carry out in ${SOCTALK_OUT:-soctalk-plan}" >&2
		exit 1
		;;
	esac
fi
if [ "$code" -eq 4 ] && [ -n "${GITHUB_ACTIONS:-}" ]; then
	echo "::warning title=soctalk::The run waits for an approval: start this workflow by hand with its id and the wave."
fi
exit "$code"
