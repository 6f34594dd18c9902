package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"k8s.io/client-go/util/jsonpath"
)

func (l *loader) checks() {
	for _, n := range l.top.blocks["check"] {
		x := &instance{l: l}
		c := &Check{Name: n.name(), On: x.text(n, "on"), Interval: x.duration(n, "interval"), Timeout: x.duration(n, "timeout"), Retries: x.integer(n, "retries"), Source: n.source()}
		if c.Interval > c.Timeout && !x.unsure {
			l.sink.warn("", c.Source.At("interval"), "Interval longer than timeout", fmt.Sprintf("The check is asked every %s and given up after %s, so it is asked once.", c.Interval, c.Timeout))
		}
		c.Kind = x.chosen(n)
		if c.Kind == "builtin" {
			l.builtin(n, c, x.text(n, "builtin"))
		} else {
			c.probe = l.prober(n)
		}
		c.unsure = x.unsure
		l.fleet.Checks[c.Name] = c
	}
	for name, c := range builtins() {
		if l.fleet.Checks[name] == nil {
			l.fleet.Checks[name] = c
		}
	}
}

// ForTenant returns the probe as it is for one tenant. Diagnostics are about
// expressions that fail for this tenant.
func (c *Check) ForTenant(t *Tenant) (*Probe, hcl.Diagnostics) {
	self := releaseSelf(&t.Release)
	self["slug"], self["labels"] = cty.StringVal(t.Slug), stringMapValue(t.Labels)
	if t.Unsure && t.Labels == nil {
		self["labels"] = cty.DynamicVal
	}
	return c.probe(t.Address, self)
}

// ForSystem returns the probe as it is for the system.
func (c *Check) ForSystem(s *System) (*Probe, hcl.Diagnostics) {
	return c.probe("system", releaseSelf(&s.Release))
}

// ForWave returns the probe as it is for a wave, whose self has only a name.
func (c *Check) ForWave(w *Wave) (*Probe, hcl.Diagnostics) {
	return c.probe("wave."+w.Name, map[string]cty.Value{"name": cty.StringVal(w.Name)})
}

func releaseSelf(r *Release) map[string]cty.Value {
	return map[string]cty.Value{
		"cluster": called(r.Cluster), "namespace": called(r.Namespace), "release": called(r.Name),
		"version": versionValue(r.Version),
	}
}

// prober returns the function that evaluates a check's probe for a self. It
// evaluates once where nothing depends on self.
func (l *loader) prober(n *node) func(string, map[string]cty.Value) (*Probe, hcl.Diagnostics) {
	probe := n.one((&instance{l: l}).chosen(n))
	dynamic := false
	if probe != nil {
		for _, a := range probe.attrs {
			dynamic = dynamic || a.self
		}
	}
	var once *Probe
	var mu sync.Mutex // tenants are checked at the same time
	return func(address string, self map[string]cty.Value) (*Probe, hcl.Diagnostics) {
		if probe == nil {
			return nil, nil
		}
		mu.Lock()
		defer mu.Unlock()
		if once != nil {
			return once, nil
		}
		outer := l.sink
		l.sink = newSink()
		defer func() { l.sink = outer }()
		x := &instance{l: l, usesSelf: true}
		if dynamic {
			x.address = address
		}
		x.bind(nil, self)
		p := x.probe(probe)
		if p.SQL != nil {
			x.harmless(probe.attrs["query"], self)
		}
		diags := l.diagnostics()
		if !dynamic && !diags.HasErrors() {
			once = p
		}
		return p, diags
	}
}

// perInstance reports whether the probe has to be looked at for each tenant.
func (n *node) perInstance() bool {
	for _, list := range n.blocks {
		for _, b := range list {
			for _, a := range b.attrs {
				if a.self {
					return true
				}
			}
		}
	}
	return false
}

func (x *instance) probe(n *node) *Probe {
	switch n.spec.name {
	case "http":
		return &Probe{HTTP: x.httpProbe(n)}
	case "sql":
		return &Probe{SQL: x.sqlProbe(n)}
	case "prometheus":
		return &Probe{Prometheus: x.prometheusProbe(n)}
	case "job":
		return &Probe{Job: x.jobProbe(n)}
	}
	argv := x.strings(n, "argv")
	if a := n.attrs["argv"]; a != nil && (len(argv) == 0 || argv[0] == "") && x.clean(a) {
		x.fail(a, "Empty value", "The argv must name a program.")
	}
	return &Probe{Command: &CommandProbe{Argv: argv}}
}

