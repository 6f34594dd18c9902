package chart

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/soctalk/fleet/internal/atomicfile"
)

// cache keeps archives by digest. A file is written beside its place and
// renamed into it, and its digest is checked at every read, so that neither a
// crash nor another process can make it lie.
type cache struct{ dir string }

func (c cache) path(digest string) string {
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != 32 {
		return ""
	}
	return filepath.Join(c.dir, "sha256", sum+".tgz")
}

// read returns the archive, or nil.
func (c cache) read(digest string) []byte {
	p := c.path(digest)
	if p == "" {
		return nil
	}
	archive, err := os.ReadFile(p)
	if err != nil {
		return nil
	}
	if digestOf(archive) != digest {
		_ = os.Remove(p)
		return nil
	}
	return archive
}

func (c cache) write(digest string, archive []byte) error {
	p := c.path(digest)
	if _, err := os.Stat(p); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(p, archive, 0o644)
}
