package schema

import (
	"fmt"
	"strings"

	"filippo.io/age"
	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Lengths that Kubernetes and Helm allow, in bytes.
const (
	maxLabel   = 63
	maxRelease = 53
	// maxTenantRelease leaves room for the longest name that the tenant chart
	// derives from its release name, "<release>-wazuh-dashboard", which is a
	// Service.
	maxTenantRelease = maxLabel - len("-wazuh-dashboard")
)

// isLabel reports whether s is made as a DNS label, of any length.
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0 && i < len(s)-1 {
			continue
		}
		return false
	}
	return s != ""
}

// checkName holds a name against the rules of a DNS label.
func (x *instance) checkName(n *node, attr, what, name string, limit int) bool {
	why := ""
	switch {
	case name == "":
		return false
	case len(name) > limit:
		why = fmt.Sprintf("it has %d characters, and %d is the limit", len(name), limit)
	case !isLabel(name):
		why = "it may contain only lower-case letters, digits and dashes, and must start and end with a letter or digit"
	default:
		return true
	}
	detail := fmt.Sprintf("The %s %q cannot be used: %s.", what, name, why)
	if a := x.written(n, attr); a != nil {
		x.fail(a, "Invalid "+what, detail)
	} else {
		x.l.sink.error(x.address, n.label, "Invalid "+what, detail+fmt.Sprintf(" Write another with %s = \"…\".", attr))
	}
	return false
}

// labelVersion parses a block's label as an exact version.
func (l *loader) labelVersion(n *node) *semver.Version {
	v, err := semver.NewVersion(n.name())
	if err != nil || !exactVersion.MatchString(n.name()) {
		l.sink.error("", n.label, "Invalid version", fmt.Sprintf("%q is no exact version, such as \"0.2.1\".", n.name()))
		return nil
	}
	return v
}

// common fills what all releases have, after their identity is known.
func (x *instance) common(n *node, r *Release) {
	r.Address = x.address
	r.Chart = x.chart(n)
	r.Values = x.values(n)
	r.ValuesFromRelease = x.text(n, "values_from") == "release"
	r.Set = x.set(n)
	r.Timeout = x.duration(n, "timeout")
	r.Accept = x.acceptance(n)
	for _, b := range n.blocks["snapshot"] {
		if s := x.snapshot(b, r); s != nil {
			r.Snapshots = append(r.Snapshots, s)
		}
	}
}

func (x *instance) snapshot(n *node, r *Release) *Snapshot {
	s := &Snapshot{
		Name: n.name(), Driver: x.text(n, "driver"), Class: x.text(n, "class"), Location: x.text(n, "location"), Store: x.text(n, "store"), Recipients: x.strings(n, "recipients"), When: x.text(n, "when"),
		Quiesce: x.boolean(n, "quiesce"), Keep: x.integer(n, "keep"), Argv: x.strings(n, "argv"), Timeout: x.duration(n, "timeout"),
		VerifyArgv: x.strings(n, "verify"), RestoreArgv: x.strings(n, "restore"), DeleteArgv: x.strings(n, "delete"),
		Source: n.source(),
	}
	if a := n.attrs["store"]; a != nil && s.Store != "" {
		scheme, rest, ok := strings.Cut(s.Store, "://")
		if !ok || rest == "" || !contains([]string{"file", "s3", "gs", "azblob"}, scheme) {
			x.fail(a, "Invalid store", fmt.Sprintf("%q is no store; write a file://, s3://, gs:// or azblob:// URL.", s.Store))
		}
	}
	if a := x.written(n, "recipients"); a != nil {
		x.recipients(n, a, s)
	}
	need := func(attr string, missing bool) {
		if missing && x.written(n, attr) == nil {
			x.l.sink.error(x.address, n.header, "Missing required argument", fmt.Sprintf("A snapshot with driver = %q needs %s.", s.Driver, attr))
		}
	}
	foreign := func(attrs ...string) {
		for _, attr := range attrs {
			if a := x.written(n, attr); a != nil && s.Driver != "" && !n.inherited[attr] && a == n.attrs[attr] {
				x.warn(a, "Argument without effect", fmt.Sprintf("A snapshot with driver = %q does not use %s.", s.Driver, attr))
			}
		}
	}
	programs := []string{"argv", "verify", "restore", "delete"}
	switch s.Driver {
	case "pg_dump":
		need("store", s.Store == "")
		foreign("class", "location")
		foreign(programs...)
		if r.Address != "system" {
			x.l.sink.error(x.address, n.header, "Snapshot driver not possible here", "The pg_dump driver dumps the system database, so it belongs into the system block. Use csi, velero or command for a tenant.")
		}
	case "command":
		need("argv", len(s.Argv) == 0)
		foreign("class", "location")
	case "csi":
		foreign("location")
		if len(s.Recipients) == 0 {
			foreign("store")
		}
		foreign(programs...)
	case "velero":
		foreign("class")
		foreign(programs...)
	default:
		return nil
	}
	return s
}

// recipients holds that Secrets are saved for keys that can be encrypted to, and
// somewhere.
func (x *instance) recipients(n *node, a *attr, s *Snapshot) {
	for i, r := range s.Recipients {
		// It is not shown: the key at hand may be the secret one.
		if _, err := age.ParseRecipients(strings.NewReader(r)); err != nil {
			x.fail(a, "Invalid recipient", fmt.Sprintf("Recipient %d is no public key of age, which age-keygen writes as age1….", i+1))
		}
	}
	if len(s.Recipients) > 0 && x.written(n, "store") == nil {
		x.fail(a, "Recipients without store", "The Secrets that are saved for recipients need a place to lie; add store.")
	}
}

