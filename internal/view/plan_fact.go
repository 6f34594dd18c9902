package view

import (
	"fmt"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// fact is a remark on a class, or an entry of the order of work. The human text
// and the Markdown are made from the same facts.
type fact struct {
	weight weight
	text   string
	// verdict is that of a hop; empty for what is none.
	verdict plan.Reversibility
	// then goes on after the verdict.
	then string
	// url is what the text announces.
	url   string
	under []fact
}

type weight int

const (
	weightPlain    weight = iota
	weightFaint           // good to have, seldom needed
	weightToKnow          // to know before it is applied
	weightNoReturn        // the point of no return
)

// facts are what there is to say of a class beside its objects, what changes a
// decision first. told holds the transitions whose release notes have been
// given already; nil to give them each time.
func (x *planIndex) facts(c *plan.Class, d Detail, told map[string]bool) []fact {
	var f []fact
	waves, names := x.byWave(c.ID)
	for i, w := range waves {
		if i == mostWaves {
			f = append(f, fact{text: "and " + plural(len(waves)-i, "more wave")})
			break
		}
		f = append(f, fact{text: fmt.Sprintf("wave %s: %s", clean(w), shortList(names[w]))})
	}
	f = append(f, x.ownerFacts(c)...)
	if len(c.Hops) == 0 {
		f = append(f, x.snapshotFacts(c)...)
	}
	f = append(f, subchartBreaks(c)...)
	f = append(f, crdBreaks(c)...)
	f = append(f, capped(weightToKnow, "remark", without(c.Notes, c.Hops, func(h plan.ClassHop) []string { return h.Notes }))...)
	f = append(f, x.remarks(c)...)
	f = append(f, x.hopFacts(c, d, told)...)
	f = append(f, restartFacts(without(c.Restarts, c.Hops, func(h plan.ClassHop) []string { return h.Restarts }))...)
	f = append(f, imageFacts(c)...)
	f = append(f, subchartFacts(c)...)
	f = append(f, crdFacts(c)...)
	if len(c.Hops) == 0 {
		f = append(f, releaseNotes(c.Chart+" "+c.From+" "+c.To, c.Changes, c.NotesURL, d, told)...)
	}
	return f
}

// without takes out of a class's texts what is told at one of its hops.
func without(texts []string, hops []plan.ClassHop, of func(plan.ClassHop) []string) []string {
	if len(hops) == 0 {
		return texts
	}
	atHop := map[string]bool{}
	for _, h := range hops {
		for _, t := range of(h) {
			atHop[t] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return atHop[t] })
}

// capped makes facts of texts, of the last one how many are left out.
func capped(w weight, what string, texts []string) []fact {
	var f []fact
	for i, t := range texts {
		if i == mostNames && len(texts) > mostNames+1 {
			return append(f, fact{weight: w, text: fmt.Sprintf("and %s", plural(len(texts)-i, "more "+what))})
		}
		f = append(f, fact{weight: w, text: t})
	}
	return f
}

// ownerFacts name the tools that also manage releases of a class.
func (x *planIndex) ownerFacts(c *plan.Class) []fact {
	var owned []string
	for _, r := range x.members[c.ID] {
		if r.Owner != "" {
			owned = append(owned, fmt.Sprintf("%s (%s)", nameOf(r), clean(r.Owner)))
		}
	}
	if len(owned) == 0 {
		return nil
	}
	return []fact{{weight: weightToKnow, text: "another tool manages it too, and may undo the change: " + shortList(owned)}}
}

// snapshotFacts say what is snapshotted before the class changes.
func (x *planIndex) snapshotFacts(c *plan.Class) []fact {
	names := x.snapshotted(c.ID)
	text := "snapshotted first"
	if len(c.Snapshots) > 0 {
		text += ": " + shortList(c.Snapshots)
	}
	switch {
	case len(names) == 0 && len(c.Snapshots) == 0:
		return nil
	case len(names) > 0 && len(names) < len(x.members[c.ID]):
		text += ", of " + shortList(names) + " only"
	}
	return []fact{{text: text}}
}

// remarks are the diagnostics of a class's releases; all of each is told with
// its line in the files elsewhere.
func (x *planIndex) remarks(c *plan.Class) []fact {
	var texts []string
	for _, g := range foldDiagnostics(x.warnings[c.ID], 1) {
		text := severity(g.first) + ": " + oneLine(g.first.Summary)
		switch {
		case len(g.rest) > 0:
			names := []string{x.name(g.first.Address)}
			for _, d := range g.rest {
				names = addLast(names, x.name(d.Address))
			}
			if n := len(g.rest) + 1; len(names) < n {
				text += fmt.Sprintf(", %d times", n)
			}
			text += ": " + shortList(names)
		case g.first.Detail != "":
			text += ": " + oneLine(g.first.Detail)
		}
		texts = append(texts, text)
	}
	return capped(weightToKnow, "remark", texts)
}

func addLast(names []string, name string) []string {
	if names[len(names)-1] == name {
		return names
	}
	return append(names, name)
}

// hopFacts tell of each hop where there are several.
func (x *planIndex) hopFacts(c *plan.Class, d Detail, told map[string]bool) []fact {
	var f []fact
	for _, h := range c.Hops {
		hop := fact{text: fmt.Sprintf("%s → %s", clean(h.From), clean(h.To))}
		if h.From == "" {
			hop.text = "install " + clean(h.To)
		}
		hop.verdict = h.Reversibility
		if len(h.Snapshots) > 0 {
			hop.then = "snapshotted first: " + shortList(h.Snapshots)
		}
		hop.under = append(hop.under, capped(weightToKnow, "remark", h.Notes)...)
		hop.under = append(hop.under, restartFacts(h.Restarts)...)
		hop.under = append(hop.under, releaseNotes(c.Chart+" "+h.From+" "+h.To, h.Changes, h.NotesURL, d, told)...)
		f = append(f, hop)
	}
	return f
}

func restartFacts(restarts []string) []fact {
	if len(restarts) == 0 {
		return nil
	}
	return []fact{{text: "pods restart: " + shortList(restarts)}}
}

// releaseNotes are those of a transition, given once; of a compact view only
// where they are.
func releaseNotes(transition string, changes []string, url string, d Detail, told map[string]bool) []fact {
	if len(changes) == 0 && url == "" {
		return nil
	}
	if told[transition] {
		return []fact{{weight: weightFaint, text: "release notes: as above"}}
	}
	if told != nil {
		told[transition] = true
	}
	var f []fact
	if d == Full {
		for _, note := range capped(weightFaint, "release note", changes) {
			note.text = "note: " + note.text
			f = append(f, note)
		}
	}
	switch {
	case url != "":
		f = append(f, fact{weight: weightFaint, text: "release notes:", url: url})
	case d == Compact:
		f = append(f, fact{weight: weightFaint, text: plural(len(changes), "release note") + ", not shown"})
	}
	return f
}
