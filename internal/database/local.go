package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// endTime is how long a program that is to end may take before it is killed.
const endTime = 5 * time.Second

// local runs programs on this machine. They reach the database through a port
// of this machine, behind which is whatever leads there.
type local struct {
	listener net.Listener
	database string
	env      []string
	secrets  []string
	cancel   context.CancelFunc
}

func openLocal(n *network, dsn, from string) (*local, error) {
	dsn, err := libpqForm(dsn, from)
	if err != nil {
		return nil, err
	}
	config, err := parseForm(dsn, from)
	if err != nil {
		return nil, err
	}
	l := &local{database: config.Database, secrets: []string{dsn, config.Password}, cancel: func() {}}
	l.env = append(withoutPG(os.Environ()),
		"PGHOST="+config.Host, "PGPORT="+strconv.Itoa(int(config.Port)), "PGUSER="+config.User, "PGPASSWORD="+config.Password,
		"PGGSSENCMODE=disable", "PGCONNECT_TIMEOUT="+strconv.Itoa(int(connectTimeout.Seconds())), "PGAPPNAME=soctalk")
	settings := settingsOf(dsn)
	for name, variable := range map[string]string{"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "options": "PGOPTIONS"} {
		if v := settings[name]; v != "" {
			l.env = append(l.env, variable+"="+v)
		}
	}
	if strings.HasPrefix(config.Host, "/") { // a socket of this machine
		return l, nil
	}
	return l, l.forward(n, config)
}

// forward leads a port of this machine to the database. The name of its host
// stays what certificates are held against.
func (l *local) forward(n *network, config *pgconn.Config) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return &Error{"open a port of this machine", err.Error()}
	}
	l.listener = listener
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	l.env = append(l.env, "PGHOSTADDR=127.0.0.1", "PGPORT="+port)
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	address := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = client.Close() }()
				server, err := n.dial(ctx, "tcp", address)
				if err != nil {
					return
				}
				defer func() { _ = server.Close() }()
				context.AfterFunc(ctx, func() { _ = server.Close() })
				join(client, server)
			}()
		}
	}()
	return nil
}

// join passes bytes both ways until either side has ended.
func join(a, b net.Conn) {
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

// Connection implements Programs. The rest is in the environment, where other
// users of the machine do not see it.
func (l *local) Connection(database string) []string {
	if database == "" {
		database = l.database
	}
	return []string{"-w", "-d", database}
}

// Run implements Programs.
func (l *local) Run(ctx context.Context, p Program) error {
	what := fmt.Sprintf("run %s on this machine", p.Argv[0])
	path, err := exec.LookPath(p.Argv[0])
	if err != nil {
		return &Error{what, "it is not installed here: install PostgreSQL's client programs, or use an exec block, which uses those in the database's own pod"}
	}
	errs := &bounded{max: 64 << 10}
	cmd := exec.CommandContext(ctx, path, p.Argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = l.env, p.Stdin, p.Stdout, errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endTime
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &Error{what, "it was ended before it was done"}
	case errors.As(err, &exit):
		return &Error{what, hide(firstLine(errs.buffer.String(), err), l.secrets...)}
	}
	return &Error{what, hide(err.Error(), l.secrets...)}
}

// Close implements Programs.
func (l *local) Close() error {
	l.cancel()
	if l.listener == nil {
		return nil
	}
	return l.listener.Close()
}

// withoutPG takes out what would lead PostgreSQL's programs elsewhere.
func withoutPG(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "PG") {
			out = append(out, e)
		}
	}
	return out
}
