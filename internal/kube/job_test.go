package kube_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/lines"
)

func TestRunJob(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	var uids []string
	for _, words := range []string{"first run", "second run\nall done"} {
		var logs bytes.Buffer
		o := parse(t, ns, job("migrate", 0, "delay=1s", "logs="+words))[0]
		if err := c.RunJob(t.Context(), o, time.Minute, &logs); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(logs.String()); got != words {
			t.Errorf("logs: got %q, want %q", got, words)
		}
		live, err := c.Typed().BatchV1().Jobs(ns).Get(t.Context(), "migrate", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pods, err := c.Typed().CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pods.Items {
			if !metav1.IsControlledBy(&p, live) {
				t.Errorf("pod %s of the earlier Job is left", p.Name)
			}
		}
		uids = append(uids, string(live.UID))
	}
	if uids[0] == uids[1] {
		t.Error("the Job was not made anew")
	}
}

func TestRunJobFails(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	var logs bytes.Buffer
	o := parse(t, ns, job("migrate", 0, "behavior=fail", "logs=Can't locate revision"))[0]
	err := c.RunJob(t.Context(), o, time.Minute, &logs)
	var e *kube.JobError
	if !errors.As(err, &e) || e.TimedOut || len(e.Reason.Pods) == 0 {
		t.Fatalf("got %v", err)
	}
	p := e.Reason.Pods[0]
	if p.LastExit == nil || *p.LastExit != 1 || strings.Join(p.Logs, "") != "Can't locate revision" {
		t.Errorf("got %+v", p)
	}
	if !strings.Contains(logs.String(), "Can't locate revision") {
		t.Errorf("logs: %q", logs.String())
	}
}

// A container that writes without an end fills no memory.
func TestLogsAreBounded(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	var logs bytes.Buffer
	endless := strings.Repeat("x", 3*lines.Longest)
	err := c.RunJob(t.Context(), parse(t, ns, job("migrate", 0, "behavior=fail", "logs="+endless+"\nthe end"))[0], time.Minute, &logs)
	want := endless[:lines.Longest] + "…\nthe end\n"
	if logs.String() != want {
		t.Errorf("%d bytes of logs, want %d", logs.Len(), len(want))
	}
	var e *kube.JobError
	if !errors.As(err, &e) || len(e.Reason.Pods) == 0 {
		t.Fatalf("got %v", err)
	}
	if got := strings.Join(e.Reason.Pods[0].Logs, "\n") + "\n"; got != want {
		t.Errorf("%d bytes of last words, want %d", len(got), len(want))
	}
}

func TestRunJobTimesOut(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	err := c.RunJob(t.Context(), parse(t, ns, job("migrate", 0, "behavior=hang"))[0], 4*time.Second, nil)
	var e *kube.JobError
	if !errors.As(err, &e) || !e.TimedOut || !strings.Contains(err.Error(), "Job "+ns+"/migrate did not end in time") {
		t.Fatalf("got %v", err)
	}
}

func TestDeleteJobThatIsNotThere(t *testing.T) {
	t.Parallel()
	c, ns := connect(t)
	if err := c.DeleteJob(t.Context(), ns, "never"); err != nil {
		t.Fatal(err)
	}
}
