package bench

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/soctalk/fleet/internal/sandbox/publish"
	"sigs.k8s.io/yaml"
)

// The versions that the fleet runs, and those that the files ask for.
const (
	from = "0.2.0"
	to   = "0.2.1"
)

const (
	systemRelease = "soctalk-system"
	systemChart   = "soctalk-system"
	tenantChart   = "soctalk-tenant"
)

//go:embed files
var files embed.FS

// slug names the i-th tenant.
func slug(i int) string { return fmt.Sprintf("t%04d", i) }

func tenantRelease(i int) string { return "tenant-" + slug(i) }

// tenant is an entry of tenants.yaml.
type tenant struct {
	Labels map[string]string `json:"labels"`
	Values map[string]any    `json:"values"`
}

// tenantOf returns the i-th tenant: two in five run a proof of concept, two in
// five are persistent, one brings its own SIEM, and many have a setting of
// their own.
func tenantOf(i int) tenant {
	values := map[string]any{
		"profile": []string{"poc", "poc", "persistent", "persistent", "provided"}[i%5],
		"tenant":  map[string]any{"id": uuid(i), "displayName": fmt.Sprintf("Customer %d", i)},
	}
	if i%5 == 4 {
		off := map[string]any{"enabled": false}
		values["components"] = map[string]any{"wazuh": off, "linuxep": off}
	}
	if i%3 == 0 {
		values["triagePolicies"] = []any{
			map[string]any{"name": "known-scanner", "action": "close"},
			map[string]any{"name": fmt.Sprintf("vip-%d", i%7), "action": "escalate"},
		}
	}
	if i%4 == 1 {
		values["egress"] = map[string]any{"hosts": []any{"api.openai.com", fmt.Sprintf("siem-%d.example.com", i)}, "ports": []any{443, 55000}}
	}
	if i%10 == 7 {
		values["adapter"] = map[string]any{"token": "adapter-" + uuid(-i)}
	}
	tier := "standard"
	switch {
	case i < 5:
		tier = "internal"
	case i%10 == 3:
		tier = "gold"
	}
	return tenant{Labels: map[string]string{"tier": tier}, Values: values}
}

func uuid(i int) string {
	sum := sha256.Sum256(fmt.Append(nil, i))
	h := hex.EncodeToString(sum[:])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// fleet is the folder of the configuration of n tenants, and what the helm CLI
// needs to do the same work.
type fleet struct{ dir string }

func (f fleet) systemValues() string      { return filepath.Join(f.dir, "system.yaml") }
func (f fleet) commonValues() string      { return filepath.Join(f.dir, "common.yaml") }
func (f fleet) tenantValues(i int) string { return filepath.Join(f.dir, "values", slug(i)+".yaml") }

// archive is the packaged chart.
func (f fleet) archive(chart, version string) string {
	return filepath.Join(f.dir, "charts", chart+"-"+version+".tgz")
}

// writeFleet writes the files of n tenants into dir.
func writeFleet(dir, examples, registry string, n int) (fleet, error) {
	f := fleet{dir}
	for _, sub := range []string{"values", "charts"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return f, fmt.Errorf("make the fleet's folder: %w", err)
		}
	}
	config, err := template.ParseFS(files, "files/fleet.hcl")
	if err != nil {
		return f, fmt.Errorf("read the fleet's template: %w", err)
	}
	var hcl bytes.Buffer
	err = config.Execute(&hcl, map[string]string{"Registry": registry, "Repository": publish.Repository, "To": to})
	if err != nil {
		return f, fmt.Errorf("fill in the fleet's template: %w", err)
	}
	contents := map[string][]byte{"fleet.hcl": hcl.Bytes()}
	for _, name := range []string{"system.yaml", "common.yaml"} {
		if contents[name], err = files.ReadFile("files/" + name); err != nil {
			return f, fmt.Errorf("read the fleet's values: %w", err)
		}
	}
	if contents["compatibility.yaml"], err = os.ReadFile(filepath.Join(examples, "compatibility.yaml")); err != nil {
		return f, fmt.Errorf("read the compatibility matrix: %w", err)
	}
	tenants := map[string]tenant{}
	for i := range n {
		t := tenantOf(i)
		tenants[slug(i)] = t
		if contents["values/"+slug(i)+".yaml"], err = yaml.Marshal(t.Values); err != nil {
			return f, fmt.Errorf("encode the values of tenant %s: %w", slug(i), err)
		}
	}
	if contents["tenants.yaml"], err = yaml.Marshal(tenants); err != nil {
		return f, fmt.Errorf("encode the tenants: %w", err)
	}
	for _, chart := range []string{systemChart, tenantChart} {
		for _, version := range []string{from, to} {
			archive, _, err := publish.Archive(filepath.Join(examples, "charts", chart, version))
			if err != nil {
				return f, err
			}
			contents["charts/"+chart+"-"+version+".tgz"] = archive
		}
	}
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return f, fmt.Errorf("write the fleet's files: %w", err)
		}
	}
	return f, nil
}
