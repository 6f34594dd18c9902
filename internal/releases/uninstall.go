package releases

import (
	"context"
	"errors"
	"fmt"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// declared is the release as the files have it; of one that leaves the fleet
// they have nothing, and the plan says where it is.
func (s *Set) declared(r plan.Release) *schema.Release {
	if rel := s.byAddress[r.Address]; rel != nil {
		return rel
	}
	return &schema.Release{Address: r.Address, Cluster: r.Cluster, Namespace: r.Namespace, Name: r.Name}
}

// Uninstall takes a release away and waits until its objects are gone.
func (s *Set) Uninstall(ctx context.Context, r plan.Release, step plan.Step, report apply.Report) error {
	rel := s.declared(r)
	body, err := s.body(ctx, rel)
	if err != nil {
		return err
	}
	if body == nil || s.baseOf(body) != r.Base {
		return &apply.StaleError{Address: r.Address, Want: r.Base.Revision, Have: revisionOf(body)}
	}
	err = s.helm(rel).Uninstall(ctx, body, s.options(rel, step, report))
	var stale *helm.StaleError
	if errors.As(err, &stale) {
		return &apply.StaleError{Address: r.Address, Want: stale.Expected, Have: stale.Found}
	}
	return cause(err)
}

// recoverUninstall looks at what an earlier attempt has left. Helm marks the
// revision before it deletes anything, and forgets the release last.
func (s *Set) recoverUninstall(r plan.Release, body *helm.Release, report apply.Report) (apply.Recovered, error) {
	switch {
	case body == nil:
		report.Log("the release was gone when this run was taken up again")
		return apply.Recovered{Done: true}, nil
	case s.baseOf(body) == r.Base:
		return apply.Recovered{Base: r.Base}, nil
	case body.Revision == r.Base.Revision && helm.Leaving(body.Status):
		report.Log(fmt.Sprintf("revision %d was left %s when this run was ended: uninstalling goes on", body.Revision, body.Status))
		return apply.Recovered{Base: s.baseOf(body)}, nil
	}
	return apply.Recovered{}, &apply.StaleError{Address: r.Address, Want: r.Base.Revision, Have: revisionOf(body)}
}
