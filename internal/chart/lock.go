package chart

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/soctalk/fleet/schema"
)

// LockFile is the name of the lock file.
const LockFile = ".soctalk.lock.hcl"

// Lock holds the digests that charts had when they were locked. Local folders
// and archives are not locked: what is on the disk is what is meant.
type Lock struct {
	entries map[lockKey]string
}

type lockKey struct{ ref, name, version string }

// ReadLock reads a lock file; a missing one is an empty lock.
func ReadLock(path string) (*Lock, hcl.Diagnostics) { panic("not yet") }

// Digest returns the locked digest of a chart version, or "".
func (l *Lock) Digest(ref schema.Chart, version string) string { panic("not yet") }

// Set locks a chart version; local charts are left out.
func (l *Lock) Set(ref schema.Chart, version, digest string) { panic("not yet") }

// Write replaces the file at path, in one step.
func (l *Lock) Write(path string) error { panic("not yet") }
