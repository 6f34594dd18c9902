package check

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/program"
	"github.com/soctalk/fleet/schema"
)

// command runs a program in the folder of the configuration. It is its own exit
// code that counts; whatever it has started ends with it.
func (s *Set) command(ctx context.Context, at subject, c *schema.Check, p *schema.CommandProbe) (finding, error) {
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Env = s.fleet.Root, s.environment(at, c)
	out := newTail(s.hide)
	cmd.Stdout, cmd.Stderr = out, out
	err := program.Run(cmd)
	name := s.hide.value(p.Argv[0])
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, program.ErrLeftRunning):
		return finding{ok: true, text: name + " ended with exit code 0"}, nil
	case ctx.Err() != nil:
		err = fmt.Errorf("%s did not end in time, and was killed", name)
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		err = fmt.Errorf("%s ended with exit code %d", name, exit.ExitCode())
	case errors.As(err, &exit):
		err = fmt.Errorf("%s was ended: %s", name, exit)
	default:
		err = fmt.Errorf("%s cannot be run: %w", name, err)
	}
	lines := out.lines()
	if n := len(lines); n > 0 {
		err = fmt.Errorf("%w: %s", err, s.hide.value(lines[n-1]))
	}
	return finding{}, &apply.CauseError{Err: err, Seen: lines}
}

// environment is this program's own, without the values of variables, and what
// the check is about.
func (s *Set) environment(at subject, c *schema.Check) []string {
	r := at.release
	about := map[string]string{
		"RUN": s.run, "NAME": c.Name, "ADDRESS": at.address, "CLUSTER": r.Cluster, "NAMESPACE": r.Namespace, "RELEASE": r.Name,
	}
	if r.Version != nil {
		about["VERSION"] = r.Version.Original()
	}
	if at.tenant != nil {
		about["SLUG"] = at.tenant.Slug
	}
	return program.Environment(s.env, "SOCTALK_CHECK_", about)
}
