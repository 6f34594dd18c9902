package view

import "github.com/soctalk/fleet/plan"

type nodeColour struct{ fill, line string }

// danger is the colour of the point of no return.
const danger = "#cf222e"

// colourOf tells kinds of step apart; every node says the same in words.
func colourOf(n *graphNode) nodeColour {
	c := nodeColour{"#f6f8fa", "#57606a"}
	switch n.kind {
	case plan.StepInstall:
		c = nodeColour{"#dafbe1", "#1a7f37"}
	case plan.StepUpgrade:
		c = nodeColour{"#ddf4ff", "#0969da"}
	case plan.StepUninstall:
		c = nodeColour{"#ffebe9", danger}
	case plan.StepMigrate, plan.StepSnapshot, plan.StepRollback, plan.StepRestore:
		c = nodeColour{"#fff8c5", "#9a6700"}
	}
	if n.noReturn {
		c.line = danger
	}
	return c
}
