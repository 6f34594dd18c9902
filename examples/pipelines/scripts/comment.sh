#!/bin/sh
# Makes $SOCTALK_OUT/comment.md the one comment of its kind on a pull request of
# GitHub, or a merge request of GitLab: the comment that begins with the same line,
# and that we wrote, is replaced; where there is none, one is made.
# Needs curl and jq, and
#   GitHub: GITHUB_TOKEN, which may write pull requests, GITHUB_REPOSITORY,
#           SOCTALK_PULL, the number; SOCTALK_COMMENT_AUTHOR, where the token is
#           not a workflow's own
#   GitLab: SOCTALK_GITLAB_TOKEN, with the scope api, and what GitLab sets
set -euf

file=${SOCTALK_OUT:-soctalk-plan}/comment.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The token is on no command line, which others may read.
request() {
	printf '%s\n' "$auth" | curl -sS --fail-with-body --max-time 60 -H @- -H 'Content-Type: application/json' "$@"
}

if [ -n "${GITLAB_CI:-}" ]; then
	auth="PRIVATE-TOKEN: $SOCTALK_GITLAB_TOKEN"
	list=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes
	one=$list
	replace=PUT
	author=$(request "$CI_API_V4_URL/user" | jq -r .username)
	mine='.author.username'
else
	auth="Authorization: Bearer $GITHUB_TOKEN"
	list=${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/issues/$SOCTALK_PULL/comments
	one=${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/issues/comments
	replace=PATCH
	author=${SOCTALK_COMMENT_AUTHOR:-github-actions[bot]}
	mine='.user.login'
fi

# What somebody else wrote is left alone, whatever it begins with: its author could
# change it again.
marker=$(head -n 1 "$file")
page=1
id=
while [ -z "$id" ]; do
	request --retry 3 "$list?per_page=100&page=$page" >"$work/page"
	id=$(jq -r --arg marker "$marker" --arg author "$author" "first(.[] | select($mine == \$author and (.body | startswith(\$marker)))) | .id" "$work/page")
	[ "$(jq length "$work/page")" -eq 100 ] || break
	page=$((page + 1))
done

# A comment holds 65,536 characters, and soctalk's Markdown keeps to that.
jq -Rs '{body: .[:65536]}' "$file" >"$work/body"
if [ -n "$id" ]; then
	request --retry 3 -X "$replace" --data-binary "@$work/body" "$one/$id" >/dev/null
	echo "comment $id is up to date"
else
	request -X POST --data-binary "@$work/body" "$list" >/dev/null
	echo "comment made"
fi
