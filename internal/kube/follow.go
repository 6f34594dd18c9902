package kube

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/soctalk/fleet/internal/lines"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// logTries is how often a container is asked for its logs: where there are
// none to be had, it is left alone.
const logTries = 3

// drainTime is how long the logs may take to arrive after the wait has ended.
const drainTime = 3 * time.Second

// follower copies what the containers of pods write, as far as it can be had:
// logs never make anything fail.
type follower struct {
	cluster *Cluster
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup
	// containers are those of a pod that are followed.
	containers func(*corev1.Pod) []corev1.ContainerStatus

	mu  sync.Mutex
	out io.Writer
	// busy are the containers that are being followed or have been; tries
	// counts the failures of the others.
	busy  map[string]bool
	tries map[string]int
	// seen are the pods that were seen before.
	seen map[types.UID]bool
}

func newFollower(ctx context.Context, c *Cluster, out io.Writer) *follower {
	f := &follower{cluster: c, containers: containersOf, out: out, busy: map[string]bool{}, tries: map[string]int{}, seen: map[types.UID]bool{}}
	f.ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	return f
}

// followNew is follow, but for what had ended before the pod was first seen:
// that is an earlier attempt's.
func (f *follower) followNew(p *corev1.Pod) {
	if !f.seen[p.UID] {
		f.seen[p.UID] = true
		f.mu.Lock()
		for _, s := range f.containers(p) {
			if s.State.Terminated != nil {
				f.busy[runOf(p, s)] = true
			}
		}
		f.mu.Unlock()
	}
	f.follow(p)
}

// runOf names one run of a container.
func runOf(p *corev1.Pod, s corev1.ContainerStatus) string {
	return fmt.Sprintf("%s/%s/%d", p.UID, s.Name, s.RestartCount)
}

// follow begins with the containers of a pod that have started since.
func (f *follower) follow(p *corev1.Pod) {
	for _, s := range f.containers(p) {
		if s.State.Running == nil && s.State.Terminated == nil {
			continue
		}
		key := runOf(p, s)
		f.mu.Lock()
		skip := f.busy[key] || f.tries[key] >= logTries
		f.busy[key] = true
		f.mu.Unlock()
		if skip {
			continue
		}
		f.wg.Add(1)
		go func() {
			defer f.wg.Done()
			if !f.copy(p.Namespace, p.Name, s.Name) {
				f.mu.Lock()
				f.busy[key] = false
				f.tries[key]++
				f.mu.Unlock()
			}
		}()
	}
}

// copy passes on whole lines, bounded, so that those of several containers do not mix.
func (f *follower) copy(namespace, pod, container string) bool {
	stream, err := f.cluster.streaming.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(f.ctx)
	if err != nil {
		return false
	}
	defer func() { _ = stream.Close() }()
	w := &lines.Writer{To: f.line}
	_, _ = io.Copy(w, stream)
	w.Flush()
	return true
}

func (f *follower) line(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _ = io.WriteString(f.out, line+"\n")
}

// catchUp begins with the pods of a Job that were too quick to be seen.
func (f *follower) catchUp(namespace, job string) {
	ctx, cancel := context.WithTimeout(f.ctx, drainTime)
	defer cancel()
	pods, err := f.cluster.typed.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + job})
	if err == nil {
		for i := range pods.Items {
			f.follow(&pods.Items[i])
		}
	}
}

// finish takes what is left to be had.
func (f *follower) finish() {
	defer f.stop()
	ctx, cancel := context.WithTimeout(f.ctx, drainTime)
	defer cancel()
	done := make(chan struct{})
	go func() {
		f.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		f.stop()
		<-done
	}
}
