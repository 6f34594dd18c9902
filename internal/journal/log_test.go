package journal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/journal/journaltest"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// wide is a run's journal whose first page is held up in the API server's way
// until so many further entries wait to be written.
type wide struct {
	*keeper
	run  *Run
	log  *Log
	errs []error
}

func newWide(t *testing.T, writers int, then faultproxy.Fault) *wide {
	t.Helper()
	k := newKeeper(t)
	run := &Run{ID: "20260101-000000-0a1b2c3d", Started: time.Now()}
	log, err := k.Start(t.Context(), run, []byte("the plan"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	w := &wide{keeper: k, run: run, log: log, errs: make([]error, writers+1)}
	arrived, free := make(chan struct{}), make(chan struct{})
	k.proxy.Add(
		faultproxy.Rule{Match: journaltest.IsPage, Times: 1, Fault: func(rw http.ResponseWriter, r *http.Request, forward http.Handler) {
			close(arrived)
			<-free
			forward.ServeHTTP(rw, r)
		}},
		faultproxy.Rule{Match: journaltest.IsPage, Fault: then},
	)
	var all sync.WaitGroup
	write := func(n int) {
		all.Go(func() { w.errs[n] = log.Write(t.Context(), apply.Entry{Kind: apply.Done, Step: fmt.Sprint(n)}) })
	}
	write(0)
	<-arrived
	for n := 1; n <= writers; n++ {
		write(n)
	}
	sandboxtest.Eventually(t, func(context.Context) error {
		if n := log.queue.length(); n < writers {
			return fmt.Errorf("%d of %d entries wait", n, writers)
		}
		return nil
	})
	close(free)
	all.Wait()
	return w
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.lines)
}

func passed(rw http.ResponseWriter, r *http.Request, forward http.Handler) { forward.ServeHTTP(rw, r) }

// What came while an entry was being written goes along with the next, and
// pages stay as full as they may be.
func TestEntriesThatWaitAreWrittenTogether(t *testing.T) {
	t.Parallel()
	const writers = 2 * perPage
	w := newWide(t, writers, passed)
	if i := slices.IndexFunc(w.errs, func(err error) bool { return err != nil }); i >= 0 {
		t.Fatalf("entry %d: %v", i, w.errs[i])
	}
	_, entries, err := openLog(context.Background(), w.k, w.namespace, w.run.ID)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, e := range entries {
		steps = append(steps, e.Step)
	}
	slices.Sort(steps)
	if len(slices.Compact(steps)) != writers+1 || len(entries) != writers+1 {
		t.Errorf("%d entries, and each of %d was to be there once: %v", len(entries), writers+1, steps)
	}
	pages, err := listPages(context.Background(), w.k, w.namespace, w.run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pages {
		if n := strings.Count(p.Data[entriesKey], "\n"); n != perPage && i < len(pages)-1 || n > perPage {
			t.Errorf("page %d has %d entries, and %d fit", i+1, n, perPage)
		}
	}
	// The rest of the first page, one page, and what is left.
	if met := w.proxy.Met(); met[1] != 3 {
		t.Errorf("written %d times after the first, want 3", met[1])
	}
}

func forbidden(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusForbidden)
	fmt.Fprint(rw, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Forbidden","code":403}`)
}

// Nobody is told that an entry is kept which went with a write that failed.
func TestEntriesOfAWriteThatFailedAllFail(t *testing.T) {
	t.Parallel()
	w := newWide(t, 3, forbidden)
	if w.errs[0] != nil {
		t.Error(w.errs[0])
	}
	for n, err := range w.errs[1:] {
		if err == nil {
			t.Errorf("entry %d is said to be kept", n+1)
		}
	}
}

// started begins the journal of a run, with so many entries in it.
func (k *keeper) started(t *testing.T, entries int) (*Run, *Log) {
	t.Helper()
	run := &Run{ID: "20260101-000000-0a1b2c3d", Started: time.Now()}
	log, err := k.Start(t.Context(), run, []byte("the plan"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range entries {
		if err := log.Write(t.Context(), apply.Entry{Kind: apply.Done, Step: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	return run, log
}

// An entry is taken, nobody hears of it, and no more is heard until it is given
// up. That is no other program's writing; one that comes after it is.
func TestWriteThatSeemedToFail(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"the first": 0, "one more on a page": 3, "the last on a page": perPage - 1, "the first on a further page": perPage} {
		for _, taken := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lock taken: %v", name, taken), func(t *testing.T) {
				t.Parallel()
				k := newKeeper(t)
				run, log := k.started(t, before)
				k.proxy.Add(
					faultproxy.Rule{Match: journaltest.IsPage, Times: 1, Fault: faultproxy.Lost},
					faultproxy.Rule{Match: journaltest.IsPage, Times: 1, Fault: forbidden},
				)
				if err := log.Write(t.Context(), apply.Entry{Kind: apply.Done, Step: "unsure"}); !apierrors.IsForbidden(err) {
					t.Fatalf("the write that was to fail: %v", err)
				}
				if taken {
					other, _, err := openLog(t.Context(), k.k, k.namespace, run.ID)
					if err != nil {
						t.Fatal(err)
					}
					if err := other.seize(t.Context(), apply.Entry{Kind: apply.Taken}); err != nil {
						t.Fatal(err)
					}
				}
				err := log.Write(t.Context(), apply.Entry{Kind: apply.Done, Step: "next"})
				if lost := errors.Is(err, ErrLost); lost != taken || err != nil && !lost {
					t.Errorf("the next write: %v", err)
				}
				_, entries, err := openLog(t.Context(), k.k, k.namespace, run.ID)
				if err != nil {
					t.Fatal(err)
				}
				want, last := before+2, apply.Entry{Kind: apply.Done, Step: "next"}
				if taken {
					last = apply.Entry{Kind: apply.Taken}
				}
				if n := len(entries); n != want || entries[n-2].Step != "unsure" || entries[n-1].Kind != last.Kind || entries[n-1].Step != last.Step {
					t.Errorf("%d entries, and %d were to be there, in their order: %+v", n, want, entries[max(0, n-2):])
				}
			})
		}
	}
}

// Entries go together, so that of a writer who is cancelled may be those of others.
func TestEntryOfAWriterWhoIsCancelled(t *testing.T) {
	t.Parallel()
	run, log := newKeeper(t).started(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Write(ctx, apply.Entry{Kind: apply.Done, Step: run.ID}); err != nil {
		t.Error(err)
	}
}

// A program may write nothing but empty lines, for long.
func TestEntryIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", mostMessage)
	for name, seen := range map[string][]string{
		"empty lines": make([]string, 200_000),
		"short lines": strings.Split(strings.Repeat("x ", 200_000), " "),
		"a long line": {"first", long + long},
	} {
		line, err := (&Log{}).lineOf(apply.Entry{Kind: apply.Failed, Message: long, Seen: seen})
		if err != nil {
			t.Fatal(err)
		}
		// In JSON an empty line has quotes and a comma.
		if most := mostMessage + 3*mostSeen + 1<<10; len(line) > most {
			t.Errorf("%s: an entry has %d bytes, and %d are the most", name, len(line), most)
		}
		if !strings.Contains(line, `"…"]`) {
			t.Errorf("%s: nothing says that lines are left out: %.100s…", name, line)
		}
	}
}

// The moment that a list began at is forgotten after some minutes; the pages are
// read all the same, each once.
func TestListThatTakesTooLong(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	run, _ := k.started(t, 2*perPage+1)
	continues := func(r *http.Request) bool { return r.URL.Query().Has("continue") }
	k.proxy.Add(
		faultproxy.Rule{Match: continues, Times: 1, Fault: onePage},
		faultproxy.Rule{Match: continues, Times: 1, Fault: func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusGone)
			fmt.Fprint(rw, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Expired","code":410}`)
		}},
		faultproxy.Rule{Match: func(r *http.Request) bool { return r.URL.Query().Has("limit") }, Fault: onePage},
	)
	_, entries, err := openLog(t.Context(), k.k, k.namespace, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Step != fmt.Sprint(i) {
			t.Errorf("entry %d is of step %s", i, e.Step)
		}
	}
	if met := k.proxy.Met(); len(entries) != 2*perPage+1 || met[1] != 1 {
		t.Errorf("%d entries, and the list was forgotten %d times", len(entries), met[1])
	}
}

// onePage passes a list on as if its pages had one object each.
func onePage(rw http.ResponseWriter, r *http.Request, forward http.Handler) {
	asked := r.URL.Query()
	asked.Set("limit", "1")
	r.URL.RawQuery = asked.Encode()
	forward.ServeHTTP(rw, r)
}
