package database_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

func TestMain(m *testing.M) { realnodetest.Main(m) }

const (
	namespace = "data"
	password  = "c4n4ry/p4ss word"
	encoded   = "c4n4ry%2Fp4ss%20word"
)

// postgres runs one PostgreSQL for all tests, with a database for each.
var postgres struct {
	sync.Mutex
	runs bool
}

// connectors are the ways into a test's own database.
type connectors map[string]*schema.Database

// server returns the cluster, the ways into a new database, and what runs SQL
// in it.
func server(t *testing.T) (*kube.Cluster, connectors, func(sql string)) {
	t.Helper()
	k, err := kube.New(kube.Config{Kubeconfig: realnodetest.Cluster(t).Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	postgres.Lock()
	defer postgres.Unlock()
	if !postgres.runs {
		run(t)
		postgres.runs = true
	}
	name := strings.ToLower(t.Name())
	sql := func(db string) func(string) {
		return func(text string) {
			realnodetest.Exec(t, namespace, "db-0", "postgres", "psql", "-U", "admin", "-d", db, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text)
		}
	}
	sql("postgres")(`CREATE DATABASE "` + name + `"`)
	secret(t, name, "postgresql+asyncpg://admin:"+encoded+"@db:6432/"+name+"?ssl=disable")
	return k, connectors{
		"dsn_secret":   {DSNSecret: &schema.SecretKey{Name: name, Key: "url"}},
		"dsn":          {DSN: "postgresql+psycopg://admin:" + encoded + "@db-direct.data.svc.cluster.local/" + name},
		"dsn of a pod": {DSN: "host=db-0.db-direct.data.svc user=admin password='" + password + "' dbname=" + name},
		"exec":         {Exec: &schema.Exec{Pod: "db-0", User: "admin", Database: name}},
	}, sql(name)
}

func secret(t *testing.T, name, url string) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"url": url}}
	if _, err := realnodetest.Client(t).CoreV1().Secrets(namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// run starts PostgreSQL behind a Service with another port and one without an
// address.
func run(t *testing.T) {
	t.Helper()
	core := realnodetest.Client(t).CoreV1()
	_, err := core.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app": "db"}
	for _, s := range []corev1.Service{
		{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "sql", Port: 6432, TargetPort: intstr.FromString("pg")}}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "db-direct"}, Spec: corev1.ServiceSpec{ClusterIP: "None", Ports: []corev1.ServicePort{{Port: 1}}}},
	} {
		s.Spec.Selector = labels
		if _, err := core.Services(namespace).Create(t.Context(), &s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "db-0", Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "postgres", Image: images.PostgresName, ImagePullPolicy: corev1.PullNever,
			Ports: []corev1.ContainerPort{{Name: "pg", ContainerPort: 5432}},
			Env:   []corev1.EnvVar{{Name: "POSTGRES_USER", Value: "admin"}, {Name: "POSTGRES_PASSWORD", Value: password}, {Name: "POSTGRES_DB", Value: "postgres"}},
			ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
				Exec: &corev1.ExecAction{Command: []string{"pg_isready", "-q", "-h", "127.0.0.1", "-U", "admin", "-d", "postgres"}},
			}},
		}}},
	}
	if _, err := core.Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		p, err := core.Pods(namespace).Get(ctx, "db-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("the pod is %+v", p.Status)
	})
}

// revision opens a way and asks for the revision.
func revision(t *testing.T, k *kube.Cluster, db *schema.Database) (string, error) {
	t.Helper()
	c, err := database.Connect(t.Context(), k, db, namespace)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	return database.Revision(t.Context(), c)
}

func TestRevision(t *testing.T) {
	k, ways, sql := server(t)
	for _, state := range []struct{ sql, want, problem string }{
		{"SELECT 1", "", ""}, // no table
		{"CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)", "", ""},
		{"INSERT INTO alembic_version VALUES ('v1_0047')", "v1_0047", ""},
		{"INSERT INTO alembic_version VALUES ('v1_0016')", "", "alembic_version has 2 rows, and should have one: v1_0016, v1_0047"},
	} {
		sql(state.sql)
		for name, way := range ways {
			got, err := revision(t, k, way)
			var heads *database.HeadsError
			if got != state.want || (err != nil) != (state.problem != "") || err != nil && (!errors.As(err, &heads) || err.Error() != state.problem) {
				t.Errorf("%s, after %s: %q, %v; want %q, %s", name, state.sql, got, err, state.want, state.problem)
			}
		}
	}
}

