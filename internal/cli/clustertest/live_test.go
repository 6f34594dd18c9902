package clustertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	ofMigration    = "soctalk.io/job=alembic-upgrade"
	notOfMigration = "soctalk.io/job!=alembic-upgrade"
)

// sql asks the fleet's database, or changes it.
func (f *fleet) sql(t *testing.T, query string) string {
	t.Helper()
	return realnodetest.Exec(t, f.system, f.system+"-postgres-0", "postgres",
		"psql", "-U", "soctalk_admin", "-d", "soctalk", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query)
}

func (f *fleet) schemaRevision(t *testing.T) string {
	t.Helper()
	return f.sql(t, "SELECT version_num FROM alembic_version")
}

// pods returns the pods that a selector selects, by name.
func pods(t *testing.T, namespace, selector string) map[string]corev1.Pod {
	t.Helper()
	list, err := realnodetest.Client(t).CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]corev1.Pod{}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil { // those on their way out may linger
			all[p.Name] = p
		}
	}
	return all
}

// revision is the newest revision of a release, and its status: "2 deployed".
func revision(t *testing.T, release string) string {
	t.Helper()
	list, err := realnodetest.Client(t).CoreV1().Secrets(release).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm,name=" + release})
	if err != nil {
		t.Fatal(err)
	}
	newest, text := 0, "none"
	for _, s := range list.Items {
		var n int
		if _, err := fmt.Sscan(s.Labels["version"], &n); err != nil {
			t.Fatal(err)
		}
		if n > newest {
			newest, text = n, fmt.Sprintf("%d %s", n, s.Labels["status"])
		}
	}
	return text
}

// snapshot is what an upgrade changes first: revisions and pods.
func snapshot(t *testing.T, releases ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, release := range releases {
		all["release "+release] = revision(t, release)
		for name, p := range pods(t, release, notOfMigration) {
			all["pod "+name] = string(p.UID)
		}
	}
	return all
}

// secrets returns the data of every Secret of the system's chart.
func (f *fleet) secrets(t *testing.T) map[string]string {
	t.Helper()
	list, err := realnodetest.Client(t).CoreV1().Secrets(f.system).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=Helm"})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, s := range list.Items {
		data, err := json.Marshal(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		all[s.Name] = string(data)
	}
	if len(all) < 6 {
		t.Fatalf("only %d Secrets", len(all))
	}
	return all
}

// ask sends a request to the API through the API server's proxy.
func (f *fleet) ask(t *testing.T, path string) string {
	t.Helper()
	body, err := realnodetest.Client(t).CoreV1().Services(f.system).ProxyGet("http", f.system+"-api", "http", path, nil).DoRaw(t.Context())
	if err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, body)
	}
	return strings.TrimSpace(string(body))
}

// jobsMade begins to count the migration Jobs of a fleet, and returns a
// function that ends it and returns them in the order they were made.
func (f *fleet) jobsMade(t *testing.T) func() []types.UID {
	t.Helper()
	jobs := realnodetest.Client(t).BatchV1().Jobs(f.system)
	list, err := jobs.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	name := f.system + "-alembic-upgrade"
	w, err := jobs.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion, FieldSelector: "metadata.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	return func() []types.UID {
		defer w.Stop()
		live := f.job(t)
		var made []types.UID
		for e := range w.ResultChan() {
			j, ok := e.Object.(*batchv1.Job)
			if !ok {
				t.Fatalf("watch of Job %s: %v", name, e.Object)
			}
			if e.Type == watch.Added {
				made = append(made, j.UID)
			}
			// What is live now was seen last, in this state or a later one.
			if j.ResourceVersion == live.ResourceVersion {
				return made
			}
		}
		t.Fatalf("the watch of Job %s ended before the live one was seen: %v", name, made)
		return nil
	}
}

// job is the migration's Job as it is live.
func (f *fleet) job(t *testing.T) *batchv1.Job {
	t.Helper()
	j, err := realnodetest.Client(t).BatchV1().Jobs(f.system).Get(t.Context(), f.system+"-alembic-upgrade", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// same fails the test where something is not what it was.
func same(t *testing.T, what string, was, is map[string]string) {
	t.Helper()
	if maps.Equal(was, is) {
		return
	}
	for name, before := range was {
		if is[name] != before {
			t.Errorf("%s: %s is not what it was", what, name)
		}
	}
	for name := range is {
		if _, known := was[name]; !known {
			t.Errorf("%s: %s is new", what, name)
		}
	}
}

// holds makes sure that the database answers queries as it should.
func (f *fleet) holds(t *testing.T, answers map[string]string) {
	t.Helper()
	for query, want := range answers {
		if got := f.sql(t, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// answers makes sure that the API answers paths as it should.
func (f *fleet) answers(t *testing.T, answers map[string]string) {
	t.Helper()
	for path, want := range answers {
		if got := f.ask(t, path); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
}
