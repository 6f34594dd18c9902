package releases

import (
	"errors"
	"strings"
	"testing"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
)

// Last words come whole, so that secrets are found in them, and are cut off
// where they are told.
func TestLastWordsAreCutWhereTheyAreTold(t *testing.T) {
	t.Parallel()
	job := &kube.JobError{Reason: kube.Reason{Pods: []kube.PodReason{{Pod: "migrate-x", Container: "main", Logs: []string{strings.Repeat("x", 10000), "short"}}}}}
	var told *apply.CauseError
	if !errors.As(cause(job), &told) || len(told.Seen) != 3 {
		t.Fatalf("got %+v", told)
	}
	if got := told.Seen[1]; len(got) > 2100 || !strings.HasSuffix(got, "x…") {
		t.Errorf("told are %d bytes", len(got))
	}
	if got := told.Seen[2]; got != "  short" {
		t.Errorf("got %q", got)
	}
}
