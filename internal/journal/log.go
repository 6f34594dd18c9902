package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	// perPage is how many entries an object holds, so that an entry costs the
	// same however long the run.
	perPage = 16
	// mostMessage and mostSeen bound an entry, in bytes.
	mostMessage = 2 << 10
	mostSeen    = 4 << 10
	// patience is for how long an API server may fail to take an entry.
	patience   = time.Minute
	retryAfter = time.Second
	// attemptTimeout bounds one attempt, so that one that hangs does not use up
	// all patience.
	attemptTimeout = 10 * time.Second

	entriesKey = "entries"
	labelPage  = "soctalk.io/page"
)

// Log is the entries of a run, in pages that follow each other. A page is
// written only as it was last seen, and whoever takes the lock writes into the
// journals that were left open: so a program that lost the lock cannot write
// any more, whether it knows or not.
type Log struct {
	k         *kube.Cluster
	namespace string
	run       string
	epoch     int
	// held ends when the lock is lost.
	held context.Context

	// queue are the entries that nobody has begun to write yet, in their order.
	queue queue

	// mu is held by who writes.
	mu   sync.Mutex
	last *corev1.ConfigMap // the page being written; nil before the first
	page int               // its number
	// unsure are what failed to be written since that was seen. The API server may
	// have taken one of them all the same, and its answer got lost.
	unsure []string
	lost   bool
}

var _ apply.Journal = (*Log)(nil)

// openLog reads the entries of a run and returns what writes further ones.
func openLog(ctx context.Context, k *kube.Cluster, namespace, run string) (*Log, []apply.Entry, error) {
	l, pages, err := lastPage(ctx, k, namespace, run)
	if err != nil {
		return nil, nil, err
	}
	var all []apply.Entry
	for _, p := range pages {
		entries, err := entriesOf(p)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, entries...)
	}
	return l, all, nil
}

// lastPage returns what writes on behind the pages of a run, whatever they hold.
func lastPage(ctx context.Context, k *kube.Cluster, namespace, run string) (*Log, []*corev1.ConfigMap, error) {
	l := &Log{k: k, namespace: namespace, run: run, held: context.Background()}
	pages, err := listPages(ctx, k, namespace, run)
	if n := len(pages); n > 0 {
		l.last, l.page = pages[n-1], pageOf(pages[n-1])
	}
	return l, pages, err
}

func listPages(ctx context.Context, k *kube.Cluster, namespace, run string) ([]*corev1.ConfigMap, error) {
	pages, err := records(ctx, k, namespace, labels.Set{labelRun: run, labelPart: partLog})
	if err != nil {
		return nil, fmt.Errorf("read the journal of run %s: %w", run, err)
	}
	slices.SortFunc(pages, func(a, b *corev1.ConfigMap) int { return cmp.Compare(pageOf(a), pageOf(b)) })
	return pages, nil
}

func pageOf(p *corev1.ConfigMap) int {
	n, _ := strconv.Atoi(p.Labels[labelPage])
	return n
}

