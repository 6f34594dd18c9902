package plancache

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

type value struct{ Text string }

func open(t interface {
	Helper()
	Fatal(...any)
}, path string, key byte, build string) *Cache {
	t.Helper()
	c, err := Open(path, bytes.Repeat([]byte{key}, 32), build)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func saved(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plans", "one")
	c := open(t, path, 1, "build")
	if err := c.Put("name", "made from", value{"canary"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatWasPutIsThereAgain(t *testing.T) {
	t.Parallel()
	path := saved(t)
	var v value
	if !open(t, path, 1, "build").Get("name", "made from", &v) || v.Text != "canary" {
		t.Errorf("got %+v", v)
	}
}

func TestNobodyElseCanReadIt(t *testing.T) {
	t.Parallel()
	path := saved(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("canary")) || bytes.Contains(data, []byte("made from")) {
		t.Error("the file holds clear text")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, c := range map[string]*Cache{"another key": open(t, path, 2, "build"), "another build": open(t, path, 1, "other")} {
		if c.Get("name", "made from", &value{}) {
			t.Errorf("%s opens it", name)
		}
	}
}

func TestAnotherFingerprintMisses(t *testing.T) {
	t.Parallel()
	c := open(t, saved(t), 1, "build")
	if c.Get("name", "made from else", &value{}) || c.Get("other", "made from", &value{}) {
		t.Error("a stale value was given")
	}
}

func TestDamagedFileIsEmpty(t *testing.T) {
	t.Parallel()
	path := saved(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		damaged := bytes.Clone(whole)
		if rapid.Bool().Draw(t, "cut") {
			damaged = damaged[:rapid.IntRange(0, len(damaged)-1).Draw(t, "length")]
		} else {
			damaged[rapid.IntRange(0, len(damaged)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		path := filepath.Join(dir, "damaged")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if open(t, path, 1, "build").Get("name", "made from", &value{}) {
			t.Error("a damaged file was believed")
		}
	})
}

func TestIdleEntriesGo(t *testing.T) {
	t.Parallel()
	path := saved(t)
	for range keep + 1 {
		c := open(t, path, 1, "build")
		if err := c.Put("busy", "x", value{}); err != nil {
			t.Fatal(err)
		}
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, path, 1, "build")
	if len(c.entries) != 1 || c.entries["busy"] == nil {
		t.Errorf("%d entries", len(c.entries))
	}
}

func TestNilCacheIsEmpty(t *testing.T) {
	t.Parallel()
	var c *Cache
	if c.Get("name", "", &value{}) || c.Put("name", "", value{}) != nil || c.Save() != nil {
		t.Error("a nil cache holds something")
	}
}
