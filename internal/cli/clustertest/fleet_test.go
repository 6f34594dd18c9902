package clustertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/soctalk/fleet/internal/cli"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/internal/sandbox/realnode"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

const examples = "../../../examples"

// canary is the value that must show up nowhere.
const canary = "c4n4ry-7f2e9b41d0a8"

// fleet is a configuration in a folder of its own: one system and one tenant.
type fleet struct {
	dir string
	// system and tenant are names of a release and of its namespace.
	system, tenant string
}

func newFleet(t *testing.T, name string) *fleet {
	t.Helper()
	cluster := realnodetest.Cluster(t)
	published.Do(func() {
		_, published.err = publish.Charts(t.Context(), cluster.Registry, filepath.Join(examples, "charts"))
	})
	if published.err != nil {
		t.Fatal(published.err)
	}
	f := &fleet{dir: t.TempDir(), system: name, tenant: "tenant-" + name}
	for file, from := range map[string]string{
		"fleet.hcl":          "testdata/fleet/fleet.hcl",
		"compatibility.yaml": filepath.Join(examples, "compatibility.yaml"),
	} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		f.write(t, file, data)
	}
	f.write(t, "system-values.yaml", realnode.SystemValues())
	f.write(t, "tenant-values.yaml", realnode.TenantValues())
	f.write(t, "more-values.yaml", []byte("{}\n"))
	f.write(t, "registry.hcl", fmt.Appendf(nil, "registry %q {\n  plain_http = true\n}\n", cluster.Registry))
	f.write(t, "soctalk.vars.hcl", fmt.Appendf(nil, "name = %q\nregistry = %q\nkubeconfig = %q\n", name, cluster.Registry, cluster.Kubeconfig))
	return f
}

// published is what the charts' publishing came to; once is enough.
var published struct {
	sync.Once
	err error
}

func (f *fleet) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// want writes down the versions that the fleet shall run.
func (f *fleet) want(t *testing.T, system, tenant string) {
	t.Helper()
	f.write(t, "versions.auto.vars.hcl", fmt.Appendf(nil, "system_version = %q\ntenant_version = %q\n", system, tenant))
}

// run runs the program as a person would in the fleet's folder and returns
// what it wrote, errors last.
func (f *fleet) run(t *testing.T, exit int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	env := append(os.Environ(), "SOCTALK_IN_AUTOMATION=1", "SOCTALK_VAR_admin_password="+canary)
	got := cli.Main(append([]string{"-chdir=" + f.dir}, args...), strings.NewReader(""), &out, &errs, env)
	text := out.String() + errs.String()
	t.Logf("$ soctalk %s\n%s", strings.Join(args, " "), text)
	if got != exit {
		t.Fatalf("soctalk %s: exit code %d, want %d", strings.Join(args, " "), got, exit)
	}
	if strings.Contains(text, canary) {
		t.Errorf("soctalk %s shows a secret value", strings.Join(args, " "))
	}
	return text
}

// blab makes the migration tell its passwords before it begins.
func (f *fleet) blab(t *testing.T) {
	t.Helper()
	f.write(t, "more-values.yaml", []byte(`
migration:
  command: [/bin/bash, -c, "echo admin=$ADMIN_PASSWORD app=$APP_PASSWORD.; exec bash /migrations/migrate.sh"]
`))
}

const blabbed = "admin=(hidden) app=(hidden)."

// inOrder fails the test unless all the texts are there, one after another.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is not there, or not in this order: %q", part, parts)
		}
		rest = after
	}
}
