//go:build unix

// Package postgrestest gives tests a real PostgreSQL server on this machine.
package postgrestest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/soctalk/fleet/internal/sandbox"
)

// requireEnv is the environment variable that makes tests fail, not skip, where
// there is no PostgreSQL.
const requireEnv = "SOCTALK_REQUIRE_REAL_NODE"

// nobody runs the server where the tests are run by root, whom it refuses.
const nobody = 65534

// Start starts a server that keeps nothing safe, and returns the DSN of its
// superuser. It ends with the test, which is skipped where PostgreSQL is not
// installed.
func Start(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if os.Getenv(requireEnv) != "" {
			t.Fatal("there is no PostgreSQL server below /usr/lib/postgresql")
		}
		t.Skip("there is no PostgreSQL server below /usr/lib/postgresql: make node-packages installs one")
	}
	bin := filepath.Dir(found[len(found)-1])
	// Not below the test's folder, which others may not enter.
	dir, err := os.MkdirTemp("", "soctalk-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		as.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=soctalk_admin", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	address, err := sandbox.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	said := &bytes.Buffer{}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-F", "-p", port, "-k", dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, as, said, said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // without waiting for clients
		<-ended
	})
	dsn := fmt.Sprintf("postgres://soctalk_admin@127.0.0.1:%s/postgres?sslmode=disable", port)
	for {
		conn, err := pgconn.Connect(t.Context(), dsn)
		if err == nil {
			_ = conn.Close(context.Background())
			return dsn
		}
		select {
		case <-ended:
			t.Fatalf("PostgreSQL ended: %v\n%s", err, said)
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
