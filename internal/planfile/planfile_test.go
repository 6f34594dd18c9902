package planfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/plan"
)

func write(t *testing.T) (path string, doc *plan.Document, inputs Inputs, key plan.Key) {
	t.Helper()
	key, err := plan.NewKey([]byte("live system"))
	if err != nil {
		t.Fatal(err)
	}
	doc = &plan.Document{FormatVersion: plan.FormatVersion, PlanID: "p", Created: time.Unix(1700000000, 0).UTC(), Summary: plan.Summary{Upgrade: 3}}
	inputs = Inputs{Vars: []string{"password=c4n4ry"}, Env: []string{"SOCTALK_VAR_key=c4n4ry"}}
	path = filepath.Join(t.TempDir(), "p.plan")
	if err := Write(path, doc, Where{Namespace: "soctalk-system", Release: "soctalk-system"}, inputs, key); err != nil {
		t.Fatal(err)
	}
	return path, doc, inputs, key
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	path, doc, inputs, key := write(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "c4n4ry") {
		t.Error("the file holds a variable's value")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Document.PlanID != doc.PlanID || f.Document.Summary != doc.Summary {
		t.Errorf("document %+v", f.Document)
	}
	got, err := f.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inputs, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	path, _, _, key := write(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := plan.NewKey([]byte("another system"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data string
		key  plan.Key
		want string
	}{
		"truncated":       {string(data[:len(data)/2]), key, "not all of it"},
		"empty":           {"", key, "it is no plan file"},
		"other JSON":      {`{"a": 1}`, key, "format_version is missing"},
		"newer format":    {strings.Replace(string(data), `"format_version":"1.0"`, `"format_version":"2.0"`, 1), key, "it has format 2.0"},
		"edited":          {strings.Replace(string(data), `"upgrade":3`, `"upgrade":4`, 1), key, "does not belong to what is live"},
		"another cluster": {string(data), other, "does not belong to what is live"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "p.plan")
			if err := os.WriteFile(path, []byte(tt.data), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Read(path)
			if err == nil {
				_, err = f.Open(tt.key)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "there is no file /") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder was read as a plan")
	}
}
