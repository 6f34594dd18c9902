//go:build unix

package examples

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// database is a PostgreSQL server of its own, behind a socket in a temporary folder.
type database struct{ socket string }

// nobody owns the server's files when the test runs as root, since PostgreSQL does not.
const nobody = 65534

func startDatabase(t *testing.T) database {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	bin := ""
	if len(found) > 0 {
		bin = filepath.Dir(found[len(found)-1])
	} else if path, err := exec.LookPath("postgres"); err == nil {
		bin = filepath.Dir(path)
	} else {
		t.Skip("no PostgreSQL server on this machine: the migrations are not tried")
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	dir, err := os.MkdirTemp("", "pg") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir = dir
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		return cmd
	}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "-D", data, "-U", "soctalk_admin", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := command("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT)
		_ = server.Wait()
	})
	return database{socket: dir}
}

// create makes an empty database and waits for the server first.
func (d database) create(t *testing.T, name string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		out, err := d.command(t.Context(), "psql", "postgres", "-c", "CREATE DATABASE "+name).CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, out)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (d database) command(ctx context.Context, name, database string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "PGHOST="+d.socket, "PGUSER=soctalk_admin", "PGDATABASE="+database)
	return cmd
}

func (d database) query(t *testing.T, name, sql string) string {
	t.Helper()
	out, err := d.command(t.Context(), "psql", name, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", sql, err, out)
	}
	return strings.TrimSpace(string(out))
}

// migration is what the container of a version runs, with its files laid out as the ConfigMap's volume does.
type migration struct {
	script string
	env    []string
}

func prepareMigration(t *testing.T, version string) migration {
	t.Helper()
	all := mustRender(t, "soctalk-system", version, "{bootstrapAdmin: {email: root@example.com, password: first}}")
	dir := t.TempDir()
	for name, text := range field[map[string]any](t, all["ConfigMap/soctalk-system-migrations-"+version], "data") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.(string)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec, list := podSpec(all["Job/soctalk-system-alembic-upgrade"]), "containers"
	if spec == nil {
		spec, list = podSpec(all["Deployment/soctalk-system-api"]), "initContainers"
	}
	m := migration{script: filepath.Join(dir, "migrate.sh")}
	for _, e := range spec[list].([]any)[0].(map[string]any)["env"].([]any) {
		variable := e.(map[string]any)
		name := variable["name"].(string)
		value, _ := variable["value"].(string)
		switch {
		case name == "MIGRATIONS_DIR":
			value = dir
		case strings.HasSuffix(name, "PASSWORD"):
			value = "it's " + name // the quote must survive
		case strings.HasPrefix(name, "PG"):
			continue
		}
		m.env = append(m.env, name+"="+value)
	}
	return m
}

