package store_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The server is one that keeps its objects as files, so that a test can look at
// them from behind; it is a module of its own, because few need it.
var server struct {
	sync.Once
	endpoint, dir string
	end           func()
	err           error
}

const (
	accessKey = "soctalk"
	secretKey = "soctalk-secret"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if server.end != nil {
		server.end()
	}
	os.Exit(code)
}

// s3 makes a bucket, and returns its URL and the folder behind it.
func s3(t *testing.T) (url, dir string) {
	t.Helper()
	server.Do(func() { server.err = startServer() })
	if server.err != nil {
		t.Fatal(server.err)
	}
	bucket := strings.ToLower(t.Name())
	dir = filepath.Join(server.dir, bucket)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("s3://%s/some/prefix?endpoint=http://%s&region=us-east-1&use_path_style=true", bucket, server.endpoint), dir
}

func startServer() error {
	path, err := exec.Command("go", "-C", "../sandbox/objectstore", "tool", "-n", "versitygw").Output()
	if err != nil {
		return fmt.Errorf("build the S3 server: %w", err)
	}
	root, err := os.MkdirTemp("", "soctalk-s3-")
	if err != nil {
		return err
	}
	// Not every file system keeps attributes, so they lie beside the objects.
	server.dir = filepath.Join(root, "objects")
	attributes := filepath.Join(root, "attributes")
	for _, dir := range []string{server.dir, attributes} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server.endpoint = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, strings.TrimSpace(string(path)), "--access", accessKey, "--secret", secretKey, "--port", server.endpoint, "posix", "--sidecar", attributes, server.dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		cancel()
		return err
	}
	server.end = func() {
		cancel()
		_ = cmd.Wait()
		_ = os.RemoveAll(root)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("tcp", server.endpoint)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the S3 server does not answer: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
