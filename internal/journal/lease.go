package journal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lockOnce is a Lease that is taken once: who loses it, were it to nobody, does
// not take it again, and is told at once.
type lockOnce struct {
	resourcelock.LeaseLock
	// lose is called when the lock is lost, and ends over.
	lose func()
	over context.Context

	mu      sync.Mutex
	holding bool
	taken   int
	// seen is when the lock was last known to be held.
	seen time.Time
	// looking is held by who looks; others wait for what is found.
	looking sync.Mutex
}

func (l *lockOnce) epoch() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// check says whether the lock is held still, and looks when that is not known
// of late.
func (l *lockOnce) check(ctx context.Context) error {
	if l.over.Err() != nil {
		return ErrLost
	}
	if l.fresh() {
		return nil
	}
	l.looking.Lock()
	defer l.looking.Unlock()
	if l.fresh() {
		return nil
	}
	for {
		err := l.look(ctx)
		switch {
		case l.over.Err() != nil:
			return ErrLost
		case err == nil:
			return nil
		case ctx.Err() != nil || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
			return fmt.Errorf("make sure that the lock on the fleet is held still: %w", err)
		}
		select { // until it is known; who cannot renew the lock loses it
		case <-time.After(freshness):
		case <-ctx.Done():
		case <-l.over.Done():
		}
	}
}

// look reads the Lease. The lock's own Get is not for that: it notes the version
// that it updates next.
func (l *lockOnce) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	begun := time.Now()
	now, err := l.Client.Leases(l.LeaseMeta.Namespace).Get(ctx, l.LeaseMeta.Name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	l.found(err == nil && now.Spec.HolderIdentity != nil && *now.Spec.HolderIdentity == l.Identity(), begun)
	return nil
}

func (l *lockOnce) fresh() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.seen) < freshness
}

// found takes in what a look at the Lease, begun at a time, has shown.
func (l *lockOnce) found(ours bool, begun time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case ours:
		l.seen = begun
	case l.holding:
		l.lose()
	}
}

// Get implements resourcelock.Interface.
func (l *lockOnce) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	begun := time.Now()
	record, raw, err := l.LeaseLock.Get(ctx)
	if err == nil || apierrors.IsNotFound(err) {
		l.found(err == nil && record.HolderIdentity == l.Identity(), begun)
	}
	return record, raw, err
}

// Create implements resourcelock.Interface.
func (l *lockOnce) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, r, l.LeaseLock.Create)
}

// Update implements resourcelock.Interface.
func (l *lockOnce) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, r, l.LeaseLock.Update)
}

func (l *lockOnce) write(ctx context.Context, r resourcelock.LeaderElectionRecord, do func(context.Context, resourcelock.LeaderElectionRecord) error) error {
	if l.over.Err() != nil {
		return ErrLost
	}
	ctx, cancel := context.WithTimeout(kube.BeyondFence(ctx), requestTimeout)
	defer cancel()
	begun := time.Now()
	if err := do(ctx, r); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holding = r.HolderIdentity == l.Identity()
	l.taken = r.LeaderTransitions
	if l.holding {
		l.seen = begun
	}
	return nil
}