func TestQuery(t *testing.T) {
	k, ways, sql := server(t)
	sql("CREATE TABLE notes (note text)")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c, err := database.Connect(t.Context(), k, way, namespace)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			rows, err := c.Query(t.Context(), "SELECT n, CASE n WHEN 1 THEN NULL ELSE E'a,\"b\"\\nc' END FROM generate_series(1, 2) n;\n")
			if want := [][]string{{"1", ""}, {"2", "a,\"b\"\nc"}}; err != nil || !slices.EqualFunc(rows, want, slices.Equal) {
				t.Errorf("got %q, %v, want %q", rows, err, want)
			}
			if _, err := c.Query(t.Context(), "INSERT INTO notes VALUES ('x')"); err == nil || !strings.Contains(err.Error(), "read-only transaction") {
				t.Errorf("a write: %v", err)
			}
			if _, err := c.Query(t.Context(), "SELECT * FROM nothing"); err == nil || !strings.Contains(err.Error(), `relation "nothing" does not exist`) {
				t.Errorf("no table: %v", err)
			}
			// An error does not spoil what follows.
			if rows, err := c.Query(t.Context(), "SELECT count(*) FROM notes"); err != nil || rows[0][0] != "0" {
				t.Errorf("after an error: %q, %v", rows, err)
			}
		})
	}
}

// TestNoWayIn has an error for each way that leads nowhere, none of which
// holds the password or the DSN.
func TestNoWayIn(t *testing.T) {
	k, _, _ := server(t)
	// Within its own pod, as forwarded connections are, PostgreSQL asks for none.
	pod, err := realnodetest.Client(t).CoreV1().Pods(namespace).Get(t.Context(), "db-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secret(t, "wrong", "postgresql://admin:"+encoded+"x@"+pod.Status.PodIP+"/postgres")
	secret(t, "no-url", "mysql://"+encoded)
	secret(t, "empty", "")
	dsn := func(host string) *schema.Database {
		return &schema.Database{DSN: "postgresql+asyncpg://admin:" + encoded + "@" + host + "/postgres"}
	}
	fromSecret := func(name, key string) *schema.Database {
		return &schema.Database{DSNSecret: &schema.SecretKey{Name: name, Key: key}}
	}
	if _, err := revision(t, k, dsn(pod.Status.PodIP)); err != nil {
		t.Errorf("directly: %v", err)
	}
	for name, test := range map[string]struct {
		way  *schema.Database
		want string
	}{
		"a wrong password":       {fromSecret("wrong", "url"), `5432: it answers: password authentication failed for user "admin"`},
		"no such Secret":         {fromSecret("nobody", "url"), "read Secret data/nobody: it does not exist"},
		"no such key":            {fromSecret("wrong", "dsn"), `read Secret data/wrong: it has no key "dsn"`},
		"an empty key":           {fromSecret("empty", "url"), `it has no key "url", or nothing in it`},
		"another database's URL": {fromSecret("no-url", "url"), "read the DSN from key url of Secret data/no-url: it is not one of PostgreSQL"},
		"no such database":       {dsn("db:6432/nothing?x="), "it answers: database"},
		"no such Service":        {dsn("nobody.data.svc"), "there is no Service nobody in namespace data"},
		"no such host":           {dsn("nobody"), "the name nobody does not resolve"},
		"no such port":           {dsn("db:5432"), "it has no port 5432; it has 6432"},
		"nothing listens":        {dsn("db-direct.data.svc:5433"), "refused"},
		"nobody there":           {dsn("127.0.0.1:1"), "nothing listens there (connection refused)"},
		"no such pod":            {&schema.Database{Exec: &schema.Exec{Pod: "db-1", User: "admin", Database: "postgres"}}, `ask the database in pod data/db-1: pods "db-1" not found`},
		"no such user":           {&schema.Database{Exec: &schema.Exec{Pod: "db-0", User: "nobody", Database: "postgres"}}, `role "nobody" does not exist`},
		"no such container":      {&schema.Database{Exec: &schema.Exec{Pod: "db-0", User: "admin", Database: "postgres", Container: "web"}}, "container"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := revision(t, k, test.way)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			for _, s := range []string{password, encoded, "c4n4ry", test.way.DSN} {
				if err != nil && s != "" && strings.Contains(err.Error(), s) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}
