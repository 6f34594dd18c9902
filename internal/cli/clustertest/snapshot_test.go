package clustertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	"github.com/soctalk/fleet/plan"
)

// byExec is the way into the database through its own pod.
const byExec = `
  database {
    exec {
      pod      = "${var.name}-postgres-0"
      user     = "soctalk_admin"
      database = "soctalk"
    }
  }`

// dumps are into a folder beside the configuration.
const dumps = `
  snapshot "postgres" {
    driver = "pg_dump"
    store  = "file://dumps"
  }`

// inSystem adds text to the system block.
func (f *fleet) inSystem(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(f.dir, "fleet.hcl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(data), "system {\n")
	if !ok {
		t.Fatal("the fleet has no system block")
	}
	f.write(t, "fleet.hcl", []byte(before+"system {\n"+text+"\n"+after))
}

// snapshots are the records that the cluster holds of a fleet's snapshots.
func (f *fleet) snapshots(t *testing.T) []*plan.Snapshot {
	t.Helper()
	k, err := kube.New(kube.Config{Kubeconfig: realnodetest.Cluster(t).Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	all, err := journal.Snapshots(t.Context(), k, f.system, journal.SnapshotFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSnapshotBeforeUpgrade upgrades a fleet whose database is dumped first, by
// exec in its pod.
func TestSnapshotBeforeUpgrade(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "dump")
	f.inSystem(t, byExec+dumps)
	f.want(t, "0.1.4", "0.1.9")
	f.run(t, 0, "init")
	f.run(t, 0, "apply", "-auto-approve")
	if got := f.snapshots(t); len(got) != 0 {
		t.Fatalf("an install took %d snapshots", len(got))
	}
	f.want(t, "0.2.1", "0.2.1")

	step(t, "a snapshot that fails changes nothing", func(t *testing.T) {
		f.write(t, "dumps", []byte("in the way of the folder"))
		before, at := snapshot(t, f.system, f.tenant), f.schemaRevision(t)
		text := f.run(t, 1, "apply", "-auto-approve")
		inOrder(t, text, "system: failed", "store file://dumps", "Not started: tenant.only")
		same(t, "after a failed snapshot", before, snapshot(t, f.system, f.tenant))
		if got := f.schemaRevision(t); got != at {
			t.Errorf("the database is at %q, want %q", got, at)
		}
		if strings.Contains(text, "system: migrating") {
			t.Error("a migration was begun")
		}
		if got := f.snapshots(t); len(got) != 0 {
			t.Errorf("the cluster holds %d records of snapshots that there are not", len(got))
		}
		if err := os.Remove(filepath.Join(f.dir, "dumps")); err != nil {
			t.Fatal(err)
		}
	})
	step(t, "upgrade", func(t *testing.T) {
		f.run(t, 0, "apply", "-auto-approve")
		recorded(t, f)
	})
}

// recorded holds the record of the only snapshot against what it is of.
func recorded(t *testing.T, f *fleet) {
	all := f.snapshots(t)
	if len(all) != 1 {
		t.Fatalf("the cluster holds %d records of snapshots, want 1", len(all))
	}
	s := all[0]
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), canary) {
		t.Error("the record holds a secret")
	}
	path := filepath.Join(f.dir, "dumps", s.Object)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != s.Size || folder.Mode().Perm() != 0o700 {
		t.Errorf("the dump has %d bytes and its folder mode %s, the record says %d bytes", info.Size(), folder.Mode(), s.Size)
	}
	got := fmt.Sprintln(s.State, s.Address, s.Name, s.Driver, s.Step, s.Version, s.Revision, s.SchemaRevision)
	want := fmt.Sprintln("taken system postgres pg_dump system/0/snapshot/postgres 0.1.4 1 v1_0016_provisioning_job_reconcile_kind")
	if got != want || s.Taken == nil || !strings.HasPrefix(s.ServerVersion, "15.") {
		t.Errorf("the record says %s, taken %v of server %s; want %s", got, s.Taken, s.ServerVersion, want)
	}
}
