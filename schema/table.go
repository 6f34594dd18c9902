package schema

// kind is what a value of an attribute must be.
type kind string

// The kinds. Their text is what the language page calls them.
const (
	kindString     kind = "string"
	kindBool       kind = "bool"
	kindInt        kind = "whole number"
	kindNumber     kind = "number"
	kindStrings    kind = "list of strings"
	kindStringMap  kind = "map of strings"
	kindDuration   kind = "duration"
	kindVersion    kind = "version"
	kindConstraint kind = "version constraint"
	kindBudget     kind = "whole number or percentage"
	kindPath       kind = "path"
	kindChart      kind = "chart reference"
	kindClock      kind = "time of day"
	kindWeekdays   kind = "list of weekdays"
	kindZone       kind = "time zone"
	kindRef        kind = "reference"
	kindRefs       kind = "list of references"
	kindAddress    kind = "tenant address"
	kindValues     kind = "list of YAML texts or objects"
	kindForEach    kind = "map or set of strings"
	kindType       kind = "type constraint"
	kindAny        kind = "any value"
)

// attribute is one row of the language's table: decoder, language page and
// JSON Schema are all made from it.
type attribute struct {
	name     string
	kind     kind
	doc      string
	def      string   // the default as it would be written; empty: none
	enum     []string // the only strings allowed
	refs     string   // the root of references, for kindRef and kindRefs
	required bool
	// secret allows a sensitive value here; everywhere else it is refused,
	// because the value is shown in plans, logs or names.
	secret bool
	// filled refuses an empty text, and a list that is empty or holds one: it
	// would do nothing, or quietly mean the default.
	filled bool
	// min and max bound a number, inclusive; max 0 is no bound.
	min, max int
	bounded  bool
}

// block is a kind of block: its labels, attributes and nested blocks.
type block struct {
	name   string
	label  string // what the one label is; empty: no label
	many   bool   // may be written more than once
	must   bool   // has to be written
	attrs  []*attribute
	blocks []*block
	// oneOf names attributes and blocks of which exactly one is to be written.
	oneOf []string
	// open allows any attribute name (locals).
	open bool
	// each and self say whether expressions inside may use each.* and self.*.
	each, self bool
	doc        string
}

