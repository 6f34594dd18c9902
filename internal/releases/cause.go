package releases

import (
	"context"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/lines"
)

// longestLog is the most of a log's line that is shown while it is written,
// longestWords of one that explains a failure: secrets are hidden by then.
const longestLog, longestWords = 16 << 10, 2000

// cause adds what the cluster showed to the error of a step.
func cause(err error) error {
	var notReady *kube.NotReadyError
	var job *kube.JobError
	var reasons []kube.Reason
	switch {
	case errors.Is(err, context.Canceled):
		return apply.ErrCancelled
	case errors.As(err, &notReady):
		reasons = notReady.Reasons
	case errors.As(err, &job):
		reasons = []kube.Reason{job.Reason}
	default:
		return err
	}
	c := &apply.CauseError{Err: err}
	for _, r := range reasons {
		for _, p := range r.Pods {
			if len(p.Logs) > 0 {
				c.Seen = append(c.Seen, fmt.Sprintf("last lines of container %s of pod %s:", p.Container, p.Pod))
			}
			for _, line := range p.Logs {
				c.Seen = append(c.Seen, "  "+lines.Cut(line, longestWords))
			}
		}
		for _, e := range r.Events {
			c.Seen = append(c.Seen, "event: "+e)
		}
	}
	return c
}
