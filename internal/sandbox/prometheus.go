package sandbox

import (
	"context"
	"io"
)

var prometheus = part{
	"prometheus", "the sandbox's Prometheus", "3 minutes",
	[]string{"-trimpath", withoutDWARF, "-ldflags", "-s -w", "-tags", "remove_all_sd"}, "github.com/prometheus/prometheus/cmd/prometheus",
}

// Prometheus builds a Prometheus server as [Binary] builds the others, and
// returns its path. It discovers nothing by itself: targets are static.
func Prometheus(ctx context.Context, progress io.Writer) (string, error) {
	return prometheus.binary(ctx, progress)
}
