//go:build unix

package snapshot

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/postgrestest"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// dumps are of a PostgreSQL on this machine, which a plain DSN leads to.
type dumps struct {
	sql    *pgconn.PgConn
	driver *pgDump
	record *plan.Snapshot
}

func newDumps(t testing.TB) *dumps {
	t.Helper()
	dsn := postgrestest.Start(t)
	d := &dumps{}
	var err error
	if d.sql, err = pgconn.Connect(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.sql.Close(context.Background()) })
	// The database is reached without the cluster, which is not there.
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	err = clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"none": {Server: "https://127.0.0.1:1"}},
		Contexts: map[string]*clientcmdapi.Context{"none": {Cluster: "none"}}, CurrentContext: "none",
	}, kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(kube.Config{Kubeconfig: kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	files := &schema.Fleet{Root: t.TempDir(), System: &schema.System{Database: &schema.Database{DSN: dsn}}}
	d.driver = &pgDump{&Fleet{Files: files, Clusters: map[string]*kube.Cluster{"main": k}}}
	d.record = &plan.Snapshot{ID: newID(), Name: "postgres", Driver: "pg_dump", Address: "system", Cluster: "main", Namespace: "sys", Release: "sys"}
	d.run(t, `CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('v1_0016');
		CREATE TABLE tenants (slug text); INSERT INTO tenants SELECT 'tenant-' || n FROM generate_series(1, 1000) n;
		CREATE TABLE noise AS SELECT md5(n::text) || md5((n + 1)::text) AS text FROM generate_series(1, 100000) n`)
	return d
}

func (d *dumps) run(t testing.TB, sql string) string {
	t.Helper()
	results, err := d.sql.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

func (d *dumps) take(t testing.TB, store string) error {
	t.Helper()
	config := &schema.Snapshot{Name: "postgres", Driver: "pg_dump", Store: store}
	d.record.Store = store
	if err := d.driver.Check(t.Context(), config, d.record); err != nil {
		return err
	}
	return d.driver.Take(t.Context(), &Attempt{Config: config, Record: d.record, Report: quiet()})
}

func TestDumpThereAndBack(t *testing.T) {
	t.Parallel()
	d := newDumps(t)
	if err := d.take(t, "file://"+t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if s := d.record; s.SchemaRevision != "v1_0016" || s.Rows["public.tenants"] != 1000 || s.Size == 0 || s.Taken == nil {
		t.Errorf("the record is %+v", s)
	}
	d.run(t, "INSERT INTO tenants VALUES ('later'); UPDATE alembic_version SET version_num = 'v1_0047'; CREATE TABLE later (id int)")
	for what, do := range map[string]func() error{
		"verify":   func() error { return d.driver.Verify(t.Context(), d.record) },
		"rehearse": func() error { return d.driver.Rehearse(t.Context(), d.record, quiet()) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if moved, err := d.driver.Moved(t.Context(), d.record); !moved || err != nil {
		t.Errorf("the schema has moved: %t, %v", moved, err)
	}
	if err := d.driver.Restore(t.Context(), d.record, quiet()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM tenants":                                           "1000",
		"SELECT version_num FROM alembic_version":                                "v1_0016",
		"SELECT to_regclass('later') IS NULL":                                    "t",
		"SELECT count(*) FROM pg_database WHERE datname LIKE 'soctalk_verify_%'": "0",
	} {
		if got := d.run(t, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// TestDumpsThatFail lets dumps fail before they begin and half-way. Nothing of
// them is left.
func TestDumpsThatFail(t *testing.T) {
	d := newDumps(t)
	folder := t.TempDir()
	t.Run("an older pg_dump", func(t *testing.T) {
		instead(t, "pg_dump", `echo "pg_dump (PostgreSQL) 12.22"`)
		fails(t, d.take(t, "file://"+folder), "pg_dump is of PostgreSQL 12 and the server of 15")
	})
	t.Run("cut off half-way", func(t *testing.T) {
		// As when the server goes: some of the dump, and an end that is no good one.
		instead(t, "pg_dump", `case "$1" in --version) exec REAL --version;; esac
REAL "$@" | head -c 20000; echo 'pg_dump: error: server closed the connection unexpectedly' >&2; exit 1`)
		fails(t, d.take(t, "file://"+folder), "server closed the connection unexpectedly")
	})
	t.Run("the server goes", func(t *testing.T) {
		instead(t, "pg_dump", `case "$1" in --version) exec REAL --version;; esac
psql -XAtqw -d postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soctalk' AND pid <> pg_backend_pid()" >/dev/null
exec REAL "$@"`)
		fails(t, d.take(t, "file://"+folder), "run pg_dump on this machine")
	})
	t.Run("the disk is full", func(t *testing.T) {
		small := t.TempDir()
		if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
			t.Skipf("mount a small file system: %v", err)
		}
		defer func() { _ = syscall.Unmount(small, 0) }()
		err := d.take(t, "file://"+small)
		fails(t, err, "no space left")
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v is not ENOSPC", err)
		}
		leavesNothing(t, small)
	})
	t.Run("a store that is not there", func(t *testing.T) {
		for name, value := range map[string]string{"AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"} {
			t.Setenv(name, value)
		}
		fails(t, d.take(t, "s3://b?endpoint=http://127.0.0.1:1&region=x&use_path_style=true&anonymous=true"), "connection refused")
	})
	leavesNothing(t, folder)
}

func fails(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func leavesNothing(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// instead puts a script in the place of a program, for this test; REAL in it is
// the program.
func instead(t *testing.T, program, script string) {
	t.Helper()
	real, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := "#!/bin/sh\n" + strings.ReplaceAll(script, "REAL", real) + "\n"
	if err := os.WriteFile(filepath.Join(dir, program), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}
