package store_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/objectstoretest"
)

// server is the S3 server of all tests, once one has asked for it.
var server struct {
	sync.Once
	*objectstoretest.Server
	err error
}

func TestMain(m *testing.M) {
	for name, value := range objectstoretest.Environment {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if server.Server != nil {
		server.Stop()
	}
	os.Exit(code)
}

// s3 makes a bucket, and returns its URL and the folder behind it.
func s3(t *testing.T) (url, dir string) {
	t.Helper()
	server.Do(func() { server.Server, server.err = objectstoretest.Start() })
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.Bucket(t, strings.ReplaceAll(strings.ToLower(t.Name()), "/", "-"))
}
