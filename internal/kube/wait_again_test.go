package kube_test

import (
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/kube"
)

// What failed in one wait is waited for again once its cause is mended, with
// nothing about the object changed.

func TestCrashLoopOfEarlierWaitIsNotBelieved(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	objs := apply(t, c, ns, workload("Deployment", 1, "", "behavior=init-fail"))
	before := notReady(t, c, objs, kube.WaitOptions{}, 90*time.Second).Reasons[0].Pods[0]
	e := notReady(t, c, objs, kube.WaitOptions{}, 90*time.Second)
	after := e.Reasons[0].Pods[0]
	if e.TimedOut || after.Pod != before.Pod || after.Restarts <= before.Restarts {
		t.Errorf("given up after %+v, without another crash since %+v", after, before)
	}
}

func TestProgressDeadlineOfEarlierWaitIsNotBelieved(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	objs := apply(t, c, ns, workload("Deployment", 1, "  progressDeadlineSeconds: 3", "behavior=hang"))
	if e := notReady(t, c, objs, kube.WaitOptions{}, 60*time.Second); e.TimedOut {
		t.Fatal(e)
	}
	if e := notReady(t, c, objs, kube.WaitOptions{}, 8*time.Second); !e.TimedOut {
		t.Errorf("given up on the verdict of before: %v", e)
	}
}
