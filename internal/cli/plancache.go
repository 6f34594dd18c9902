package cli

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/schema"
)

// openCache returns what earlier plans of the fleet found; nil where nothing
// can be kept, which makes plans slower and nothing else.
func openCache(ctx context.Context, f *schema.Fleet, clusters observe.Clusters) *plancache.Cache {
	c := clusters[f.System.Cluster]
	if c == nil || c.Failed != nil {
		return nil
	}
	// Without a live system there is no key that others do not have too.
	system, err := c.Helm.Get(ctx, f.System.Namespace, f.System.Name, 0)
	if err != nil || system.Status == "uninstalled" {
		return nil
	}
	key, err := hkdf.Key(sha256.New, []byte(system.BodyDigest), nil, "soctalk plan cache v1", 32)
	if err != nil {
		return nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	root, err := filepath.Abs(f.Root)
	if err != nil {
		return nil
	}
	name := sha256.Sum256(fmt.Appendf(nil, "%q", []string{root, c.Kube.Host(), f.System.Namespace, f.System.Name}))
	cache, err := plancache.Open(filepath.Join(dir, "soctalk", "plans", hex.EncodeToString(name[:16])), key, build())
	if err != nil {
		return nil
	}
	return cache
}

// build identifies this build of the program: another one may find something
// else in the same.
func build() string {
	self, err := os.Executable()
	if err != nil {
		return version
	}
	info, err := os.Stat(self)
	if err != nil {
		return version
	}
	return fmt.Sprintf("%s %d %s", version, info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
}
