#!/bin/sh
# Builds a release's binary twice from the same commit, in two folders, the second time without
# anything that the first one left in a cache, and holds the two against each other.
#   check.sh [GOOS/GOARCH …]      default: linux/amd64
set -eu
cd "$(dirname "$0")/../.."

go=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What .goreleaser.yaml passes; a test holds the two equal.
build() { # folder cache output
	(cd "$1" && CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} GOCACHE=$2 \
		$go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/soctalk/fleet/internal/cli.version=0.0.0-check" -o "$3" ./cmd/soctalk)
}

commit=$(git rev-parse HEAD)
for folder in one another/and-deeper; do
	mkdir -p "$work/$folder"
	git archive "$commit" | tar -x -C "$work/$folder"
done

for platform in ${*:-linux/amd64}; do
	build "$work/one" "$($go env GOCACHE)" "$work/first"
	build "$work/another/and-deeper" "$work/cache" "$work/second"
	first=$(sha256sum <"$work/first") second=$(sha256sum <"$work/second")
	if [ "$first" != "$second" ]; then
		echo "$platform: two builds of $commit differ: $first$second" >&2
		exit 1
	fi
	echo "$platform: ${first%% *}, twice the same"
done
