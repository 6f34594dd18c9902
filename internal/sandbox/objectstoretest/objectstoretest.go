// Package objectstoretest gives tests a real S3 server on loopback. It keeps its
// objects as files, so that a test can look at them from behind.
package objectstoretest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/sandbox"
)

const (
	accessKey = "soctalk"
	secretKey = "soctalk-secret"
)

// Environment is what a client of the server needs in its environment.
var Environment = map[string]string{"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}

// Server is one that runs.
type Server struct {
	endpoint, root string
	cancel         context.CancelFunc
	cmd            *exec.Cmd
}

// Start starts a server, and builds it first if need be: it is a module of its
// own, because few need it.
func Start() (*Server, error) {
	module, err := moduleDir()
	if err != nil {
		return nil, err
	}
	path, err := exec.Command("go", "-C", module, "tool", "-n", "versitygw").Output()
	if err != nil {
		return nil, fmt.Errorf("build the S3 server: %w", err)
	}
	root, err := os.MkdirTemp("", "soctalk-s3-")
	if err != nil {
		return nil, err
	}
	s := &Server{root: root}
	// Not every file system keeps attributes, so they lie beside the objects.
	attributes := filepath.Join(root, "attributes")
	for _, dir := range []string{s.objects(), attributes} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if s.endpoint, err = sandbox.FreeAddress(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.cmd = exec.CommandContext(ctx, strings.TrimSpace(string(path)), "--access", accessKey, "--secret", secretKey, "--port", s.endpoint, "posix", "--sidecar", attributes, s.objects())
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("tcp", s.endpoint)
		if err == nil {
			return s, conn.Close()
		}
		if time.Now().After(deadline) {
			s.Stop()
			return nil, fmt.Errorf("the S3 server does not answer: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// moduleDir is where the server's module is.
func moduleDir() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/soctalk/fleet").Output()
	if err != nil {
		return "", fmt.Errorf("find the S3 server: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "sandbox", "objectstore"), nil
}

func (s *Server) objects() string { return filepath.Join(s.root, "objects") }

// Stop ends the server and removes what it kept.
func (s *Server) Stop() {
	s.cancel()
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.root)
}

// Bucket makes a bucket, and returns the URL of a prefix in it and the folder
// behind it.
func (s *Server) Bucket(t testing.TB, name string) (url, dir string) {
	t.Helper()
	dir = filepath.Join(s.objects(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("s3://%s/some/prefix?endpoint=http://%s&region=us-east-1&use_path_style=true", name, s.endpoint), dir
}
