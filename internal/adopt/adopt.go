// Package adopt writes the configuration of a fleet that is live already: HCL
// that a person would write, YAML for what differs from tenant to tenant, and
// variables in the place of secrets. It reads nothing by itself.
package adopt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// The charts of SocTalk by name.
const (
	SystemChart = "soctalk-system"
	TenantChart = "soctalk-tenant"
	wazuhChart  = "wazuh"
)

// Release is the newest revision of a live release.
type Release struct {
	Cluster, Namespace, Name string
	Status                   string
	Chart, Version           string
	AppVersion               string
	// Config is what the user supplied, Defaults what the chart has by itself.
	Config, Defaults map[string]any
	// Secrets are the texts that the release's Secrets hold.
	Secrets []string
}

// Gone says whether a release is none any more, but for its record.
func (r *Release) Gone() bool { return r.Status == "uninstalling" || r.Status == "uninstalled" }

func (r *Release) where() string {
	return fmt.Sprintf("release %s in namespace %s", told(r.Name), told(r.Namespace))
}

// Cluster is where releases were found. One without a name is the ambient one,
// and gets no block.
type Cluster struct{ Name, Kubeconfig, Context string }

// Options say what is not to be seen in a live fleet.
type Options struct {
	Clusters []Cluster
	// Charts is where the charts come from: oci://host/path, or the URL of a
	// repository.
	Charts    string
	PlainHTTP bool
	// Database is the way into the system's database that works; empty: none.
	Database DatabaseSecret
	// KeepDefaults keeps values that say what is the default anyway.
	KeepDefaults bool
}

// DatabaseSecret holds a DSN.
type DatabaseSecret struct{ Name, Key string }

// Result is the configuration.
type Result struct {
	// Files are the files to write, by name.
	Files map[string][]byte
	// Private are those of them that only their owner should read.
	Private map[string]bool
	// Remarks are what a person has to know, in plain words.
	Remarks []string
	// Secrets are the variables to provide.
	Secrets []Secret
	// Variables are the values of the secrets, as -var takes them. They are for
	// proving the files, and for nothing else.
	Variables []string
	// Addresses are the releases that the files name, and what they are live as.
	Addresses map[string]*Release
	Tenants   int
}

// Secret is a variable that stands for a value in the files.
type Secret struct {
	// Variable is its name, About where the value stands in which release.
	Variable, About string
}

// Fleet makes the configuration of what was found.
func Fleet(found []*Release, o Options) (*Result, error) {
	c := classify(found)
	if err := c.check(); err != nil {
		return nil, err
	}
	w := &writer{census: c, options: o, result: &Result{
		Files: map[string][]byte{}, Private: map[string]bool{}, Addresses: map[string]*Release{}, Tenants: len(c.tenants),
	}}
	w.prepare()
	w.write()
	w.result.Remarks = c.remarks
	return w.result, w.leaks()
}

func (c *census) check() error {
	switch len(c.systems) {
	case 1:
		return nil
	case 0:
		return errors.New("no release of the chart soctalk-system was found: a fleet has one")
	}
	var names []string
	for _, s := range c.systems {
		names = append(names, told(s.Namespace)+"/"+told(s.Name))
	}
	slices.Sort(names)
	return fmt.Errorf("%d releases of the chart soctalk-system were found (%v), and a fleet has one: narrow the search with -namespace", len(names), names)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
