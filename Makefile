# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.

GO      ?= go
SANDBOX := $(GO) run ./internal/sandbox/cmd/sandbox
# Set by a release, as 1.2.3; otherwise the version in the code.
VERSION ?=
LDFLAGS := -s -w $(if $(VERSION),-X github.com/soctalk/fleet/internal/cli.version=$(VERSION))

# The race detector needs a C compiler, which the tests otherwise do without.
RACE := $(if $(shell command -v $(shell $(GO) env CC)),-race)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

.PHONY: build
build: ## build bin/soctalk
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/soctalk ./cmd/soctalk

.PHONY: demo
demo: build ## start a sandbox with an old fleet, then plan and apply its upgrade
	@sh examples/demo/demo.sh sandbox
	@sh examples/demo/demo.sh upgrade

.PHONY: sandbox
sandbox: build ## start the same sandbox and fleet, without planning the upgrade
	@sh examples/demo/demo.sh sandbox
	@sh examples/demo/demo.sh hints

.PHONY: by-hand
by-hand: build bin/helm ## start a sandbox with a fleet that was installed and upgraded with helm, for the tutorial
	@$(SANDBOX) up -charts examples/charts
	@KUBECONFIG=$(CURDIR)/.sandbox/kubeconfig HELM=$(CURDIR)/bin/helm sh examples/tutorial/by-hand.sh "$$(cat .sandbox/registry)"

bin/helm: internal/bench/helm/go.mod
	cd internal/bench/helm && $(GO) build -o $(CURDIR)/bin/helm helm.sh/helm/v3/cmd/helm

.PHONY: sandbox-stop
sandbox-stop: ## end the sandbox and remove its folder
	@$(SANDBOX) stop

.PHONY: test
test: check ## run everything: checks, then all tests, race detector on, against a sandbox of their own
	# What hostile files cost is tried without the race detector, which multiplies it.
	$(GO) test -run '^TestHostile' ./schema
	@[ -n "$(RACE)" ] || echo "no C compiler: testing without the race detector"
	$(SANDBOX) exec -charts examples/charts -- $(GO) tool gotestsum --format pkgname-and-test-fails -- $(RACE) -timeout 60m ./...

# Sizes of the fleets to measure, and a folder for a sandbox that stays: SIZES="500 5000" KEEP=build/bench
N     ?= 200
SIZES ?= $(N)
KEEP  ?=
BENCH  = $(GO) run ./internal/bench/cmd/bench -sizes "$(SIZES)" $(BENCHFLAGS)

.PHONY: bench
bench: build ## time plans and their upgrades against loops of helm, on a fleet of N=200 tenants or of SIZES="500 5000"; KEEP=folder keeps it
ifeq ($(KEEP),)
	@$(SANDBOX) exec -charts examples/charts -- $(BENCH)
else
	@$(SANDBOX) up -dir $(KEEP) -charts examples/charts
	@SOCTALK_SANDBOX_DIR=$(KEEP) $(BENCH) -apply=false
endif

# What the proofs leave to chance, and how many cases they run at a time.
SEED     ?= 1
PARALLEL ?= 3
PROVE     = mkdir -p build && $(SANDBOX) exec -charts examples/charts -- \
	$(GO) test ./internal/reliability -whole -seed $(SEED) -parallel $(PARALLEL) -count 1 -timeout 0 -v

.PHONY: crash
crash: ## kill runs at every entry of their journals and at 200 random instants; called again, it goes on where it was cut
	@$(PROVE) -run '^TestCrash$$' -progress $(CURDIR)/build/crash.jsonl

.PHONY: faults
faults: ## let thousands of requests to the API server go wrong, in 100 runs; called again, it goes on where it was cut
	@$(PROVE) -run '^TestFaults$$' -progress $(CURDIR)/build/faults.jsonl

.PHONY: check
check: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l cmd plan apply schema examples internal); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: node-packages
node-packages: ## install the Debian packages that the real-node tests need (root)
	$(GO) run ./internal/sandbox/realnode/cmd/install-real-node

.PHONY: browser-packages
browser-packages: ## install the Chromium that tests of pages need (root, Debian)
	@command -v chromium >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; }

.PHONY: gateway-packages
gateway-packages: ## install the Prometheus Pushgateway that a test of metrics needs (root, Debian)
	@command -v prometheus-pushgateway >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends prometheus-pushgateway; }

.PHONY: site
site: ## write the documentation as a site, build/site
	@$(GO) run ./internal/site/cmd/site

.PHONY: release-files
release-files: ## write the man pages and completions of a release, build/release
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(GO) run ./internal/clidocs -release build/release

.PHONY: release-check
release-check: ## build a release's binary twice, PLATFORMS="linux/amd64 …", and compare
	@GO=$(GO) sh internal/distribution/check.sh $(PLATFORMS)

.PHONY: docs
docs: ## write the generated pages anew
	$(GO) generate ./...

.PHONY: clean
clean: ## remove what was built
	rm -rf bin build
