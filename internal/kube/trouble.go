package kube

import (
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// crashes is how often a container must have been restarted before its
	// crash loop is believed.
	crashes = 3
	// settleTime is how long a state is mistrusted that controllers may be
	// about to correct: a rollout that begins anew still carries the verdict
	// on the one before.
	settleTime = 5 * time.Second
)

// trouble is something wrong with one container of a pod.
type trouble struct {
	reason PodReason
	// class tells troubles apart that must each persist on their own.
	class string
	// fatal says that it is believed at once, passing that it may pass by
	// itself, looping that it is believed when it crashes once more; a trouble
	// that is none of these is only told.
	fatal, passing, looping bool
	pod                     *corev1.Pod
	init                    bool
}

// troubles returns what is wrong with a pod, its worst first.
func troubles(p *corev1.Pod, mayRetry bool) []trouble {
	if p.DeletionTimestamp != nil {
		return nil
	}
	var all []trouble
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			all = append(all, trouble{reason: PodReason{Pod: p.Name, Waiting: c.Reason, Message: c.Message}, pod: p})
		}
	}
	for _, s := range p.Status.InitContainerStatuses {
		if t, ok := containerTrouble(p, s, mayRetry); ok {
			t.init = true
			switch t.reason.Waiting {
			case "CrashLoopBackOff", "Error":
				t.reason.Waiting = "Init:" + t.reason.Waiting
			case waitingNotReady:
				t.reason.Waiting = waitingInitRuns
			}
			all = append(all, t)
		}
	}
	for _, s := range p.Status.ContainerStatuses {
		if t, ok := containerTrouble(p, s, mayRetry); ok {
			all = append(all, t)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].weight() > all[j].weight() })
	return all
}

func (t trouble) weight() int {
	switch {
	case t.fatal, t.looping:
		return 2
	case t.passing:
		return 1
	}
	return 0
}

// containerTrouble reads one container's state. A Job may retry a crash; it
// says itself when it has had enough.
func containerTrouble(p *corev1.Pod, s corev1.ContainerStatus, mayRetry bool) (trouble, bool) {
	t := trouble{pod: p, class: s.Name, reason: PodReason{Pod: p.Name, Container: s.Name, Restarts: s.RestartCount}}
	last := s.LastTerminationState.Terminated
	if end := s.State.Terminated; end != nil {
		if end.ExitCode == 0 {
			return t, false
		}
		last = end
		t.reason.Waiting, t.reason.Message = end.Reason, end.Message
	}
	if last != nil {
		code := last.ExitCode
		t.reason.LastExit = &code
	}
	if wait := s.State.Waiting; wait != nil {
		t.reason.Waiting, t.reason.Message = wait.Reason, wait.Message
		switch wait.Reason {
		case "", "ContainerCreating", "PodInitializing":
			return t, false
		case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable":
			t.class += "/image"
			t.passing = true
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			t.class += "/create"
			t.passing = true
		case "InvalidImageName", "ErrImageNeverPull":
			t.fatal = true
		}
	}
	if s.State.Running != nil {
		t.reason.Waiting = waitingNotReady
		return t, !s.Ready
	}
	if !mayRetry && s.RestartCount >= crashes && last != nil && last.ExitCode != 0 {
		t.looping = true
	}
	return t, true
}
