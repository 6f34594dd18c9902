//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

const scripts = "/docker-entrypoint-initdb.d"

// cluster is a database cluster as the environment describes it.
type cluster struct {
	data, user, password, database string
}

func configure() cluster {
	c := cluster{
		data:     environment("PGDATA", "/var/lib/postgresql/data"),
		user:     environment("POSTGRES_USER", "postgres"),
		password: os.Getenv("POSTGRES_PASSWORD"),
	}
	c.database = environment("POSTGRES_DB", c.user)
	return c
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// own gives the data to the user that the server runs as.
func (c cluster) own() error {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return fmt.Errorf("make the data's folder: %w", err)
	}
	err := filepath.WalkDir(c.data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	})
	if err != nil {
		return fmt.Errorf("give the data to user %d: %w", owner, err)
	}
	return nil
}

// initialize makes a new cluster. Durability is switched off: nothing in a
// sandbox outlives its machine.
func (c cluster) initialize() error {
	if c.password == "" {
		return errors.New("POSTGRES_PASSWORD is not set")
	}
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return fmt.Errorf("make the data's folder: %w", err)
	}
	password, err := os.CreateTemp("", "password-")
	if err != nil {
		return fmt.Errorf("hand over the password: %w", err)
	}
	defer func() { _ = os.Remove(password.Name()) }()
	if _, err := password.WriteString(c.password + "\n"); err != nil {
		return fmt.Errorf("hand over the password: %w", err)
	}
	if err := password.Close(); err != nil {
		return fmt.Errorf("hand over the password: %w", err)
	}
	if err := command("initdb", "-D", c.data, "-U", c.user, "-E", "UTF8", "--locale=C.UTF-8",
		"--no-sync", "--auth=trust", "--pwfile="+password.Name()); err != nil {
		return err
	}
	if err := appendLine(filepath.Join(c.data, "pg_hba.conf"), "host all all all scram-sha-256"); err != nil {
		return err
	}
	for _, line := range []string{"listen_addresses = '*'", "fsync = off", "shared_buffers = 16MB"} {
		if err := appendLine(filepath.Join(c.data, "postgresql.conf"), line); err != nil {
			return err
		}
	}
	return c.fill()
}

// fill makes the database and runs the scripts, with the server on no address
// yet, so that nobody mistakes it for ready.
func (c cluster) fill() error {
	if err := command("pg_ctl", "-D", c.data, "-o", "-c listen_addresses=''", "-s", "-w", "start"); err != nil {
		return err
	}
	if c.database != "postgres" {
		if err := command("createdb", "-U", c.user, "--maintenance-db=postgres", c.database); err != nil {
			return err
		}
	}
	found, err := os.ReadDir(scripts)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read the scripts: %w", err)
	}
	for _, entry := range found {
		path := filepath.Join(scripts, entry.Name())
		switch filepath.Ext(path) {
		case ".sql":
			err = command("psql", "-v", "ON_ERROR_STOP=1", "-U", c.user, "-d", c.database, "-q", "-f", path)
		case ".sh":
			err = command("bash", path)
		default:
			log.Printf("entrypoint: %s is neither .sql nor .sh: left alone", path)
		}
		if err != nil {
			return err
		}
	}
	return command("pg_ctl", "-D", c.data, "-s", "-w", "-m", "fast", "stop")
}

func command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("configure the server: %w", err)
	}
	if _, err := file.WriteString(line + "\n"); err != nil {
		_ = file.Close()
		return fmt.Errorf("configure the server: %w", err)
	}
	return file.Close()
}