func (b *block) attr(name string) *attribute {
	for _, a := range b.attrs {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (b *block) block(name string) *block {
	for _, c := range b.blocks {
		if c.name == name {
			return c
		}
	}
	return nil
}

// with returns the attributes of several lists as one.
func with(lists ...[]*attribute) []*attribute {
	var all []*attribute
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// The attributes that system, tenants and companions share.
func releaseAttrs(release, timeout string) []*attribute {
	return []*attribute{
		{name: "release", kind: kindString, filled: true, def: release, doc: "Name of the Helm release, at most 53 characters."},
		{name: "chart", kind: kindChart, required: true, doc: "The chart: an `oci://` reference, an `https://` repository (then `chart_name` says which chart of it), or a local folder or `.tgz`."},
		{name: "chart_name", kind: kindString, filled: true, doc: "Name of the chart in an `https://` repository; not allowed otherwise."},
		{name: "version", kind: kindVersion, required: true, doc: "The chart version to run. Exact, never a range, so that a plan means the same tomorrow."},
		{name: "values", kind: kindValues, secret: true, doc: "Layers of values, each a YAML text (usually `file(…)` or `templatefile(…)`) or an object. They merge as several `-f` files do in Helm: a later layer wins, maps merge, lists and everything else replace, and `null` removes a chart's default."},
		{name: "values_from", kind: kindString, enum: []string{"release"}, doc: "`\"release\"` puts the user-supplied values of the live release underneath `values`."},
		{name: "set", kind: kindStringMap, secret: true, doc: "Helm `--set` paths and values, applied after all of `values`."},
		{name: "timeout", kind: kindDuration, def: timeout, doc: "How long an install or upgrade may take until everything is ready."},
		{name: "accept", kind: kindStrings, def: "[]", doc: "The explicit word for what a plan refuses otherwise. `\"remove:KIND/NAME\"`: this StatefulSet or PersistentVolumeClaim goes. `\"recreate:KIND/NAME\"`: a field changes that Kubernetes never changes on a live object; somebody deletes the object by hand before the upgrade, which then creates it anew. `\"owner:TOOL\"`: `flux`, `argocd` or `helmchart` manages the release too. `\"no-snapshot\"`: a breaking hop without a snapshot, or a volume that cannot be snapshotted. In a NAME, `*` and `?` stand for any characters. A word that accepts nothing is a warning in the plan."},
	}
}

func snapshotBlock() *block {
	return &block{
		name: "snapshot", label: "name", many: true, self: true, each: true,
		doc: "Something that is saved before a hop, and what with.",
		attrs: []*attribute{
			{name: "driver", kind: kindString, required: true, enum: []string{"csi", "pg_dump", "velero", "command"}, doc: "`csi`: VolumeSnapshots of the release's volumes. `pg_dump`: a dump of the system database (system only; needs a `database` block). `velero`: a Velero backup of the namespace. `command`: an own program."},
			{name: "class", kind: kindString, doc: "VolumeSnapshotClass, for `csi`."},
			{name: "location", kind: kindString, doc: "BackupStorageLocation, for `velero`. Without it, Velero's default."},
			{name: "store", kind: kindString, filled: true, doc: "Where dumps go: a `file://`, `s3://`, `gs://` or `azblob://` URL. Required for `pg_dump`."},
			{name: "recipients", kind: kindStrings, doc: "Public keys of [age](https://age-encryption.org) (`age1…`). With them, the Secrets of the release's namespace are put into `store` beside the snapshot, encrypted to these keys; without, they are not saved."},
			{name: "when", kind: kindString, def: `"always"`, enum: []string{"always", "breaking", "never"}, doc: "`breaking`: only before a hop to a release with breaking changes."},
			{name: "quiesce", kind: kindBool, def: "false", doc: "Scale the workloads down while the snapshot is taken."},
			{name: "keep", kind: kindInt, def: "5", bounded: true, min: 1, doc: "How many to keep."},
			{name: "argv", kind: kindStrings, filled: true, doc: "Program and arguments, for `command`. Runs only with `-allow-exec`."},
			{name: "verify", kind: kindStrings, doc: "Program that proves a snapshot of `command`, and its arguments."},
			{name: "restore", kind: kindStrings, doc: "Program that brings back a snapshot of `command`, and its arguments. Without it the snapshot is no way back."},
			{name: "delete", kind: kindStrings, doc: "Program that deletes a snapshot of `command`, and its arguments."},
			{name: "timeout", kind: kindDuration, def: `"30m"`, doc: "How long it may take."},
		},
	}
}

func preconditionBlock() *block {
	return &block{
		name: "precondition", many: true, self: true, each: true,
		doc: "Something that has to hold for this release, checked when the files are read.",
		attrs: []*attribute{
			{name: "condition", kind: kindBool, required: true, secret: true, doc: "Must be true."},
			{name: "error_message", kind: kindString, required: true, doc: "What to say, and what to do, when it is not."},
		},
	}
}

func companionBlock() *block {
	return &block{
		name: "companion", label: "label", many: true, self: true, each: true,
		doc: "A further release of the tenant, in the same cluster and namespace. `self` is the companion itself; `self.slug`, `self.namespace`, `self.cluster` and `self.labels` are the tenant's.",
		attrs: with([]*attribute{
			{name: "order", kind: kindString, def: `"before"`, enum: []string{"before", "after"}, doc: "Whether it is upgraded before or after the tenant's main release."},
			{name: "enabled", kind: kindBool, def: "true", doc: "`false`: this tenant has no such companion."},
		}, releaseAttrs("<label>-<slug>", "the tenant's")),
		blocks: []*block{snapshotBlock()},
	}
}

func tenantAttrs() []*attribute {
	return with([]*attribute{
		{name: "slug", kind: kindString, filled: true, def: "the label, or `each.key`", doc: "The tenant's short name: a DNS label, unique in the fleet."},
		{name: "cluster", kind: kindRef, refs: "cluster", def: "the only cluster", doc: "Where the tenant runs."},
		{name: "namespace", kind: kindString, filled: true, def: "tenant-<slug>", doc: "Its namespace, of which it is the only tenant."},
		{name: "labels", kind: kindStringMap, def: "{}", doc: "Free labels, for waves and `-target`."},
		{name: "window", kind: kindRef, refs: "window", doc: "When work on this tenant may be done; any time when not written."},
	}, releaseAttrs("tenant-<slug>", `"15m"`))
}

func tenantBlocks() []*block {
	return []*block{snapshotBlock(), preconditionBlock(), companionBlock()}
}

// optional copies attributes with nothing required of them.
func optional(attrs []*attribute) []*attribute {
	var out []*attribute
	for _, a := range attrs {
		c := *a
		c.required = false
		out = append(out, &c)
	}
	return out
}

func probeBlocks() []*block {
	return []*block{
		{name: "http", self: true, doc: "A GET request: to a Service of the release's namespace through the API server's proxy, or to a `url`.", oneOf: []string{"service", "url"}, attrs: []*attribute{
			{name: "service", kind: kindString, filled: true, doc: "Name of the Service."},
			{name: "port", kind: kindInt, bounded: true, min: 1, max: 65535, def: "80", doc: "Port of the Service."},
			{name: "path", kind: kindString, def: `"/"`, doc: "Path and query, beginning with `/`."},
			{name: "url", kind: kindString, filled: true, secret: true, doc: "An `https://` or `http://` URL instead of a Service."},
			{name: "status", kind: kindInt, bounded: true, min: 100, max: 599, def: "200", doc: "The status code that is expected."},
			{name: "jsonpath", kind: kindString, doc: "A JSONPath (`{.status}`) into the answer, held against `equals`."},
			{name: "equals", kind: kindString, secret: true, doc: "What the answer, or what `jsonpath` finds in it, has to be."},
		}},
		{name: "sql", self: true, doc: "A query on the system database; needs the system's `database` block.", attrs: []*attribute{
			{name: "query", kind: kindString, required: true, secret: true, doc: "One statement that returns one value, read in a transaction that can only read. Names and labels that are put into it may hold only letters, digits, blanks and `. _ + : / @ -`."},
			{name: "equals", kind: kindString, required: true, secret: true, doc: "The value that is expected, as text."},
		}},
		{name: "prometheus", self: true, oneOf: nil, doc: "An instant query that returns one number.", attrs: []*attribute{
			{name: "address", kind: kindString, required: true, secret: true, doc: "URL of the Prometheus server."},
			{name: "query", kind: kindString, required: true, secret: true, doc: "The PromQL query."},
			{name: "min", kind: kindNumber, doc: "The least value that passes."},
			{name: "max", kind: kindNumber, doc: "The greatest value that passes."},
			{name: "equals", kind: kindNumber, doc: "The only value that passes; not together with `min` or `max`."},
		}},
		{name: "job", self: true, doc: "A Job that has to complete.", attrs: []*attribute{
			{name: "manifest", kind: kindString, required: true, secret: true, doc: "The Job's manifest as YAML."},
		}},
		{name: "command", self: true, doc: "A program on this machine that has to exit with 0. Runs only with `-allow-exec`.", attrs: []*attribute{
			{name: "argv", kind: kindStrings, required: true, secret: true, doc: "Program and arguments."},
		}},
	}
}

func apiBlock() *block {
	return &block{name: "api", self: true, doc: "The way into SocTalk's own API, for the built-in checks.", attrs: []*attribute{
		{name: "service", kind: kindString, filled: true, def: "<release>-api", doc: "Name of the Service in the system's namespace, reached through the API server's proxy."},
		{name: "port", kind: kindInt, bounded: true, min: 1, max: 65535, def: "8000", doc: "Port of the Service."},
		{name: "url", kind: kindString, filled: true, doc: "An `https://` or `http://` URL instead of a Service."},
		{name: "origin", kind: kindString, def: "that of `url`", doc: "The origin that logging in is said to come from, where SocTalk asks for its public one."},
	}, blocks: []*block{
		{name: "login_secret", self: true, must: true, doc: "A Secret in the system's namespace that holds the login of an analyst.", attrs: []*attribute{
			{name: "name", kind: kindString, required: true, doc: "Name of the Secret."},
			{name: "email_key", kind: kindString, def: `"email"`, doc: "Key of the email address in it."},
			{name: "password_key", kind: kindString, def: `"password"`, doc: "Key of the password in it."},
		}},
	}}
}

// language is the whole language.
var language = &block{
	blocks: []*block{
		{
			name: "soctalk", doc: "Settings of the tool itself.",
			attrs: []*attribute{
				{name: "required_version", kind: kindConstraint, doc: "Versions of `soctalk` that may read these files. A mismatch is an error before anything else. Must be a literal."},
			},
		},
		{
			name: "variable", label: "name", many: true,
			doc: "An input. Set it with `-var`, `-var-file`, `soctalk.vars.hcl`, `*.auto.vars.hcl` or `SOCTALK_VAR_name`.",
			attrs: []*attribute{
				{name: "type", kind: kindType, def: "any", doc: "A type constraint as in Terraform: `string`, `number`, `bool`, `list(…)`, `set(…)`, `map(…)`, `object({…})`, `tuple([…])`, `any`, with `optional(…)` in objects."},
				{name: "default", kind: kindAny, secret: true, doc: "The value when nothing else sets one; a literal. A variable without default is required."},
				{name: "description", kind: kindString, doc: "What it is for."},
				{name: "sensitive", kind: kindBool, def: "false", doc: "Never show the value, nor anything made from it."},
				{name: "nullable", kind: kindBool, def: "true", doc: "Whether `null` is a value; if `false`, `null` means the default."},
			},
			blocks: []*block{{
				name: "validation", many: true, doc: "A rule for the value.",
				attrs: []*attribute{
					{name: "condition", kind: kindBool, required: true, secret: true, doc: "Must be true."},
					{name: "error_message", kind: kindString, required: true, doc: "What to say when it is not."},
				},
			}},
		},
		{
			name: "locals", many: true, open: true,
			doc: "Named values, one per attribute, used as `local.name`. Each is evaluated once; they may use each other in any order, but not in a circle.",
		},
		{
			name: "cluster", label: "name", many: true,
			doc: "A Kubernetes API server. Without any such block there is one cluster named `default`: the ambient kubeconfig or the in-cluster account.",
			attrs: []*attribute{
				{name: "kubeconfig", kind: kindPath, doc: "Path of the kubeconfig; a leading `~/` is the home folder. Default: as kubectl finds it."},
				{name: "context", kind: kindString, doc: "Context in it. Default: its current context."},
				{name: "qps", kind: kindNumber, def: "1000", bounded: true, min: 1, max: 10000, doc: "Requests a second, sustained. The API server's own priorities and fairness hold back what is too much for it."},
				{name: "burst", kind: kindInt, bounded: true, min: 1, max: 100000, doc: "Requests at once. Default: twice `qps`."},
			},
		},
		{
			name: "registry", label: "host", many: true,
			doc: "Settings for one chart registry host (`name` or `name:port`). Credentials come from the Docker and Helm registry configuration files, never from here.",
			attrs: []*attribute{
				{name: "plain_http", kind: kindBool, def: "false", doc: "Speak HTTP without TLS."},
				{name: "ca_file", kind: kindPath, doc: "PEM file with the CA to trust."},
			},
		},
		{
			name: "prerequisite", label: "name", many: true,
			doc:   "Something the cluster must have. Checked in every plan, never changed; a failing one is an error in the plan.",
			oneOf: []string{"crd", "any_crd", "default_storage_class", "kubernetes", "snapshot_class", "permission"},
			attrs: []*attribute{
				{name: "crd", kind: kindString, filled: true, doc: "A CustomResourceDefinition by its full name."},
				{name: "any_crd", kind: kindStrings, filled: true, doc: "CustomResourceDefinitions of which one is enough."},
				{name: "default_storage_class", kind: kindBool, doc: "Whether there must be a default StorageClass."},
				{name: "kubernetes", kind: kindConstraint, doc: "Versions of Kubernetes."},
				{name: "snapshot_class", kind: kindString, filled: true, doc: "A VolumeSnapshotClass by name."},
			},
			blocks: []*block{{
				name: "permission", doc: "Something this account must be allowed to do.",
				attrs: []*attribute{
					{name: "verb", kind: kindString, required: true, doc: "`get`, `create`, …"},
					{name: "resource", kind: kindString, required: true, doc: "Plural resource name."},
					{name: "group", kind: kindString, def: `""`, doc: "API group; empty is the core group."},
					{name: "namespace", kind: kindString, def: `""`, doc: "Namespace; empty asks for all."},
				},
			}},
		},
		{
			name: "compatibility",
			doc:  "Which versions of system and tenants may run together. An exact entry of the matrix wins over the rules; among the rules that match, the strictest wins.",
			attrs: []*attribute{
				{name: "matrix", kind: kindString, doc: "YAML text: `[{system: V, tenant: [{version: V, status: supported|deprecated|blocked, notes: \"\"}]}]`."},
				{name: "unlisted", kind: kindString, def: `"refuse"`, enum: []string{"refuse", "warn", "allow"}, doc: "What happens to a pair that neither matrix nor rules name."},
			},
			blocks: []*block{
				{name: "rule", many: true, doc: "Rates every pair in two ranges.", attrs: []*attribute{
					{name: "system", kind: kindConstraint, required: true, doc: "Versions of the system."},
					{name: "tenant", kind: kindConstraint, required: true, doc: "Versions of tenants."},
					{name: "status", kind: kindString, required: true, enum: []string{"supported", "deprecated", "blocked"}, doc: "The rating."},
					{name: "notes", kind: kindString, def: `""`, doc: "Shown with it."},
				}},
				{name: "stop", many: true, doc: "A version that no upgrade may jump over.", attrs: []*attribute{
					{name: "component", kind: kindString, required: true, enum: []string{"system", "tenant"}, doc: "Whose version it is."},
					{name: "version", kind: kindVersion, required: true, doc: "The version to stop at."},
				}},
			},
		},
		{
			name: "release", label: "version", many: true,
			doc: "Facts about one version, beside what its chart says in its annotations. Unique per component.",
			attrs: []*attribute{
				{name: "component", kind: kindString, required: true, enum: []string{"system", "tenant"}, doc: "Whose version it is."},
				{name: "schema_revision", kind: kindString, doc: "The database revision that this version's code needs."},
				{name: "breaking", kind: kindStrings, doc: "Breaking changes, shown in the plan. A breaking tenant release makes snapshots and windows mandatory; so does one whose chart says so in its annotation `soctalk.io/breaking`, or that takes a StatefulSet to another major version of its image, where the tenant keeps data on volumes."},
				{name: "notes", kind: kindString, doc: "Where the release notes are, or what they say."},
			},
		},
		{
			name: "system", must: true, self: true,
			doc: "The one soctalk-system release.",
			attrs: with([]*attribute{
				{name: "cluster", kind: kindRef, refs: "cluster", def: "the only cluster", doc: "Where the system runs."},
				{name: "namespace", kind: kindString, filled: true, def: `"soctalk-system"`, doc: "Its namespace."},
				{name: "on_failure", kind: kindString, def: `"stop"`, enum: []string{"stop", "rollback", "restore"}, doc: "What follows a failed upgrade. `rollback`: only when the schema did not move. `restore`: accepts losing what was written since the snapshot."},
			}, releaseAttrs(`"soctalk-system"`, `"10m"`)),
			blocks: []*block{
				{name: "migration", self: true, doc: "How the database schema moves.", attrs: []*attribute{
					{name: "mode", kind: kindString, def: `"auto"`, enum: []string{"auto", "job", "init", "none"}, doc: "`job`: a Job of the target chart, before the upgrade. `init`: the init container of the upgrade itself. `auto`: `job` when the target chart holds `template`, else `init`. An upgrade that keeps the version leaves the Job out where it has nothing to do: the live revision is deployed and was made by `soctalk` from the same chart, its Job is still there and complete, neither the Job nor a ConfigMap or Secret that it reads changes, its image has a tag that stays, and the schema is known to be where the version needs it."},
					{name: "template", kind: kindString, def: `"templates/jobs/alembic-upgrade.yaml"`, doc: "The Job's template within the chart."},
					{name: "timeout", kind: kindDuration, def: `"10m"`, doc: "How long it may take."},
				}},
				{name: "database", self: true, oneOf: []string{"dsn", "dsn_secret", "exec"}, doc: "The way into the system database: for the schema revision, for dumps and for `sql` checks.", attrs: []*attribute{
					{name: "dsn", kind: kindString, filled: true, secret: true, doc: "A PostgreSQL connection string; use a sensitive variable."},
				}, blocks: []*block{
					{name: "dsn_secret", self: true, doc: "A Secret in the system's namespace that holds the connection string.", attrs: []*attribute{
						{name: "name", kind: kindString, required: true, doc: "Name of the Secret."},
						{name: "key", kind: kindString, required: true, doc: "Key in it."},
					}},
					{name: "exec", self: true, doc: "`psql` and `pg_dump` inside the database's own pod.", attrs: []*attribute{
						{name: "pod", kind: kindString, required: true, doc: "Name of the pod."},
						{name: "user", kind: kindString, required: true, doc: "Database user."},
						{name: "database", kind: kindString, required: true, doc: "Database name."},
						{name: "container", kind: kindString, doc: "Container; default: the pod's first."},
					}},
				}},
				apiBlock(),
				withoutEach(snapshotBlock()), withoutEach(preconditionBlock()),
			},
		},
		{
			name: "tenant_defaults", self: true,
			doc:    "Any attribute or nested block of a tenant, for every tenant that does not say otherwise. Attributes of a `snapshot` or `companion` with the same label are merged, the tenant's own winning; preconditions add up. `self` is the tenant; `each` is not available.",
			attrs:  optional(tenantAttrs()),
			blocks: defaultsBlocks(),
		},
		{
			name: "tenant", label: "name", many: true, self: true, each: true,
			doc: "A tenant, or with `for_each` one tenant per element.",
			attrs: with([]*attribute{
				{name: "for_each", kind: kindForEach, doc: "A map, or a set of strings. `each.key` and `each.value` are available in everything else of the block."},
			}, tenantAttrs()),
			blocks: tenantBlocks(),
		},
		{
			name: "removed", many: true,
			doc: "A tenant that leaves the fleet: the only way a live, formerly managed tenant is uninstalled.",
			attrs: []*attribute{
				{name: "from", kind: kindAddress, required: true, doc: "Its former address, or its slug as a string."},
				{name: "destroy", kind: kindBool, def: "true", doc: "`false`: forget it, leave it running."},
				{name: "cluster", kind: kindRef, refs: "cluster", def: "every cluster is looked at", doc: "Where it runs."},
				{name: "namespace", kind: kindString, filled: true, def: "tenant-<slug>", doc: "Its namespace, where it had another."},
				{name: "release", kind: kindString, filled: true, def: "tenant-<slug>", doc: "Its release, where it had another."},
				{name: "companions", kind: kindStrings, def: "all named `<label>-<slug>`", doc: "The releases of its namespace that go with it, by name."},
			},
		},
		{
			name: "moved", many: true,
			doc: "A tenant that changed its address and stays what it is.",
			attrs: []*attribute{
				{name: "from", kind: kindAddress, required: true, doc: "The former address."},
				{name: "to", kind: kindAddress, required: true, doc: "The address now."},
			},
		},
		{
			name: "window", label: "name", many: true,
			doc: "A recurring span of time in which work may be done.",
			attrs: []*attribute{
				{name: "days", kind: kindWeekdays, def: "every day", doc: "`mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`: the days it starts on."},
				{name: "start", kind: kindClock, required: true, doc: "Local time, `HH:MM`."},
				{name: "duration", kind: kindDuration, required: true, doc: "How long it is open; at most a day per start. A window that opens again when it closes stays open."},
				{name: "timezone", kind: kindZone, def: `"UTC"`, doc: "An IANA time zone."},
			},
		},
		{
			name: "check", label: "name", many: true, self: true,
			doc:   "Something that has to hold after an upgrade. Has exactly one probe.",
			oneOf: []string{"http", "sql", "prometheus", "job", "command", "builtin"},
			attrs: []*attribute{
				{name: "on", kind: kindString, def: `"tenant"`, enum: []string{"tenant", "system", "wave"}, doc: "`tenant`: after each upgrade of a tenant whose wave lists the check, and for the wave's soak. `system`: after each upgrade of the system. `wave`: after a wave that lists it, and for its soak."},
				{name: "interval", kind: kindDuration, def: `"15s"`, doc: "Time between two probes."},
				{name: "timeout", kind: kindDuration, def: `"5m"`, doc: "How long it may take until the probe passes."},
				{name: "retries", kind: kindInt, def: "0", bounded: true, doc: "Failing probes in a row that are tolerated during a soak."},
				{name: "builtin", kind: kindString, enum: builtinNames(), doc: "A built-in check instead of a probe, to ask it at another pace. Without that, a wave can list it by its name alone: `checks = [check.soctalk_heartbeat]`."},
			},
			blocks: probeBlocks(),
		},
		{
			name: "rollout", doc: "How the tenants are walked.",
			attrs: []*attribute{
				{name: "max_parallel", kind: kindInt, def: "1", bounded: true, min: 1, doc: "Tenants at the same time."},
				{name: "max_failures", kind: kindBudget, def: "0", doc: "Failed tenants tolerated before the run stops: a number, or a share as in `\"5%\"`, rounded down."},
				{name: "on_failure", kind: kindString, def: `"rollback"`, enum: []string{"rollback", "restore", "stop", "continue"}, doc: "What happens to a failed tenant: `rollback` brings it back where Helm alone can, `restore` also where that takes the snapshots of the run, and loses what was written since, `stop` leaves it and stops, `continue` leaves it and goes on within the budget."},
				{name: "settle", kind: kindDuration, def: `"60s"`, doc: "Wait after each tenant before it counts as done; the runbook's `sleep 60`, which lets two heartbeats of the adapter pass."},
			},
			blocks: []*block{{
				name: "wave", label: "name", many: true,
				doc: "Tenants that go together; waves go in the order written. First come the tenants that a wave names, then those it matches, then its share of the rest, in order of address. A wave that selects nothing takes everything left; without one, a wave `rest` is added.",
				attrs: []*attribute{
					{name: "tenants", kind: kindStrings, doc: "Slugs. A tenant named here is in this wave, whatever other waves match."},
					{name: "match", kind: kindStringMap, doc: "Labels that a tenant must all have."},
					{name: "percent", kind: kindInt, bounded: true, min: 1, max: 100, doc: "Share of all tenants not yet in a wave, rounded up."},
					{name: "max_parallel", kind: kindInt, def: "the rollout's", bounded: true, min: 1, doc: "Tenants at the same time, never more than the rollout's."},
					{name: "soak", kind: kindDuration, def: `"0s"`, doc: "Wait after the wave, with its checks holding."},
					{name: "checks", kind: kindRefs, refs: "check", doc: "Checks that this wave's tenants have to pass; built-in ones need no check block."},
					{name: "approve", kind: kindBool, def: "false", doc: "Stop in front of this wave until `soctalk apply -resume=RUN -approve=WAVE`."},
				},
			}},
		},
	},
}

func withoutEach(b *block) *block {
	b.each = false
	for _, c := range b.blocks {
		withoutEach(c)
	}
	return b
}

func defaultsBlocks() []*block {
	blocks := tenantBlocks()
	for _, b := range blocks {
		withoutEach(b)
		if b.name != "precondition" {
			b.attrs = optional(b.attrs)
		}
	}
	return blocks
}
