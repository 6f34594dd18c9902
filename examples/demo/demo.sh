#!/bin/sh
# The demo, step by step: sandbox | upgrade | hints. `make demo` runs it.
set -eu
cd "$(dirname "$0")/../.."

fleet=.sandbox/fleet
soctalk="$PWD/bin/soctalk"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
run() {
	printf '%s$ soctalk %s%s\n' "$bold" "$*" "$plain"
	(cd "$fleet" && SOCTALK_IN_AUTOMATION=1 "$soctalk" "$@")
}

sandbox() {
	say "A Kubernetes control plane with simulated nodes, on loopback"
	${GO:-go} run ./internal/sandbox/cmd/sandbox up -charts examples/charts
	if [ -e "$fleet" ]; then
		say "The fleet of $fleet is left as it is"
		return
	fi
	mkdir -p "$fleet"
	cp -R examples/demo/. "$fleet"
	rm "$fleet/demo.sh"
	sed "s/localhost:5000/$(cat .sandbox/registry)/" examples/demo/sandbox.hcl >"$fleet/sandbox.hcl"
	say "The fleet as it was: one system at 0.1.4, five tenants at 0.1.9"
	old="-var system_version=0.1.4 -var tenant_version=0.1.9"
	run init $old
	run apply -auto-approve $old
}

upgrade() {
	say "The files now say 0.2.1. What would that do?"
	run init
	run plan -out=upgrade.plan
	say "Do it"
	run apply upgrade.plan
	say "What is live"
	run status
	run plan
	hints
}

hints() {
	cat <<EOF

The sandbox stays up. Look at it with any client, and change the fleet:

  export KUBECONFIG=$PWD/.sandbox/kubeconfig      # kubectl, helm, k9s, …
  cd $PWD/$fleet
  \$EDITOR fleet.hcl tenants.yaml                  # a version, a new tenant, a value
  $soctalk plan
  $soctalk apply

  make sandbox-stop                               # ends it and removes its folder
EOF
}

case "${1-}" in
sandbox | upgrade | hints) "$1" ;;
*) echo "usage: $0 sandbox|upgrade|hints" >&2 && exit 2 ;;
esac
