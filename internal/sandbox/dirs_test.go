package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClaimRefusesWhatIsNotASandbox(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := claim(dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("claim: got %v, want a refusal", err)
	}
	if err := Shutdown(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "does not look like a sandbox") {
		t.Errorf("Shutdown: got %v, want a refusal", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestClaimIsForOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sandbox")
	held, err := claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(dir); !errors.Is(err, errLocked) {
		t.Errorf("a second claim: got %v, want %v", err, errLocked)
	}
	left := filepath.Join(dir, kubeconfigFile)
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	held.release()
	held, err = claim(dir)
	if err != nil {
		t.Fatalf("claim of a dead sandbox's directory: %v", err)
	}
	defer held.release()
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the dead sandbox left is still there: %v", err)
	}
}

func TestShutdownOfNothing(t *testing.T) {
	if err := Shutdown(t.Context(), filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}

func TestReservedPortsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 100 {
		port, held, err := reservePort()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = held.Close() }()
		if seen[port] {
			t.Fatalf("port %d was given out twice", port)
		}
		seen[port] = true
	}
}
