package releases

import (
	"context"
	"errors"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// UpdateCRDs is not there yet.
func (s *Set) UpdateCRDs(context.Context, plan.Release, plan.Step, apply.Report) error {
	return errors.New("custom resource definitions cannot be updated yet")
}
