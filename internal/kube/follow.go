package kube

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// logTries is how often a container is asked for its logs: where there are
// none to be had, it is left alone.
const logTries = 3

// drainTime is how long the logs may take to arrive after their Job has ended.
const drainTime = 3 * time.Second

// follower copies what the containers of pods write, as far as it can be had:
// logs never make anything fail.
type follower struct {
	cluster *Cluster
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu  sync.Mutex
	out io.Writer
	// busy are the containers that are being followed or have been; tries
	// counts the failures of the others.
	busy  map[string]bool
	tries map[string]int
}

func newFollower(ctx context.Context, c *Cluster, out io.Writer) *follower {
	f := &follower{cluster: c, out: out, busy: map[string]bool{}, tries: map[string]int{}}
	f.ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	return f
}

// follow begins with the containers of a pod that have started since.
func (f *follower) follow(p *corev1.Pod) {
	for _, s := range containersOf(p) {
		if s.State.Running == nil && s.State.Terminated == nil {
			continue
		}
		key := fmt.Sprintf("%s/%s/%d", p.UID, s.Name, s.RestartCount)
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

// copy passes on whole lines, so that those of several containers do not mix.
func (f *follower) copy(namespace, pod, container string) bool {
	stream, err := f.cluster.streaming.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(f.ctx)
	if err != nil {
		return false
	}
	defer func() { _ = stream.Close() }()
	r := bufio.NewReader(stream)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			if line[len(line)-1] != '\n' {
				line = append(line, '\n')
			}
			f.mu.Lock()
			_, _ = f.out.Write(line)
			f.mu.Unlock()
		}
		if err != nil {
			return true
		}
	}
}

// finish takes what is left to be had: of a pod that was quick, everything.
func (f *follower) finish(namespace, job string) {
	defer f.stop()
	ctx, cancel := context.WithTimeout(f.ctx, drainTime)
	defer cancel()
	pods, err := f.cluster.typed.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + job})
	if err == nil {
		for i := range pods.Items {
			f.follow(&pods.Items[i])
		}
	}
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