func entriesOf(p *corev1.ConfigMap) ([]apply.Entry, error) {
	var all []apply.Entry
	for line := range strings.Lines(p.Data[entriesKey]) {
		var e apply.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("read ConfigMap %s/%s: it holds no journal entries: %w", p.Namespace, p.Name, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// Write implements apply.Journal. Entries that come while one is being written
// go into the journal together: a wide run has no line of writers before it. So
// none is given up because ctx is cancelled: it may be the one of another entry.
func (l *Log) Write(ctx context.Context, e apply.Entry) error {
	ctx = context.WithoutCancel(ctx)
	line, err := l.lineOf(e)
	if err != nil {
		return err
	}
	own := l.queue.add(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	// Whoever wrote before may have taken it along; or it is behind others, as many
	// as make up pages.
	for !own.ended {
		some := l.queue.take(cmp.Or(l.room(), perPage))
		lines := joined(some)
		err := l.write(ctx, lines, func(*corev1.ConfigMap) error {
			l.lost = true
			return ErrLost
		})
		if err != nil {
			l.unsure = append(l.unsure, lines)
		}
		for _, q := range some {
			q.ended, q.err = true, err
		}
	}
	return own.err
}

// seize writes an entry whoever else may be writing, who cannot do so any more
// from then on.
func (l *Log) seize(ctx context.Context, e apply.Entry) error {
	line, err := l.lineOf(e)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(ctx, line, func(newest *corev1.ConfigMap) error {
		l.see(newest, pageOf(newest))
		return nil
	})
}

// see takes a page for the last one, as it is: what failed before is not written
// any more, since it was to follow an earlier state.
func (l *Log) see(p *corev1.ConfigMap, number int) { l.last, l.page, l.unsure = p, number, nil }

// own says whether all that follows the entries before is a write of this log
// that seemed to fail.
func (l *Log) own(newest *corev1.ConfigMap, before string) bool {
	more, follows := strings.CutPrefix(newest.Data[entriesKey], before)
	return follows && slices.Contains(l.unsure, more)
}

// lineOf is an entry as it stands in the journal.
func (l *Log) lineOf(e apply.Entry) (string, error) {
	e.Epoch = l.epoch
	e.Message, e.Seen = cut(e.Message, mostMessage), cutLines(e.Seen, mostSeen)
	line, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("encode a journal entry: %w", err)
	}
	return string(line) + "\n", nil
}

// write appends lines, no more than there is room for. When somebody else has
// written, other decides what then.
func (l *Log) write(ctx context.Context, lines string, other func(newest *corev1.ConfigMap) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if l.lost || errors.Is(context.Cause(l.held), ErrLost) {
			return ErrLost
		}
		wanted, number := l.next(lines)
		written, err := l.put(ctx, wanted)
		switch {
		case err == nil:
			l.see(written, number)
			return nil
		case errors.Is(err, ErrLost):
			l.lost = true
			return ErrLost
		case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
			newest, err := l.k.Typed().CoreV1().ConfigMaps(l.namespace).Get(ctx, wanted.Name, metav1.GetOptions{})
			if err != nil {
				break // and again
			}
			if newest.Data[entriesKey] == wanted.Data[entriesKey] {
				l.see(newest, number) // it was taken, and the answer got lost
				return nil
			}
			if l.own(newest, strings.TrimSuffix(wanted.Data[entriesKey], lines)) {
				// As long as that page has room, the next lines go onto it, even if they
				// are more than fit: so do those of whoever takes the lock.
				l.see(newest, number)
				continue
			}
			if err := other(newest); err != nil {
				return err
			}
			continue
		case apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsNotFound(err) || apierrors.IsUnauthorized(err):
			return fmt.Errorf("write ConfigMap %s/%s: %w", l.namespace, wanted.Name, l.k.Explain(err))
		}
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
			return fmt.Errorf("write ConfigMap %s/%s: %w", l.namespace, wanted.Name, l.k.Explain(err))
		}
	}
}

// cut shortens a text to some bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// cutLines leaves out the lines from the one on that does not fit, each with its
// end: many empty ones take room too.
func cutLines(lines []string, most int) []string {
	var kept []string
	for _, line := range lines {
		if most -= len(line) + 1; most < 0 {
			return append(kept, "…")
		}
		kept = append(kept, line)
	}
	return kept
}

// room is how many entries still go onto the last page.
func (l *Log) room() int {
	if l.last == nil {
		return 0
	}
	return max(0, perPage-strings.Count(l.last.Data[entriesKey], "\n"))
}

// next is the page that lines go onto, with them on it.
func (l *Log) next(lines string) (*corev1.ConfigMap, int) {
	if l.room() > 0 {
		p := l.last.DeepCopy()
		p.Data[entriesKey] += lines
		return p, l.page
	}
	number := l.page + 1
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: l.namespace, Name: fmt.Sprintf("%s-log-%05d", objectName(l.run), number),
			Labels: map[string]string{labelRun: l.run, labelPart: partLog, labelPage: strconv.Itoa(number)},
		},
		Data: map[string]string{entriesKey: lines},
	}, number
}

func (l *Log) put(ctx context.Context, p *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	maps := l.k.Typed().CoreV1().ConfigMaps(l.namespace)
	if p.ResourceVersion == "" {
		return maps.Create(ctx, p, metav1.CreateOptions{})
	}
	return maps.Update(ctx, p, metav1.UpdateOptions{})
}
