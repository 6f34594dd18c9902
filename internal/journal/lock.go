package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	// LeaseName is the Lease in the system's namespace.
	LeaseName = "soctalk-run"

	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// takeOver is how long it takes at most to have a lock that its holder has
	// left: one that nobody renews is only taken once it was seen to stand still,
	// which is looked at after periods that chance stretches, to less than three.
	// The rest are the requests.
	takeOver = leaseDuration + 3*retryPeriod + 2*requestTimeout
	// requestTimeout bounds one request about the Lease, so that one that hangs
	// does not cost the lock.
	requestTimeout = renewDeadline / 4
	// freshness is for how long it counts that the lock was seen to be held:
	// before a write that comes later, it is looked at again. Who takes over from
	// a program that may be alive still waits for as long.
	freshness = 250 * time.Millisecond
)

// ErrLost is the cause of a context whose lock was lost: somebody else may be
// changing the fleet.
var ErrLost = errors.New("the lock on the fleet was lost")

// Holder says who holds the lock: the run, and who runs it where.
type Holder struct{ Run, Who string }

// identity tells programs apart, also those of one run on one machine.
func (h Holder) identity() string { return h.Run + " " + h.Who + " " + rand.Text() }

func holderOf(l *coordinationv1.Lease) Holder {
	if l.Spec.HolderIdentity == nil {
		return Holder{}
	}
	run, rest, _ := strings.Cut(*l.Spec.HolderIdentity, " ")
	// A user's name may have spaces, as on Windows.
	return Holder{run, rest[:max(0, strings.LastIndex(rest, " "))]}
}

// Held is the lock while it is held.
type Held struct {
	// Context ends with the cause [ErrLost] when the lock is lost.
	Context context.Context
	// Epoch counts the holders of the lock, and grows with each.
	Epoch int
	// Release gives it up.
	Release func()

	lock *lockOnce
}

// Fence keeps writes in once the lock is lost, be it unknown to this program
// yet.
func (h *Held) Fence() kube.Fence {
	return kube.Fence{Check: h.lock.check, Shut: h.lock.over}
}

// LockedError says that another run holds the lock.
type LockedError struct {
	Holder Holder
	Since  time.Time
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the fleet is being changed by run %s of %s since %s", e.Holder.Run, e.Holder.Who, e.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// Lock takes the fleet's lock and keeps it until it is released. While another
// holder renews it, it waits as long as told and then fails with a
// [LockedError]; one that is not renewed any more is taken over. A run that is
// taken up again waits for its own lock to run out: who held it is most likely
// dead.
func Lock(ctx context.Context, k *kube.Cluster, namespace string, h Holder, most time.Duration) (*Held, error) {
	if err := ensureNamespace(ctx, k, namespace); err != nil {
		return nil, err
	}
	if most == 0 {
		if err := Free(ctx, k, namespace, h.Run); err != nil {
			return nil, err
		}
	}
	held, letGo := context.WithCancelCause(ctx)
	over, end := context.WithCancelCause(context.WithoutCancel(ctx))
	lose := func() {
		end(ErrLost)
		letGo(ErrLost)
	}
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	started := make(chan struct{})
	identity := h.identity()
	lock := &lockOnce{over: over, lose: lose, LeaseLock: resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: LeaseName},
		Client:     k.Clientset().CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:          lock,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(started) },
			OnStoppedLeading: lose,
		},
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("make the lock: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		elector.Run(keep)
		close(ended)
	}()
	release := func() {
		stop()
		<-ended
	}
	patience, left := time.After(most), make(<-chan time.Time)
	for {
		select {
		case <-started:
			return &Held{Context: held, Epoch: lock.epoch(), Release: release, lock: lock}, nil
		case <-patience:
			if err := Free(ctx, k, namespace, h.Run); err != nil {
				release()
				return nil, err
			}
			left = time.After(takeOver)
		case <-left:
			release()
			return nil, locked(ctx, k, namespace)
		case <-ctx.Done():
			release()
			return nil, fmt.Errorf("wait for the lock on the fleet: %w", context.Cause(ctx))
		}
	}
}

