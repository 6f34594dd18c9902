package sandbox

import (
	"context"
	"io"
)

var conftest = part{
	"conftest", "conftest", "3 minutes",
	[]string{"-trimpath", withoutDWARF, "-ldflags", "-s -w"}, "github.com/open-policy-agent/conftest",
}

// Conftest builds conftest, which holds documents against policies, as [Binary]
// builds the servers, and returns its path.
func Conftest(ctx context.Context, progress io.Writer) (string, error) {
	return conftest.binary(ctx, progress)
}
