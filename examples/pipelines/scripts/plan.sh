#!/bin/sh
# Plans the fleet in $SOCTALK_DIR, and leaves in the folder $SOCTALK_OUT:
#   plan        for apply.sh, where there is something to do
#   plan.json   the plan document, for policies and other programs
#   comment.md  the plan for a pull request, or why there is none
#   outcome     none, changes or failed
# It ends with 1 when the plan failed. Needs soctalk.
set -euf

dir=${SOCTALK_DIR:-.}
out=${SOCTALK_OUT:-soctalk-plan}
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out/plan" "$out/plan.json" "$out/comment.md" "$out/outcome"
text=$(mktemp) errors=$(mktemp)
trap 'rm -f "$text" "$errors"' EXIT

code=0
# shellcheck disable=SC2086 # several arguments
soctalk -chdir="$dir" plan ${SOCTALK_PLAN_ARGS:-} -detailed-exitcode -format=markdown -out="$out/plan" -json-into="$out/plan.json" >"$text" 2>"$errors" || code=$?
cat "$errors" >&2
case $code in
0) outcome=none && rm -f "$out/plan" ;;
2) outcome=changes ;;
*) outcome=failed && rm -f "$out/plan" ;;
esac
echo "$outcome" >"$out/outcome"

# The first line tells the comment from others; see comment.sh.
fleet=$(printf %s "${SOCTALK_FLEET:-$dir}" | tr -c 'A-Za-z0-9._/-' - | cut -c 1-100)
{
	echo "<!-- soctalk plan of $fleet -->"
	if [ -s "$text" ]; then
		cat "$text"
	else
		printf '## soctalk plan\n\n**There is no plan.**\n\n'
		# Indented, so that nothing in it is taken for Markdown.
		sed 's/^/    /' "$errors" | head -c 60000
	fi
	printf '\n\n%s of `%s`%s\n' "Plan" "$fleet" "${SOCTALK_COMMIT:+ at $SOCTALK_COMMIT}${SOCTALK_LOG_URL:+, [log]($SOCTALK_LOG_URL)}"
} >"$out/comment.md"

[ -z "${GITHUB_OUTPUT:-}" ] || echo "outcome=$outcome" >>"$GITHUB_OUTPUT"
echo "soctalk plan: $outcome"
[ "$outcome" != failed ]
