package reliability

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/journal/journaltest"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// TestTwoAtOnce runs the same plan twice at the same time: one does the work,
// the other says who is at it and touches nothing.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	want, _, state := reference(t)
	p := newProgram(t, *seed)
	// The first one stands still at its first entry until the second has ended.
	begun, over := make(chan struct{}), make(chan struct{})
	p.proxy.Add(faultproxy.Rule{Match: journaltest.IsPage, Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		close(begun)
		<-over
		forward.ServeHTTP(w, r)
	}})
	first, out := p.command(t.Context(), "apply", "up.plan")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-begun
	second := p.run(t, "apply", "up.plan")
	close(over)
	if second.code != 1 || !strings.Contains(second.output, "The fleet is being changed by run "+p.upgrade(t).ID) || !strings.Contains(second.output, "Nothing was changed") {
		t.Errorf("the second one: %d\n%s", second.code, second.output)
	}
	if e := endOf(t, first.Wait(), out); e.code != 1 || !strings.Contains(e.output, `Rolled back: tenant.more["beta"]`) {
		t.Errorf("the first one: %d\n%s", e.code, e.output)
	}
	p.sound(t, want, state)
}

// TestLockStolenInMidStep takes the lock from a run in the middle of Helm's
// work on a release, between two of its writes: not one more write follows.
// The run then goes on from another machine.
func TestLockStolenInMidStep(t *testing.T) {
	t.Parallel()
	reference(t)
	for name, at := range map[string]func(*http.Request) bool{
		"once Helm has made its revision": func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/secrets") && strings.Contains(faultproxy.Body(r), "sh.helm.release.v1.tenant-acme")
		},
		"among the objects": func(r *http.Request) bool {
			return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/namespaces/tenant-acme")
		},
		// Helm's last write of all, but for that of the older revision.
		"once the workloads are ready": func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/secrets/sh.helm.release.v1.tenant-acme")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, *seed)
			theft := p.stealAt(t, at)
			e := p.run(t, "apply", "up.plan")
			if e.code != 1 || !strings.Contains(e.output, journal.ErrLost.Error()) {
				t.Errorf("it does not say that the lock was lost: %d\n%s", e.code, e.output)
			}
			if late := theft.writes(); len(late) > 0 {
				t.Errorf("written after the theft: %s", late)
			}
			p.elsewhere(t)
			p.goOnToTheEnd(t)
		})
	}
}

// theft is what happens once the lock is stolen.
type theft struct {
	mu     sync.Mutex
	stolen bool
	late   []string
	// noticed is closed once the program has looked at its Lease since.
	noticed chan struct{}
	once    sync.Once
}

func (s *theft) writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.late
}

// stealAt gives the lock to somebody else at the first request that is
// selected, which is carried out. Its answer is held back until the program has
// looked at its Lease again, by itself or because it was about to write.
func (p *program) stealAt(t *testing.T, at func(*http.Request) bool) *theft {
	s := &theft{noticed: make(chan struct{})}
	lease := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/leases/"+journal.LeaseName) }
	p.proxy.Add(faultproxy.Rule{
		Match: func(r *http.Request) bool { // selects nothing
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.stolen && changes(r) && !lease(r) {
				s.late = append(s.late, r.Method+" "+r.URL.Path)
			}
			return false
		},
	}, faultproxy.Rule{
		Match: func(r *http.Request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.stolen && lease(r)
		},
		Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			forward.ServeHTTP(w, r)
			if r.Method == http.MethodGet {
				s.once.Do(func() { close(s.noticed) })
			}
		},
	}, faultproxy.Rule{Match: at, Times: 1, Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		answer := httptest.NewRecorder()
		forward.ServeHTTP(answer, r)
		p.steal(t)
		s.mu.Lock()
		s.stolen = true
		s.mu.Unlock()
		<-s.noticed
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}})
	return s
}

// steal gives the lock to somebody else, also where its holder renews it in the
// same moment.
func (p *program) steal(t *testing.T) {
	leases := p.kube.Typed().CoordinationV1().Leases(p.system())
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		l, err := leases.Get(t.Context(), journal.LeaseName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		thief, now := "another-run somebody@elsewhere nonce", metav1.NowMicro()
		l.Spec.HolderIdentity, l.Spec.RenewTime = &thief, &now
		_, err = leases.Update(t.Context(), l, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// elsewhere moves to another machine: nothing of the working folder but the
// files that people write, another home, no cache.
func (p *program) elsewhere(t *testing.T) {
	t.Helper()
	old := p.dir
	p.dir = t.TempDir()
	for _, name := range []string{"fleet.hcl", "registry.hcl", "system.yaml", "compatibility.yaml", "beta.yaml"} {
		data, err := os.ReadFile(filepath.Join(old, name))
		if err != nil {
			t.Fatal(err)
		}
		p.write(t, name, string(data))
	}
	p.env = append(p.env, "HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
}