// run returns what the migration printed and its exit code.
func (m migration) run(t *testing.T, d database, name string) (string, int) {
	cmd := d.command(t.Context(), "/bin/bash", name, m.script)
	cmd.Env = append(cmd.Env, m.env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (m migration) mustRun(t *testing.T, d database, name string) string {
	t.Helper()
	out, code := m.run(t, d, name)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	return out
}

const revisionQuery = "SELECT string_agg(version_num, ' ') FROM alembic_version"

func TestMigrations(t *testing.T) {
	server := startDatabase(t)
	names := 0
	database := func(t *testing.T) string {
		t.Helper()
		names++
		name := "db" + strconv.Itoa(names)
		server.create(t, name)
		return name
	}

	t.Run("every upgrade", func(t *testing.T) {
		db := database(t)
		for _, v := range published["soctalk-system"] {
			m := prepareMigration(t, v[0])
			m.mustRun(t, server, db)
			if got := server.query(t, db, revisionQuery); got != schemaRevisions[v[0]] {
				t.Fatalf("%s ends at %s", v[0], got)
			}
			if out := m.mustRun(t, server, db); strings.Contains(out, "Running upgrade") || !strings.Contains(out, "At revision "+schemaRevisions[v[0]]) {
				t.Errorf("%s again:\n%s", v[0], out)
			}
		}
		if got := server.query(t, db, "SELECT count(*) FROM organizations"); got != "1" {
			t.Errorf("%s organizations", got)
		}
	})

	t.Run("moves data", func(t *testing.T) {
		db := database(t)
		prepareMigration(t, "0.1.4").mustRun(t, server, db)
		server.query(t, db, `
			INSERT INTO tenants (slug, settings) VALUES ('acme', '{"theme": "dark", "llm": {"provider": "openai-compatible", "model": "local"}}');
			INSERT INTO investigations (tenant_id, title) SELECT id, 'old ' || slug FROM tenants`)
		out := prepareMigration(t, "0.2.1").mustRun(t, server, db)
		if want := "Running upgrade v1_0016_provisioning_job_reconcile_kind -> v1_0017_archive_default_tenant"; !strings.Contains(out, want) {
			t.Errorf("not in the output: %s\n%s", want, out)
		}
		for sql, want := range map[string]string{
			"SELECT string_agg(slug, ' ') FROM tenants":                                   "acme",
			"SELECT string_agg(title, ' ') FROM archived_investigations":                  "old default",
			"SELECT string_agg(title, ' ') FROM cases":                                    "old acme",
			"SELECT provider || ' ' || model || ' ' || engine FROM tenant_llm":            "openai-compatible local gateway",
			"SELECT settings FROM tenants":                                                `{"theme": "dark"}`,
			"SELECT count(*) FROM users WHERE email = 'root@example.com'":                 "1",
			"SELECT count(*) FROM pg_roles WHERE rolname LIKE 'soctalk%' AND rolcanlogin": "3",
		} {
			if got := server.query(t, db, sql); got != want {
				t.Errorf("%s: %s, want %s", sql, got, want)
			}
		}
	})

	t.Run("refuses a database that is ahead", func(t *testing.T) {
		db := database(t)
		prepareMigration(t, "0.2.1").mustRun(t, server, db)
		out, code := prepareMigration(t, "0.2.0").run(t, server, db)
		if code != 1 || !strings.Contains(out, "Can't locate revision identified by 'v1_0047_tenant_llm_engine'") {
			t.Errorf("exit %d\n%s", code, out)
		}
	})

	t.Run("refuses several heads", func(t *testing.T) {
		db := database(t)
		m := prepareMigration(t, "0.1.4")
		m.mustRun(t, server, db)
		server.query(t, db, "INSERT INTO alembic_version VALUES ('v1_0014_chat_focused_tenant')")
		if out, code := m.run(t, server, db); code != 1 || !strings.Contains(out, "Multiple head revisions") {
			t.Errorf("exit %d\n%s", code, out)
		}
	})

	t.Run("all or nothing", func(t *testing.T) {
		db := database(t)
		prepareMigration(t, "0.1.4").mustRun(t, server, db)
		server.query(t, db, "CREATE TABLE price_catalog (x int)")
		out, code := prepareMigration(t, "0.2.1").run(t, server, db)
		if code != 1 || !strings.Contains(out, `relation "price_catalog" already exists`) {
			t.Errorf("exit %d\n%s", code, out)
		}
		if got := server.query(t, db, revisionQuery+" UNION ALL SELECT coalesce(to_regclass('cases')::text, 'no cases')"); got != schemaRevisions["0.1.4"]+"\nno cases" {
			t.Errorf("a failed migration left %s", got)
		}
	})

	t.Run("one at a time", func(t *testing.T) {
		db := database(t)
		m := prepareMigration(t, "0.2.1")
		outs := make([]string, 4)
		var all sync.WaitGroup
		for i := range outs {
			all.Go(func() {
				out, code := m.run(t, server, db)
				if code != 0 {
					t.Errorf("exit %d\n%s", code, out)
				}
				outs[i] = out
			})
		}
		all.Wait()
		idle := slices.DeleteFunc(outs, func(out string) bool { return strings.Contains(out, "Running upgrade") })
		if len(idle) != 3 {
			t.Errorf("%d of 4 found nothing to do", len(idle))
		}
	})

	t.Run("waits for the database only so long", func(t *testing.T) {
		nowhere := server
		nowhere.socket = t.TempDir()
		m := prepareMigration(t, "0.2.1")
		m.env = append(m.env, "WAIT_SECONDS=1")
		out, code := m.run(t, nowhere, "x")
		if code != 1 || !strings.Contains(out, "no answer from the database") {
			t.Errorf("exit %d\n%s", code, out)
		}
	})
}
