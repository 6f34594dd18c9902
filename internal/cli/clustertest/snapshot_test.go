package clustertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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

// bySecret is the way into the database with the DSN that the chart keeps.
const bySecret = `
  database {
    dsn_secret {
      name = "${var.name}-postgres-admin-creds"
      key  = "url"
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

	dumpsDir := filepath.Join(f.dir, "dumps")
	step(t, "a store that cannot be used is found before anything begins", func(t *testing.T) {
		f.write(t, "dumps", []byte("in the way of the folder"))
		runs := f.run(t, 0, "history", "-json")
		inOrder(t, f.nothingChanges(t), "cannot be saved", "nothing was started", "store file://dumps")
		if got := f.run(t, 0, "history", "-json"); got != runs {
			t.Errorf("a run was begun: %s", got)
		}
		if err := os.Remove(dumpsDir); err != nil {
			t.Fatal(err)
		}
	})
	step(t, "a dump whose connection is lost half-way changes nothing", func(t *testing.T) {
		lost := f.losesDumps(t)
		inOrder(t, f.nothingChanges(t), "system: taking snapshot postgres", "system: failed", "pg_dump", "Not started: tenant.only")
		<-lost
		f.sql(t, "DROP TABLE held")
	})
	step(t, "upgrade", func(t *testing.T) {
		text := f.run(t, 0, "apply", "-auto-approve")
		inOrder(t, text, "rollback point start", "system: taking snapshot postgres with pg_dump", "system: snapshot postgres taken",
			"system: migrating", "rollback point system/0", "Apply complete!")
		recorded(t, f)
	})
	id := f.snapshots(t)[0].ID
	step(t, "list", func(t *testing.T) {
		inOrder(t, f.run(t, 0, "snapshot", "list"), id, "system", "0.1.4", "postgres", "pg_dump")
		inOrder(t, f.run(t, 0, "snapshot", "list", "-json"), `"format_version":"1.0"`, `"id":"`+id+`"`)
	})
	step(t, "verify", func(t *testing.T) {
		text := f.run(t, 0, "snapshot", "verify", id)
		inOrder(t, text, "Snapshot "+id+" can be restored: schema revision v1_0016_provisioning_job_reconcile_kind")
		if got := f.sql(t, "SELECT count(*) FROM pg_database WHERE datname LIKE 'soctalk_verify_%'"); got != "0" {
			t.Errorf("%s scratch databases are left", got)
		}
	})
	step(t, "data of another version is not restored alone", func(t *testing.T) {
		inOrder(t, f.run(t, 1, "snapshot", "restore", id, "-accept-data-loss", "-auto-approve"), "0.1.4", "0.2.1 is live", "soctalk rollback")
	})
	step(t, "a dump that was tampered with", func(t *testing.T) {
		path := filepath.Join(f.dir, "dumps", f.snapshots(t)[0].Object)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		inOrder(t, f.run(t, 1, "snapshot", "verify", id), "cannot be restored", "its checksum is", "another")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		inOrder(t, f.run(t, 1, "snapshot", "verify", id), "cannot be restored", "no longer in store")
	})
}

// losesDumps holds a table that the next dump waits for, and ends the dump's
// connection there. What it returns is closed after that.
func (f *fleet) losesDumps(t *testing.T) <-chan struct{} {
	t.Helper()
	f.sql(t, "CREATE TABLE held AS SELECT 1 AS id")
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		f.sql(t, `DO $$ BEGIN
			LOCK TABLE held IN ACCESS EXCLUSIVE MODE;
			LOOP
				PERFORM pg_stat_clear_snapshot();
				PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock';
				EXIT WHEN FOUND;
				PERFORM pg_sleep(0.1);
			END LOOP;
		END $$`)
	}()
	sandboxtest.Eventually(t, func(context.Context) error {
		if f.sql(t, "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND mode = 'AccessExclusiveLock' AND granted") == "0" {
			return errors.New("the table is not held yet")
		}
		return nil
	})
	return lost
}

// nothingChanges applies what cannot be saved first.
func (f *fleet) nothingChanges(t *testing.T) string {
	t.Helper()
	before, at := snapshot(t, f.system, f.tenant), f.schemaRevision(t)
	text := f.run(t, 1, "apply", "-auto-approve")
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
	return text
}

// TestSnapshotRestore goes back with the data of one version, by way of a DSN in
// a Secret and the programs of this machine, with the API scaled down.
func TestSnapshotRestore(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "restored")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	f.inSystem(t, bySecret+strings.Replace(dumps, "driver =", fmt.Sprintf("quiesce = true\n    recipients = [%q]\n    driver =", key.Recipient()), 1))
	f.want(t, "0.1.4", "0.1.9")
	f.run(t, 0, "init")
	f.run(t, 0, "apply", "-auto-approve")
	f.sql(t, "INSERT INTO tenants (slug) VALUES ('before')")
	step(t, "take it with the API scaled down", func(t *testing.T) {
		f.write(t, "more-values.yaml", []byte("api: {podAnnotations: {round: second}}\n"))
		f.run(t, 0, "plan", "-out=second.plan")
		scaled := f.scaledTo(t, func() { f.run(t, 0, "apply", "second.plan") })
		if want := []int32{1, 0, 1}; !slices.Equal(scaled, want) {
			t.Errorf("the API was scaled %v, want %v", scaled, want)
		}
		s := f.snapshots(t)[0]
		if !s.Quiesced || len(s.ScaledDown) > 0 || s.Rows["public.tenants"] < 1 {
			t.Errorf("the record is %+v", s)
		}
	})
	s := f.snapshots(t)[0]
	step(t, "the Secrets are saved for those who have the key", func(t *testing.T) { f.saved(t, s, key) })
	f.sql(t, "INSERT INTO tenants (slug) VALUES ('after')")
	f.sql(t, "CREATE TABLE later (id int)")
	slugs := "SELECT string_agg(slug, ',' ORDER BY slug) FROM tenants WHERE slug IN ('before', 'after')"
	step(t, "nothing is lost unasked", func(t *testing.T) {
		inOrder(t, f.run(t, 1, "snapshot", "restore", s.ID), "is", "lost", "-accept-data-loss")
		inOrder(t, f.run(t, 1, "snapshot", "restore", s.ID, "-accept-data-loss"), "nobody to ask")
		if got := f.sql(t, slugs); got != "after,before" {
			t.Errorf("tenants are %q", got)
		}
	})
	step(t, "restore", func(t *testing.T) {
		f.run(t, 0, "snapshot", "restore", s.ID, "-accept-data-loss", "-auto-approve")
		if got := f.sql(t, slugs); got != "before" {
			t.Errorf("tenants are %q", got)
		}
		if got := f.sql(t, "SELECT to_regclass('later') IS NULL"); got != "t" {
			t.Error("a table that was made after the snapshot is still there")
		}
		f.replicas(t, 1)
	})
	step(t, "a program that was killed is cleaned up after", func(t *testing.T) {
		torn := *s
		torn.ID, torn.State, torn.Run = "20200101-000000-0000beef", plan.Taking, "killed"
		torn.ScaledDown = []plan.Scaled{{Kind: "Deployment", Namespace: f.system, Name: f.system + "-api", Replicas: 2}}
		f.tear(t, &torn)
		f.write(t, "more-values.yaml", []byte("{}\n"))
		f.run(t, 0, "plan", "-out=next.plan")
		scaled := f.scaledTo(t, func() { f.run(t, 0, "apply", "next.plan") })
		if len(scaled) < 2 || scaled[0] != 0 || scaled[1] != 2 {
			t.Errorf("the API was scaled %v, and should have got its 2 replicas back first", scaled)
		}
		for _, x := range f.snapshots(t) {
			if x.ID == torn.ID {
				t.Error("the torn snapshot is still on record")
			}
		}
	})
}

// saved holds the Secrets that were saved with a snapshot against those that are
// live.
func (f *fleet) saved(t *testing.T, s *plan.Snapshot, key age.Identity) {
	t.Helper()
	sealed, err := os.Open(filepath.Join(f.dir, "dumps", s.Secrets.Object))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sealed.Close() }()
	clear, err := age.Decrypt(sealed, key)
	if err != nil {
		t.Fatal(err)
	}
	var list corev1.SecretList
	if err := json.NewDecoder(clear).Decode(&list); err != nil {
		t.Fatal(err)
	}
	got, want := map[string]string{}, f.secrets(t)
	releases := 0
	for _, x := range list.Items {
		data, err := json.Marshal(x.Data)
		if err != nil {
			t.Fatal(err)
		}
		if _, live := want[x.Name]; live {
			got[x.Name] = string(data)
		}
		if x.Type == "helm.sh/release.v1" {
			releases++
		}
	}
	same(t, "saved Secrets", want, got)
	if releases != 1 || s.Secrets.Count != len(list.Items) {
		t.Errorf("%d revisions of Helm and %d Secrets are saved, the record says %d", releases, len(list.Items), s.Secrets.Count)
	}
}

// replicas holds that the API is to have so many replicas.
func (f *fleet) replicas(t *testing.T, want int32) {
	t.Helper()
	d, err := realnodetest.Client(t).AppsV1().Deployments(f.system).Get(t.Context(), f.system+"-api", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *d.Spec.Replicas != want {
		t.Errorf("the API has %d replicas, want %d", *d.Spec.Replicas, want)
	}
}

// scaledTo returns how many replicas the API was to have, one after another,
// while something is done.
func (f *fleet) scaledTo(t *testing.T, do func()) []int32 {
	t.Helper()
	deployments := realnodetest.Client(t).AppsV1().Deployments(f.system)
	w, err := deployments.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + f.system + "-api"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	do()
	live, err := deployments.Get(t.Context(), f.system+"-api", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var counts []int32
	for e := range w.ResultChan() {
		d, ok := e.Object.(*appsv1.Deployment)
		if !ok {
			t.Fatalf("watch of the API: %v", e.Object)
		}
		if n := *d.Spec.Replicas; len(counts) == 0 || counts[len(counts)-1] != n {
			counts = append(counts, n)
		}
		if d.Generation >= live.Generation {
			return counts
		}
	}
	t.Fatal("the watch of the API ended")
	return nil
}

// tear leaves the cluster as a program does that is killed while it takes a
// snapshot with the API scaled down.
func (f *fleet) tear(t *testing.T, s *plan.Snapshot) {
	t.Helper()
	client := realnodetest.Client(t)
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	record := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "soctalk-snapshot-" + s.ID, Labels: map[string]string{"soctalk.io/journal": "snapshot", "soctalk.io/state": "taking", "soctalk.io/run": s.Run, "soctalk.io/release": s.Release}},
		Data:       map[string]string{"snapshot": string(data)},
	}
	if _, err := client.CoreV1().ConfigMaps(f.system).Create(t.Context(), record, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, w := range s.ScaledDown {
		none := []byte(`{"spec":{"replicas":0}}`)
		if _, err := client.AppsV1().Deployments(f.system).Patch(t.Context(), w.Name, types.MergePatchType, none, metav1.PatchOptions{}, "scale"); err != nil {
			t.Fatal(err)
		}
	}
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
