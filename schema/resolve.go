package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/prose"
)

// resolve turns every block into its typed form and holds them against each
// other.
func (l *loader) resolve() {
	for _, name := range []string{"soctalk", "cluster", "registry", "prerequisite", "compatibility", "release", "removed", "moved", "window", "check", "rollout"} {
		for _, n := range l.top.blocks[name] {
			address := ""
			if name == "check" {
				address = "check." + n.name()
			}
			l.complete(n, address)
		}
	}
	if n := l.top.one("soctalk"); n != nil {
		x := &instance{l: l, literal: true}
		x.constraint(n, "required_version")
	}
	l.validateVariables()
	l.clusters()
	l.registries()
	l.prerequisites()
	l.windows()
	l.system()
	l.tenants()
	l.facts()
	l.compatibility()
	l.lifecycle()
	l.checks()
	l.rollout()
	l.crossCheck()
	l.warnUnused()
}

func (l *loader) clusters() {
	for _, n := range l.top.blocks["cluster"] {
		x := &instance{l: l}
		c := &Cluster{Name: n.name(), Kubeconfig: x.path(n, "kubeconfig"), Context: x.text(n, "context"), QPS: defaultQPS, Burst: x.integer(n, "burst"), Source: n.source()}
		if q := x.number(n, "qps"); q != nil {
			c.QPS = float32(*q)
		}
		l.fleet.Clusters[c.Name] = c
	}
	if len(l.fleet.Clusters) == 0 {
		l.fleet.Clusters[DefaultCluster] = &Cluster{Name: DefaultCluster, QPS: defaultQPS}
	}
}

// cluster returns the cluster of a release: the one written, or the only one.
func (x *instance) cluster(n *node) string {
	if x.written(n, "cluster") != nil {
		return x.ref(n, "cluster")
	}
	names := sortedKeys(x.l.fleet.Clusters)
	if len(names) == 1 {
		return names[0]
	}
	x.l.sink.error(x.address, n.header, "Missing cluster", fmt.Sprintf("There is more than one cluster (%s), so each release must say which one it runs on: cluster = cluster.NAME.", strings.Join(names, ", ")))
	return ""
}

func (l *loader) registries() {
	for _, n := range l.top.blocks["registry"] {
		x := &instance{l: l}
		host := n.name()
		if !validHost(host) {
			l.sink.error("", n.label, "Invalid registry host", fmt.Sprintf("%q is no registry host; write \"name\" or \"name:port\", without scheme and path, with a port up to 65535.", host))
		}
		r := &Registry{Host: host, PlainHTTP: x.boolean(n, "plain_http"), CAFile: x.path(n, "ca_file"), Source: n.source()}
		if r.CAFile != "" {
			if _, err := l.sources.file(r.CAFile); err != nil {
				x.fail(n.attrs["ca_file"], "Cannot read ca_file", prose.Capital(err.Error())+".")
			}
		}
		l.fleet.Registries[host] = r
	}
}

func (l *loader) prerequisites() {
	for _, n := range l.top.blocks["prerequisite"] {
		x := &instance{l: l}
		p := &Prerequisite{Name: n.name(), CRD: x.text(n, "crd"), AnyCRD: x.strings(n, "any_crd"), SnapshotClass: x.text(n, "snapshot_class"), Source: n.source()}
		if x.written(n, "default_storage_class") != nil {
			b := x.boolean(n, "default_storage_class")
			p.DefaultStorageClass = &b
		}
		p.Kubernetes, _ = x.constraint(n, "kubernetes")
		if b := n.one("permission"); b != nil {
			p.Permission = &Permission{Verb: x.text(b, "verb"), Resource: x.text(b, "resource"), Group: x.text(b, "group"), Namespace: x.text(b, "namespace")}
		}
		l.fleet.Prerequisites = append(l.fleet.Prerequisites, p)
	}
}

func (l *loader) facts() {
	seen := map[string]hcl.Range{}
	for _, n := range l.top.blocks["release"] {
		x := &instance{l: l}
		f := &Facts{Component: Component(x.text(n, "component")), SchemaRevision: x.text(n, "schema_revision"), Breaking: x.strings(n, "breaking"), Notes: x.text(n, "notes"), Source: n.source()}
		v := l.labelVersion(n)
		if v == nil || f.Component == "" {
			continue
		}
		f.Version = v
		key := string(f.Component) + " " + v.String()
		if first, dup := seen[key]; dup {
			l.sink.error("", n.label, "Duplicate release", fmt.Sprintf("Release %s of the %s was already declared at %s:%d.", v, f.Component, first.Filename, first.Start.Line))
			continue
		}
		seen[key] = n.header
		l.fleet.Facts = append(l.fleet.Facts, f)
	}
}

var hostForm = regexp.MustCompile(`^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$`)

// validHost reports whether s is a host, with or without port.
func validHost(s string) bool {
	m := hostForm.FindStringSubmatch(s)
	if m == nil || len(s) > 260 {
		return false
	}
	port, err := strconv.ParseUint(strings.TrimPrefix(m[3], ":"), 10, 16)
	return m[3] == "" || err == nil && port > 0
}
