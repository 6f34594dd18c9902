package snapshot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// TestWhatIsNotReady asks of a real cluster for what is not there: it is said
// before a run begins.
func TestWhatIsNotReady(t *testing.T) {
	t.Parallel()
	k, err := kube.New(kube.Config{Kubeconfig: sandboxtest.Cluster(t).Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	namespace := sandboxtest.Namespace(t)
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dump := schema.Snapshot{Name: "s", Driver: "pg_dump", Store: "file://dumps"}
	for name, c := range map[string]struct {
		snapshot schema.Snapshot
		database *schema.Database
		exec     bool
		want     string
	}{
		"the Secret of the DSN":  {dump, &schema.Database{DSNSecret: &schema.SecretKey{Name: "creds", Key: "url"}}, true, "read Secret " + namespace + "/creds: it does not exist"},
		"the pod of exec":        {dump, &schema.Database{Exec: &schema.Exec{Pod: "postgres-0", User: "u", Database: "d"}}, true, "postgres-0"},
		"the Service of the DSN": {dump, &schema.Database{DSN: "postgres://u:c4n4ry-7f2e@db." + namespace + ".svc/d"}, true, "there is no Service db in namespace " + namespace},
		"-allow-exec":            {schema.Snapshot{Name: "s", Driver: "command", Argv: []string{"true"}}, nil, false, "only with -allow-exec"},
		"the program":            {schema.Snapshot{Name: "s", Driver: "command", Argv: []string{"./none"}}, nil, true, "find the program ./none"},
		"the place for Secrets":  {schema.Snapshot{Name: "s", Driver: "csi", Store: "file://file", Recipients: []string{"age1"}}, nil, true, "open store file://file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			system := &schema.System{Release: schema.Release{Address: "system", Snapshots: []*schema.Snapshot{&c.snapshot}}, Database: c.database}
			f := &Fleet{Files: &schema.Fleet{Root: root, System: system}, Clusters: map[string]*kube.Cluster{"main": k}, AllowExec: c.exec}
			doc := &plan.Document{
				Releases: []plan.Release{{Address: "system", Cluster: "main", Namespace: namespace, Name: "sys"}},
				Steps:    []plan.Step{{ID: "system/0/snapshot/s", Kind: plan.StepSnapshot, Address: "system", Snapshot: "s", Driver: c.snapshot.Driver}},
			}
			if err := f.Ready(t.Context(), doc); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestWhatIsNotRestorable holds a saved way back against snapshots that are not on
// record, or of a cluster that the files do not know.
func TestWhatIsNotRestorable(t *testing.T) {
	t.Parallel()
	f := &Fleet{Files: &schema.Fleet{System: &schema.System{}}}
	doc := &plan.Document{Steps: []plan.Step{{Kind: plan.StepRestore, Address: "tenant.acme", Records: []string{"one", "two"}}}}
	err := f.Restorable(t.Context(), doc, []*plan.Snapshot{{ID: "one", Driver: "csi", Cluster: "elsewhere"}})
	for _, want := range []string{`snapshot one is of cluster "elsewhere", which the files do not name`, "snapshot two of tenant.acme: it is not on record any more"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
