#!/bin/sh
# Finds the plan that was reviewed for the files that are checked out.
#   GitHub: the run with the newest artifact that is named after these very files
#           is written to GITHUB_OUTPUT as run_id, and its name as name, for
#           actions/download-artifact.
#   GitLab: what the merge request's last plan saved is put into $SOCTALK_OUT.
# It ends with 1 when there is none. Needs curl, jq and git, and GITHUB_TOKEN, which
# may read actions, or SOCTALK_GITLAB_TOKEN.
set -euf

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

request() {
	printf '%s\n' "$auth" | curl -sS --fail-with-body --max-time 60 --retry 3 -H @- "$@"
}

none() {
	echo "$1: plan again in a pull request, and have that reviewed" >&2
	exit 1
}

if [ -n "${GITLAB_CI:-}" ]; then
	auth="PRIVATE-TOKEN: $SOCTALK_GITLAB_TOKEN"
	project=$CI_API_V4_URL/projects/$CI_PROJECT_ID
	out=${SOCTALK_OUT:-soctalk-plan}
	request "$project/repository/commits/$CI_COMMIT_SHA/merge_requests" >"$work/requests"
	merged=$(jq -r 'first(.[] | select(.state == "merged")) | .iid' "$work/requests")
	[ -n "$merged" ] || none "no merge request brought $CI_COMMIT_SHA"
	request "$project/merge_requests/$merged/pipelines?per_page=1" >"$work/pipelines"
	pipeline=$(jq -r 'first(.[]) | .id' "$work/pipelines")
	[ -n "$pipeline" ] || none "merge request $merged has no pipeline"
	request "$project/pipelines/$pipeline/jobs?scope%5B%5D=success&per_page=100" >"$work/jobs"
	job=$(jq -r --arg name "${SOCTALK_PLAN_JOB:-soctalk-plan}" 'first(.[] | select(.name == $name)) | .id' "$work/jobs")
	[ -n "$job" ] || none "the last pipeline of merge request $merged made no plan"
	mkdir -p "$out"
	request "$project/jobs/$job/artifacts/$out/outcome" >"$out/outcome"
	[ "$(cat "$out/outcome")" != changes ] || request "$project/jobs/$job/artifacts/$out/plan" >"$out/plan"
	echo "the plan of job $job, merge request $merged"
else
	auth="Authorization: Bearer $GITHUB_TOKEN"
	name=$(sh "$(dirname "$0")/plan-name.sh")
	request "${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/actions/artifacts?per_page=100&name=$name" >"$work/artifacts"
	# Not from a fork, whose workflows are not ours.
	run=$(jq -r 'first([.artifacts[] | select((.expired | not) and .workflow_run.head_repository_id == .workflow_run.repository_id)] | sort_by(.created_at) | reverse[]) | .workflow_run.id' "$work/artifacts")
	[ -n "$run" ] || none "no plan was saved for these files, as $name"
	echo "run_id=$run" >>"$GITHUB_OUTPUT"
	echo "the plan of run $run, $name"
fi
