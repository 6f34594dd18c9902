//go:build unix

// Command postgres-entrypoint is the entrypoint of the sandbox's PostgreSQL image. It
// heeds what charts commonly use of the official image: POSTGRES_USER,
// POSTGRES_PASSWORD, POSTGRES_DB, PGDATA and /docker-entrypoint-initdb.d with
// *.sql and *.sh; the server runs as user 999, and asks for a password over
// the network. Any other command than the server is simply run.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// owner is the user and group that the server runs as.
const owner = 999

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatalf("entrypoint: %v", err)
	}
}

func run(args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		args = append([]string{"postgres"}, args...)
	}
	if args[0] != "postgres" {
		return replace(args)
	}
	c := configure()
	if os.Getuid() == 0 {
		if err := c.own(); err != nil {
			return err
		}
		if err := dropRoot(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(c.data, "PG_VERSION")); os.IsNotExist(err) {
		if err := c.initialize(); err != nil {
			return err
		}
	}
	return replace(append(args, "-D", c.data))
}

// replace runs a command in place of this process.
func replace(args []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	if err := syscall.Exec(path, args, os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}

func dropRoot() error {
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("drop the groups of root: %w", err)
	}
	if err := syscall.Setgid(owner); err != nil {
		return fmt.Errorf("become group %d: %w", owner, err)
	}
	if err := syscall.Setuid(owner); err != nil {
		return fmt.Errorf("become user %d: %w", owner, err)
	}
	return nil
}
