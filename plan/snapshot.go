package plan

import "github.com/soctalk/fleet/schema"

// snapshotsOf are what is saved before a hop. An install has nothing to save.
func snapshotsOf(m *Move, breaking bool) []*schema.Snapshot {
	if m.Action == Install {
		return nil
	}
	var taken []*schema.Snapshot
	for _, s := range m.Release.Snapshots {
		if s.When == "always" || s.When == "breaking" && breaking {
			taken = append(taken, s)
		}
	}
	return taken
}