// clean reports that an attribute could be evaluated, so that an empty result
// is not the echo of another error.
func (x *instance) clean(a *attr) bool {
	_, ok := x.raw(a)
	return ok && x.l.sink.errs == 0
}

func (x *instance) httpProbe(n *node) *HTTPProbe {
	p := &HTTPProbe{Service: x.text(n, "service"), Port: x.integer(n, "port"), Path: x.text(n, "path"), URL: x.text(n, "url"), Status: x.integer(n, "status"), JSONPath: x.text(n, "jsonpath"), Equals: x.text(n, "equals")}
	if n.dynamicChoice() {
		x.exactlyOne(n)
	}
	if a := x.written(n, "url"); a != nil && p.URL != "" {
		if u, err := url.Parse(p.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			x.fail(a, "Invalid URL", "The url must be a full http:// or https:// URL.")
		}
		for _, name := range []string{"port", "path"} {
			if b := x.written(n, name); b != nil {
				x.warn(b, "Argument without effect", fmt.Sprintf("With url, the %s is taken from it.", name))
			}
		}
	}
	if a := n.attrs["path"]; a != nil && p.Path != "" && !strings.HasPrefix(p.Path, "/") {
		x.fail(a, "Invalid path", "The path must begin with \"/\".")
	}
	if a := n.attrs["service"]; a != nil && p.Service != "" {
		x.checkName(n, "service", "service name", p.Service, maxLabel)
	}
	if a := x.written(n, "jsonpath"); a != nil {
		if p.JSONPath != "" && (!strings.HasPrefix(p.JSONPath, "{") || !strings.HasSuffix(p.JSONPath, "}")) {
			x.fail(a, "Invalid jsonpath", "A JSONPath is written in braces, such as \"{.status}\".")
		} else if _, err := jsonpath.Parse("", p.JSONPath); err != nil {
			x.fail(a, "Invalid jsonpath", fmt.Sprintf("The jsonpath is not understood: %s.", err))
		}
		if x.written(n, "equals") == nil {
			x.fail(a, "Missing required argument", "A jsonpath needs equals, which it is held against.")
		}
	}
	return p
}

func (x *instance) prometheusProbe(n *node) *PrometheusProbe {
	p := &PrometheusProbe{Address: x.text(n, "address"), Query: x.text(n, "query"), Min: x.number(n, "min"), Max: x.number(n, "max"), Equals: x.number(n, "equals")}
	if u, err := url.Parse(p.Address); p.Address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		x.fail(n.attrs["address"], "Invalid URL", "The address must be a full http:// or https:// URL.")
	}
	switch has := func(name string) bool { return x.written(n, name) != nil }; {
	case !has("min") && !has("max") && !has("equals"):
		x.l.sink.error(x.address, n.header, "Missing required argument", "A prometheus probe needs min, max or equals; without, every answer would pass.")
	case has("equals") && (has("min") || has("max")):
		x.fail(n.attrs["equals"], "Conflicting arguments", "Write equals, or min and max, not both.")
	case p.Min != nil && p.Max != nil && *p.Min > *p.Max:
		x.fail(n.attrs["min"], "Impossible range", "The min is greater than the max, so no answer would pass.")
	}
	return p
}

func (x *instance) jobProbe(n *node) *JobProbe {
	p := &JobProbe{Manifest: x.text(n, "manifest")}
	a := n.attrs["manifest"]
	if a == nil || p.Manifest == "" {
		return p
	}
	m, err := decodeValues(p.Manifest)
	if err == nil && (m["kind"] != "Job" || m["apiVersion"] != "batch/v1") {
		err = errors.New("it must be one object with apiVersion: batch/v1 and kind: Job")
	}
	if err == nil {
		_, err = json.Marshal(m)
	}
	if err != nil {
		x.fail(a, "Invalid Job", fmt.Sprintf("The manifest cannot be used: %s.", err))
	}
	return p
}
