package plan

import (
	"fmt"
	"slices"
)

// CompareLeaving works out what an uninstall takes away. objects are the live
// manifest.
func (d *Draft) CompareLeaving(m *Move, objects []Object) *Outcome {
	id := identityOf(m)
	c := Class{Action: Uninstall, Chart: m.Live.Chart, From: versionText(m.From), Reversibility: ForwardOnly, Diff: []ObjectDiff{}}
	c.Notes = append(c.Notes, "the release goes with its history: only installing it anew brings it back")
	var gone []objectChange
	for _, o := range changedObjects(objects, nil, nil) {
		if kept(o) {
			c.Notes = append(c.Notes, fmt.Sprintf("%s %s stays: the chart marks it to be kept", o.key.kind, id.remove(o.key.name)))
			continue
		}
		gone = append(gone, o)
		if note := lostWith(o); note != "" {
			c.Notes = append(c.Notes, id.remove(note))
		}
	}
	if !slices.ContainsFunc(gone, func(o objectChange) bool { return o.key.kind == "Namespace" }) {
		c.Notes = append(c.Notes, "the namespace stays, and in it whatever is not Helm's")
	}
	d.diff(&c, gone, id, newMask(sensitive{}, nil, nil, nil, nil, objects))
	return &Outcome{Class: c, Verdicts: []Reversibility{ForwardOnly}, Touched: touchedBy(m.Release.Namespace, objects)}
}

// lostWith says what becomes of data when an object goes.
func lostWith(o objectChange) string {
	switch o.key.kind {
	case "PersistentVolumeClaim":
		return fmt.Sprintf("PersistentVolumeClaim %s is the chart's own and goes, and with it the data, unless its volume's reclaim policy is Retain", o.key.name)
	case "Namespace":
		return fmt.Sprintf("Namespace %s is the chart's own and goes, with all that is in it, volume claims too", o.key.name)
	case "StatefulSet":
		if textAt(o.before, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete" {
			return fmt.Sprintf("the volume claims of StatefulSet %s go with it, and with them the data", o.key.name)
		}
		return fmt.Sprintf("the volume claims of StatefulSet %s stay, with their data", o.key.name)
	}
	return ""
}
