#!/bin/sh
# A fleet as many are: installed with helm, upgraded with helm. `make by-hand` runs it on the sandbox.
#   by-hand.sh HOST:PORT      of the registry that holds the charts; KUBECONFIG says which cluster
set -eu
cd "$(dirname "$0")"
charts=oci://$1/soctalk/charts

by_hand() {
	printf '$ helm %s\n' "$*"
	said=$("${HELM:-helm}" "$@" --plain-http --wait 2>&1) || {
		echo "$said" >&2
		exit 1
	}
}

# Called again, it finds the fleet there, whatever has become of it since.
if "${HELM:-helm}" history tenant-gamma -n tenant-gamma 2>/dev/null | grep -q soctalk-tenant-0.2.0; then
	echo "The fleet is there already. To begin anew: make sandbox-stop by-hand"
	exit 0
fi
if "${HELM:-helm}" status soctalk-system -n soctalk-system >/dev/null 2>&1; then
	echo "Only a part of the fleet is there. To begin anew: make sandbox-stop by-hand" >&2
	exit 1
fi

# A year ago …
by_hand install soctalk-system "$charts/soctalk-system" --version 0.1.4 -n soctalk-system --create-namespace -f system.yaml
for slug in acme beta gamma; do
	by_hand install "tenant-$slug" "$charts/soctalk-tenant" --version 0.1.9 -n "tenant-$slug" --create-namespace -f "$slug.yaml"
done

# … and the upgrade of last spring, with the images that somebody pinned then.
by_hand upgrade soctalk-system "$charts/soctalk-system" --version 0.2.0 -n soctalk-system -f system.yaml \
	--set image.tag=0.2.0 --set tenantProvisioning.tenantChartVersion=0.2.0
for slug in acme beta gamma; do
	by_hand upgrade "tenant-$slug" "$charts/soctalk-tenant" --version 0.2.0 -n "tenant-$slug" -f "$slug.yaml" --set adapter.image.tag=0.2.0
done
