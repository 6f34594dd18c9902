package chart

import (
	"context"

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
type Resolver struct{ options Options }

// NewResolver returns a resolver.
func NewResolver(o Options) (*Resolver, error) { return &Resolver{options: o}, nil }

// Fetch returns the chart at a version. The version may be empty for a local
// folder or archive; when given, it must be the chart's own.
func (r *Resolver) Fetch(ctx context.Context, ref schema.Chart, version string) (*Chart, error) {
	panic("not yet")
}

// Versions lists what the source offers, newest first.
func (r *Resolver) Versions(ctx context.Context, ref schema.Chart) ([]string, error) {
	panic("not yet")
}
