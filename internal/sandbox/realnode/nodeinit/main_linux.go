// Command nodeinit is the first process of a real node. Its owner starts it
// in namespaces of its own for processes, mounts and the network, so that
// everything a node leaves about (shims, mounts, interfaces, iptables rules)
// belongs to it and is gone as soon as it ends.
//
// Standard input is the lifeline: a byte tells that the specification and the
// network are there, its end that the owner is gone.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/soctalk/fleet/internal/sandbox/realnode/nodespec"
)

func main() {
	fmt.Fprintf(os.Stderr, "nodeinit: %v\n", run())
	os.Exit(1)
}

// run returns when the node ends on its own, with the reason.
func run() error {
	if len(os.Args) != 2 || os.Getpid() != 1 {
		return errors.New("to be started by the owner of a real node, as the first process of a namespace")
	}
	if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
		return fmt.Errorf("wait for the owner: %w", err)
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		return fmt.Errorf("read the specification: %w", err)
	}
	var spec nodespec.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("parse the specification: %w", err)
	}
	if err := isolate(spec); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // the system kills every other process of the node
	}()
	names := map[int]string{}
	for _, server := range spec.Servers {
		pid, err := start(server)
		if err != nil {
			return err
		}
		names[pid] = server.Name
	}
	return reap(names)
}

// start runs a server and waits for its socket.
func start(server nodespec.Server) (int, error) {
	log, err := os.OpenFile(server.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("start %s: open its log: %w", server.Name, err)
	}
	defer func() { _ = log.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", server.Name, err)
	}
	defer func() { _ = null.Close() }()
	pid, err := syscall.ForkExec(server.Args[0], server.Args, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", server.Name, err)
	}
	if server.Socket == "" {
		return pid, nil
	}
	for deadline := time.Now().Add(time.Minute); ; {
		connection, err := net.Dial("unix", server.Socket)
		if err == nil {
			return pid, connection.Close()
		}
		if dead, _ := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); dead == pid || time.Now().After(deadline) {
			return 0, fmt.Errorf("start %s: its socket does not answer: %w; see %s", server.Name, err, filepath.Base(server.Log))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// reap collects the processes that end, most of them orphans of shims, until
// a server is among them.
func reap(servers map[int]string) error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return fmt.Errorf("wait for the servers: %w", err)
		case servers[pid] != "" && status.Signaled():
			return fmt.Errorf("%s ended by signal: %s", servers[pid], status.Signal())
		case servers[pid] != "":
			return fmt.Errorf("%s ended with exit code %d", servers[pid], status.ExitStatus())
		}
	}
}
