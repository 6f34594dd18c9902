package view

import (
	"fmt"

	"github.com/soctalk/fleet/plan"
)

// stepText says what a step that is no tenant's does.
func (x *planIndex) stepText(s *plan.Step) string {
	who := "the system"
	if s.Address != "system" && s.Address != "" {
		who = clean(s.Address)
	}
	switch s.Kind {
	case plan.StepSnapshot:
		if s.Snapshot != "" {
			return "snapshot " + snapshotText(s) + upTo(s.Timeout)
		}
		return "snapshot " + who + upTo(s.Timeout)
	case plan.StepCRDs:
		return fmt.Sprintf("bring %s to the chart's: %s%s", plural(len(s.CRDs), "custom resource definition"), cleanList(s.CRDs), upTo(s.Timeout))
	case plan.StepMigrate:
		return fmt.Sprintf("migrate the database with the Job of %s, before any pod rolls%s", clean(s.Template), upTo(s.Timeout))
	case plan.StepInstall, plan.StepUpgrade:
		return fmt.Sprintf("%s %s and wait until it is ready%s", s.Kind, who, upTo(s.Timeout))
	case plan.StepUninstall:
		return "uninstall " + who + upTo(s.Timeout)
	case plan.StepVerify:
		text := "verify " + who
		if len(s.Checks) > 0 {
			text += " with " + cleanList(s.Checks)
		}
		if lasts(s.Settle) {
			text += ", which settles for " + clean(round(s.Settle))
		}
		return text
	case plan.StepRollback:
		return fmt.Sprintf("roll back %s to revision %d and wait until it is ready%s", who, s.Revision, upTo(s.Timeout))
	case plan.StepRestore:
		return fmt.Sprintf("scale down what writes, and restore snapshot %s, %s%s", snapshotText(s), cleanList(s.Records), upTo(s.Timeout))
	case plan.StepScaleUp:
		return "scale up again what was scaled down"
	case plan.StepPins:
		text := "set the tenants' versions that " + who + " pins"
		for _, f := range restartFacts(s.Restarts) {
			text += "; " + clean(f.text)
		}
		return text
	}
	return clean(string(s.Kind)) + " " + who
}

// snapshotText names a snapshot and its driver.
func snapshotText(s *plan.Step) string {
	if s.Driver == "" {
		return clean(s.Snapshot)
	}
	return clean(s.Snapshot) + " with " + clean(s.Driver)
}

func cleanList(names []string) string { return clean(shortList(names)) }
