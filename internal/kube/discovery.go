package kube

import (
	"sync"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
)

// refreshAfter is how old the cached discovery must be before a kind that it
// does not hold makes it be read again. A bulk of objects of a kind that does
// not exist must not cause as many discoveries.
const refreshAfter = 5 * time.Second

// cachedDiscovery reads what the API server offers once, and again when
// something is missing from it.
type cachedDiscovery struct {
	discovery.CachedDiscoveryInterface

	mu   sync.Mutex
	read time.Time
}

func newCachedDiscovery(d discovery.DiscoveryInterface) *cachedDiscovery {
	return &cachedDiscovery{CachedDiscoveryInterface: memory.NewMemCacheClient(d), read: time.Now()}
}

// Fresh says whether a miss can be believed.
func (d *cachedDiscovery) Fresh() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.CachedDiscoveryInterface.Fresh() && time.Since(d.read) < refreshAfter
}

// Invalidate makes the next question go to the API server.
func (d *cachedDiscovery) Invalidate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read = time.Now()
	d.CachedDiscoveryInterface.Invalidate()
}
