package journal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// entriesEach are more than fit onto one page.
const entriesEach = perPage + 1

// keeper is a journal under the lock, behind a proxy.
type keeper struct {
	*Journal
	proxy *faultproxy.Proxy
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	upstream, err := clientcmd.BuildConfigFromFlags("", sandboxtest.Cluster(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.Start(t, upstream, faultproxy.Options{})
	k, err := kube.New(kube.Config{Kubeconfig: proxy.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	namespace := sandboxtest.Namespace(t)
	held, err := Lock(t.Context(), k, namespace, Holder{Run: "test", Who: "test"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Release)
	j, err := Open(t.Context(), k, namespace, held)
	if err != nil {
		t.Fatal(err)
	}
	return &keeper{j, proxy}
}

// past makes runs that came to their end, the last one the newest.
func (k *keeper) past(t *testing.T, n int) (ids []string) {
	t.Helper()
	for i := range n {
		run := &Run{ID: fmt.Sprintf("20260101-0000%02d-0a1b2c3d", i), Started: time.Now(), State: Complete}
		log, err := k.Start(t.Context(), run, []byte("the plan of "+run.ID), []byte("key"))
		if err != nil {
			t.Fatal(err)
		}
		for e := range entriesEach {
			if err := log.Write(t.Context(), apply.Entry{Kind: apply.Done, Step: fmt.Sprint(e)}); err != nil {
				t.Fatal(err)
			}
		}
		run.State = Complete
		if err := k.End(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID)
	}
	return ids
}

func (k *keeper) prune(ctx context.Context) error {
	r, err := k.Retention(ctx, &Run{ID: "20270101-000000-0a1b2c3d"})
	if err != nil {
		return err
	}
	return k.Prune(ctx, r)
}

// whole are the runs that have their plan. It fails the test when one of them
// lacks an entry, or one without is not known as pruned.
func (k *keeper) whole(t *testing.T, ids []string) (whole []string) {
	t.Helper()
	for _, id := range ids {
		run, entries, err := Find(t.Context(), k.k, k.namespace, id)
		if err != nil {
			t.Fatal(err)
		}
		file, _, err := Plan(t.Context(), k.k, k.namespace, id)
		var pruned *NoPlanError
		switch {
		case errors.As(err, &pruned):
		case err != nil:
			t.Errorf("plan of %s: %v", id, err)
		case run.Pruned || len(entries) != entriesEach || string(file) != "the plan of "+id:
			t.Errorf("%s has its plan %q, %d entries, and is pruned: %v", id, file, len(entries), run.Pruned)
		default:
			whole = append(whole, id)
		}
	}
	return whole
}

// Old runs lose their plan and their entries and are remembered; what is left of
// them is what the records are.
func TestPrune(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	ids := k.past(t, keptRuns+2)
	if err := k.keepPlan(t.Context(), "20260101-000000-orphan", []byte("x"), []byte("key")); err != nil {
		t.Fatal(err)
	}
	if err := k.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if whole := k.whole(t, ids); !slices.Equal(whole, ids[2:]) {
		t.Errorf("whole are %v", whole)
	}
	run, entries, err := Find(t.Context(), k.k, k.namespace, ids[0])
	if err != nil || !run.Pruned || run.State != Complete || len(entries) > 0 {
		t.Errorf("%+v, %d entries, %v", run, len(entries), err)
	}
	secrets, err := k.k.Typed().CoreV1().Secrets(k.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(secrets.Items) != keptRuns {
		t.Errorf("%d Secrets are left, want %d plans, %v", len(secrets.Items), keptRuns, err)
	}
	// The second time there is nothing to do.
	k.proxy.Requests()
	if err := k.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range k.proxy.Requests() {
		if strings.HasPrefix(r, http.MethodDelete) || strings.HasPrefix(r, http.MethodPut) && strings.Contains(r, "configmaps") {
			t.Errorf("it was pruned again: %s", r)
		}
	}
}

// Whichever of its writes is the last that a program makes: a run that has its
// plan has all of its entries, and the next program finishes what was begun.
func TestPruneCutOff(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	ids := k.past(t, keptRuns+2)
	isPruning := func(r *http.Request) bool {
		return r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/leases")
	}
	cut := 0
	for ; ; cut++ {
		ctx, die := context.WithCancel(t.Context())
		k.proxy.Clear()
		k.proxy.Add(faultproxy.Rule{Match: isPruning, Skip: cut, Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			die()
			faultproxy.Reset(w, r, forward)
		}})
		err := k.prune(ctx)
		dead := ctx.Err() != nil
		die()
		k.proxy.Clear()
		if whole := k.whole(t, ids); len(whole) < keptRuns || !slices.Equal(whole[len(whole)-keptRuns:], ids[2:]) {
			t.Fatalf("whole are %v", whole)
		}
		if !dead {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if cut > 20 {
			t.Fatal("it does not come to an end")
		}
	}
	if cut < 2 {
		t.Errorf("it was cut off %d times, want more", cut)
	}
	if whole := k.whole(t, ids); !slices.Equal(whole, ids[2:]) {
		t.Errorf("whole are %v", whole)
	}
}
