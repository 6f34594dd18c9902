package chart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	"github.com/agext/levenshtein"
	"golang.org/x/sync/singleflight"

	"github.com/soctalk/fleet/schema"
)

// Options are the settings of a Resolver.
type Options struct {
	// CacheDir keeps archives by digest; empty means soctalk/charts in the
	// user's cache folder.
	CacheDir   string
	Registries map[string]*schema.Registry
	// Lock holds the digests that remote charts must have; nil trusts what the
	// registry says. It is not written to.
	Lock *Lock
	// MaxBytes bounds an archive; zero means 64 MiB.
	MaxBytes int64
}

// Resolver fetches charts. It is safe for concurrent use.
type Resolver struct {
	options Options
	cache   cache
	clients clients

	flights singleflight.Group
	mu      sync.Mutex
	charts  map[lockKey]*Chart
	indexes map[string]*index
}

// NewResolver returns a resolver.
func NewResolver(o Options) (*Resolver, error) {
	if o.CacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding a folder for the chart cache: %w", err)
		}
		o.CacheDir = filepath.Join(base, "soctalk", "charts")
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return &Resolver{
		options: o, cache: cache{dir: o.CacheDir},
		clients: clients{registries: o.Registries},
		charts:  map[lockKey]*Chart{}, indexes: map[string]*index{},
	}, nil
}

// Fetch returns the chart at a version, parsed once. The version may be empty
// for a local folder or archive; when given, it must be the chart's own.
func (r *Resolver) Fetch(ctx context.Context, ref schema.Chart, version string) (*Chart, error) {
	key := lockKey{ref: ref.Ref, name: ref.Name, version: version}
	r.mu.Lock()
	c := r.charts[key]
	r.mu.Unlock()
	if c != nil {
		return c, nil
	}
	for {
		v, err, shared := r.flights.Do(fmt.Sprintf("%q", key), func() (any, error) {
			c, err := r.fetch(ctx, ref, version)
			if err != nil {
				return nil, err
			}
			r.mu.Lock()
			r.charts[key] = c
			r.mu.Unlock()
			return c, nil
		})
		if err == nil {
			return v.(*Chart), nil
		}
		// The flight may have been another caller's, who gave up.
		if shared && errors.Is(err, context.Canceled) && ctx.Err() == nil {
			continue
		}
		return nil, err
	}
}

func (r *Resolver) fetch(ctx context.Context, ref schema.Chart, version string) (*Chart, error) {
	if IsLocal(ref) {
		return loadLocal(ref, version, r.options.MaxBytes)
	}
	if version == "" {
		return nil, fmt.Errorf("fetching chart %s: no version given", display(ref))
	}
	locked := r.options.Lock.Digest(ref, version)
	if archive := r.cache.read(locked); archive != nil {
		return loadArchive(ref, version, archive)
	}
	var (
		archive []byte
		err     error
	)
	switch {
	case strings.HasPrefix(ref.Ref, "oci://"):
		archive, err = r.fetchOCI(ctx, ref, version, locked)
	case strings.HasPrefix(ref.Ref, "https://"), strings.HasPrefix(ref.Ref, "http://"):
		archive, err = r.fetchHTTP(ctx, ref, version, locked)
	default:
		return nil, &InvalidError{Ref: ref.Ref, Version: version, Why: "a chart is named by oci://, https:// or a path"}
	}
	if err != nil {
		return nil, err
	}
	if got := digestOf(archive); locked != "" && got != locked {
		return nil, &DigestError{Ref: display(ref), Version: version, Locked: locked, Got: got}
	}
	c, err := loadArchive(ref, version, archive)
	if err != nil {
		return nil, err
	}
	// A cache that cannot be written costs time, nothing else.
	_ = r.cache.write(c.Digest, archive)
	return c, nil
}

// Versions lists what the source offers, newest first. A local chart offers
// the one it is.
func (r *Resolver) Versions(ctx context.Context, ref schema.Chart) ([]string, error) {
	switch {
	case IsLocal(ref):
		c, err := r.Fetch(ctx, ref, "")
		if err != nil {
			return nil, err
		}
		return []string{c.Version}, nil
	case strings.HasPrefix(ref.Ref, "oci://"):
		return r.versionsOCI(ctx, ref)
	default:
		return r.versionsHTTP(ctx, ref)
	}
}

// IsLocal says whether a chart lies on this machine, as a folder or an archive.
func IsLocal(ref schema.Chart) bool { return !strings.Contains(ref.Ref, "://") }

// notFound says which versions there are, and which one was probably meant.
func notFound(ref schema.Chart, version string, versions []string) error {
	e := &NotFoundError{Ref: display(ref), Version: version, Versions: versions}
	best := 3
	for _, v := range versions {
		if d := levenshtein.Distance(v, version, nil); d < best {
			best, e.Nearest = d, v
		}
	}
	return e
}

func sameVersion(a, b string) bool {
	if a == b {
		return true
	}
	va, errA := semver.NewVersion(a)
	vb, errB := semver.NewVersion(b)
	return errA == nil && errB == nil && va.Equal(vb) && va.Metadata() == vb.Metadata()
}

// newestFirst sorts versions and leaves out what is none.
func newestFirst(all []string) []string {
	parsed := make(semver.Collection, 0, len(all))
	for _, s := range all {
		if v, err := semver.StrictNewVersion(strings.TrimPrefix(s, "v")); err == nil {
			parsed = append(parsed, v)
		}
	}
	sort.Sort(sort.Reverse(parsed))
	out := make([]string, len(parsed))
	for i, v := range parsed {
		out[i] = v.Original()
	}
	return out
}

func versionLess(a, b string) bool {
	va, errA := semver.NewVersion(a)
	vb, errB := semver.NewVersion(b)
	if errA != nil || errB != nil || va.Equal(vb) {
		return a < b
	}
	return va.LessThan(vb)
}