// preconditions evaluates the precondition blocks of a release.
func (x *instance) preconditions(n *node) {
	for _, b := range n.blocks["precondition"] {
		x.condition(b, "Precondition failed", "")
	}
}

func (l *loader) system() {
	n := l.top.one("system")
	if n == nil {
		if !l.broken && !l.top.meant["system"] {
			l.sink.error("", hcl.Range{}, "No system", "A fleet has exactly one system block:\n\n  system {\n    chart   = \"oci://ghcr.io/soctalk/charts/soctalk-system\"\n    version = \"0.2.1\"\n  }")
		}
		return
	}
	l.complete(n, "system")
	x := &instance{l: l, address: "system", usesSelf: true}
	s := &System{Release: Release{Address: "system", Source: n.source()}}
	names := []string{"cluster", "namespace", "version", "release"}
	self := unknowns(names)
	for _, name := range l.identityOrder(n, names) {
		x.bind(nil, self)
		switch name {
		case "cluster":
			s.Cluster = x.cluster(n)
			self[name] = called(s.Cluster)
		case "namespace":
			s.Namespace = x.identity(n, name, n.row(name).literalDefault())
			x.checkName(n, "namespace", "namespace", s.Namespace, maxLabel)
			self[name] = called(s.Namespace)
		case "version":
			s.Version = x.version(n, "version")
			self[name] = versionValue(s.Version)
		case "release":
			s.Name = x.identity(n, name, n.row(name).literalDefault())
			x.checkName(n, "release", "release name", s.Name, maxRelease)
			self[name] = called(s.Name)
		}
	}
	x.bind(nil, self)
	x.common(n, &s.Release)
	x.preconditions(n)
	s.OnFailure = SystemFailure(x.text(n, "on_failure"))
	x.migration(n, s)
	if b := n.one("database"); b != nil {
		if b.dynamicChoice() {
			x.exactlyOne(b)
		}
		d := &Database{DSN: x.text(b, "dsn"), Source: b.source()}
		if c := b.one("dsn_secret"); c != nil {
			d.DSNSecret = &SecretKey{Name: x.text(c, "name"), Key: x.text(c, "key")}
		}
		if c := b.one("exec"); c != nil {
			d.Exec = &Exec{Pod: x.text(c, "pod"), User: x.text(c, "user"), Database: x.text(c, "database"), Container: x.text(c, "container")}
		}
		s.Database = d
		if d.DSN != "" {
			l.secrets.text(d.DSN)
		}
	}
	if b := n.one("api"); b != nil {
		s.API = x.api(b, s.Name)
	}
	for _, sn := range s.Snapshots {
		if sn.Driver == "pg_dump" && s.Database == nil {
			l.sink.error("system", sn.Source.Block, "Snapshot without database", "The pg_dump driver needs to know the way into the database; add a database block to the system.")
		}
	}
	s.Unsure = x.unsure
	if s.OnFailure == SystemRestore && !takesSnapshots(s.Snapshots) && !x.unsure {
		x.fail(n.attrs["on_failure"], "Restore without snapshot", "on_failure = \"restore\" goes back to a snapshot, and the system has none. Add a snapshot block.")
	}
	l.fleet.System = s
}

func takesSnapshots(list []*Snapshot) bool {
	for _, s := range list {
		if s.When != "never" {
			return true
		}
	}
	return false
}

func (x *instance) migration(n *node, s *System) {
	b := n.one("migration")
	if b == nil {
		b = &node{spec: n.spec.block("migration"), header: n.header}
	}
	s.Migration = Migration{Mode: MigrationMode(x.text(b, "mode")), Template: x.text(b, "template"), Timeout: x.duration(b, "timeout"), Source: b.source()}
	if a := x.written(b, "template"); a != nil && (s.Migration.Mode == MigrateInit || s.Migration.Mode == MigrateNone) {
		x.warn(a, "Argument without effect", fmt.Sprintf("A migration with mode = %q does not use template.", s.Migration.Mode))
	}
}

func versionValue(v *semver.Version) cty.Value {
	if v == nil {
		return cty.DynamicVal
	}
	return cty.StringVal(v.Original())
}

// bind makes each and self visible to the instance's expressions.
func (x *instance) bind(each *eachValue, self map[string]cty.Value) {
	vars := map[string]cty.Value{}
	if each != nil {
		vars["each"] = each.object
	}
	if x.usesSelf {
		vars["self"] = cty.ObjectVal(self)
	}
	x.ctx, x.last.of = x.l.base.NewChild(), nil
	x.ctx.Variables = vars
}

// identityOrder sorts the attributes that make up self so that each comes
// after those it uses; a circle is reported once.
func (l *loader) identityOrder(n *node, names []string) []string {
	if n.order != nil {
		return n.order
	}
	state := map[string]int{}
	var order, path []string
	var visit func(name string)
	visit = func(name string) {
		if state[name] == settled || !contains(names, name) {
			return
		}
		path = append(path, "self."+name)
		defer func() { path = path[:len(path)-1] }()
		if state[name] == underWay {
			a := n.attrs[name]
			l.sink.error("", a.raw.Range(), "Cycle in self", fmt.Sprintf("These depend on each other in a circle: %s. Write one of them without self.", strings.Join(path, " → ")))
			a.bad = true
			return
		}
		state[name] = underWay
		for a := n.attrs[name]; a != nil; a = a.under {
			for _, dep := range a.selves {
				if dep == "*" {
					l.sink.error("", a.raw.Range(), "Cycle in self", fmt.Sprintf("The %s is part of self, so it cannot use self as a whole; use single attributes, as in self.slug.", name))
					a.bad = true
					continue
				}
				visit(dep)
			}
		}
		state[name] = settled
		order = append(order, name)
	}
	for _, name := range names {
		visit(name)
	}
	n.order = order
	return order
}