// Await waits for as long as told until no run visibly holds the lock, and then
// fails with a [LockedError].
func Await(ctx context.Context, k *kube.Cluster, namespace string, most time.Duration) error {
	var locked error
	err := wait.PollUntilContextTimeout(ctx, retryPeriod, most, true, func(ctx context.Context) (bool, error) {
		locked = Free(ctx, k, namespace, "")
		return locked == nil, nil
	})
	if err != nil && locked != nil && ctx.Err() == nil {
		return locked
	}
	return err
}

// Free returns a [LockedError] when another run than the given one visibly holds
// the lock.
func Free(ctx context.Context, k *kube.Cluster, namespace, run string) error {
	l, err := lease(ctx, k, namespace)
	if err != nil || l == nil || holderOf(l).Run == "" || holderOf(l).Run == run || l.Spec.RenewTime == nil {
		return err
	}
	if time.Since(l.Spec.RenewTime.Time) > leaseDuration {
		return nil
	}
	return lockedBy(l)
}

// Alive says whether a run holds the lock, and its program renews it.
func Alive(ctx context.Context, k *kube.Cluster, namespace, run string) (bool, error) {
	l, err := lease(ctx, k, namespace)
	if err != nil || l == nil || holderOf(l).Run != run || l.Spec.RenewTime == nil {
		return false, err
	}
	return time.Since(l.Spec.RenewTime.Time) <= leaseDuration, nil
}

// NoteCutOff has runs that count as running, and whose program does not hold the
// lock any more, count as interrupted, which is what the next holder makes them.
func NoteCutOff(ctx context.Context, k *kube.Cluster, namespace string, runs ...*Run) error {
	for _, r := range runs {
		if r.State != Running {
			continue
		}
		alive, err := Alive(ctx, k, namespace, r.ID)
		if err != nil {
			return err
		}
		if !alive {
			r.cutOff()
		}
	}
	return nil
}

func locked(ctx context.Context, k *kube.Cluster, namespace string) error {
	l, err := lease(ctx, k, namespace)
	if err != nil {
		return err
	}
	if l == nil {
		return errors.New("the lock on the fleet cannot be had: no Lease could be written")
	}
	return lockedBy(l)
}

func lockedBy(l *coordinationv1.Lease) error {
	e := &LockedError{Holder: holderOf(l)}
	if l.Spec.AcquireTime != nil {
		e.Since = l.Spec.AcquireTime.Time
	}
	return e
}

// lease returns the Lease, or nil when there is none.
func lease(ctx context.Context, k *kube.Cluster, namespace string) (*coordinationv1.Lease, error) {
	l, err := k.Typed().CoordinationV1().Leases(namespace).Get(ctx, LeaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the lock: %w", k.Explain(err))
	}
	return l, nil
}

func ensureNamespace(ctx context.Context, k *kube.Cluster, namespace string) error {
	_, err := k.Typed().CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsForbidden(err) { // the Lease shows whether it is there
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return k.Explain(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := k.Typed().CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s for the lock: %w", namespace, k.Explain(err))
	}
	return nil
}

// Unlock ends the lock of a run whose program is gone. It refuses when another
// run holds it.
func Unlock(ctx context.Context, k *kube.Cluster, namespace, run string) error {
	l, err := lease(ctx, k, namespace)
	if err != nil {
		return err
	}
	if l == nil || holderOf(l).Run == "" {
		return errors.New("the fleet is not locked")
	}
	if h := holderOf(l); h.Run != run {
		return fmt.Errorf("the lock is held by run %s of %s, not by %s", h.Run, h.Who, run)
	}
	// Only as it was read: who takes it over meanwhile keeps it. The Lease stays,
	// since it counts its holders.
	l.Spec.HolderIdentity = nil
	if _, err := k.Typed().CoordinationV1().Leases(namespace).Update(ctx, l, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("end the lock of run %s: %w", run, k.Explain(err))
	}
	return nil
}
