package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

type htmlClass struct {
	// Number is that of its anchor.
	Number                          int
	Open                            bool
	Action                          htmlWord
	Subject, Chart, Versions, Where string
	Verdict                         htmlWord
	Facts                           []htmlFact
	Objects                         []htmlObject
	MoreObjects                     string
	Relabelled                      string
	Waves                           []htmlWave
}

// htmlWave names the releases of a class in a wave.
type htmlWave struct {
	Title string
	Names []string
	More  int
}

type htmlObject struct {
	Sign   htmlWord
	What   string // spoken: create, change
	Text   string
	Fields []htmlField
	More   string
}

type htmlField struct {
	Path, Before, After string
	Masked              string
	Lines               []htmlWord
}

// addClasses adds a block a class. What is too much is left out: fields first,
// then all but the head of a class, then classes.
func (p *htmlPage) addClasses(x *planIndex, d Detail) {
	names, room := mostHTMLNames, mostHTMLText
	fieldless, headsAlone := 0, 0
	for i := range x.doc.Classes[:min(len(x.doc.Classes), mostHTMLClasses)] {
		c := &x.doc.Classes[i]
		h := htmlClass{
			Number: i + 1, Open: len(x.doc.Classes) <= 3,
			Action: actionWord(c.Action), Subject: clip(x.subject(c), widestName), Chart: clip(clean(c.Chart), widestName), Versions: clip(versions(c), widestName),
			Verdict: verdictWord(c.Reversibility),
		}
		if room > 0 {
			h.fill(x, c, d, &room)
			if room <= 0 {
				fieldless++
			}
		} else {
			headsAlone++
		}
		h.addWaves(x, c, &names)
		p.Classes = append(p.Classes, h)
	}
	var left []string
	for _, cut := range []struct {
		what string
		n    int
	}{{"fields of ", fieldless}, {"all but the heads of ", headsAlone}, {"the last ", len(x.doc.Classes) - len(p.Classes)}} {
		if cut.n > 0 {
			left = append(left, cut.what+classes(cut.n))
		}
	}
	if len(left) > 0 {
		p.Left = "Left out, to keep this page short: " + strings.Join(left, ", ") + ". The plan document, soctalk show -json, has all of it."
	}
}

// fill says what there is to say of a class, as far as there is room.
func (h *htmlClass) fill(x *planIndex, c *plan.Class, d Detail, room *int) {
	h.Facts = htmlFacts(x.facts(c, d, nil))
	*room -= sizeOf(h.Facts)
	if c.Relabelled > 0 {
		h.Relabelled = "only version labels change on " + plural(c.Relabelled, "more object")
	}
	h.addObjects(c, d, room)
}

func sizeOf(facts []htmlFact) int {
	n := 0
	for _, f := range facts {
		n += len(f.Text) + len(f.Then) + len(f.URL) + len(f.Nowhere) + sizeOf(f.Under)
	}
	return n
}

func actionWord(a plan.Action) htmlWord {
	look := map[plan.Action]string{plan.Install: "good", plan.Upgrade: "move", plan.Uninstall: "bad", plan.Rollback: "data"}[a]
	return htmlWord{look, clip(clean(string(a)), widestName)}
}

// addObjects lists what is created or deleted as a whole, a line a kind, and
// then what changes, with its fields as far as there is room.
func (h *htmlClass) addObjects(c *plan.Class, d Detail, room *int) {
	for _, a := range []plan.ObjectAction{plan.Create, plan.Delete} {
		for _, k := range byKind(c.Diff, a) {
			h.Objects = append(h.Objects, htmlObject{Sign: objectSign(a), What: string(a), Text: clip(k, 20*widestMarkdown)})
		}
	}
	images, shown := listed(c), 0
	for _, o := range c.Diff {
		if o.Action == plan.Create || o.Action == plan.Delete {
			continue
		}
		if shown++; shown > mostHTMLObjects {
			continue
		}
		*room -= len(o.Kind) + len(o.Name)
		object := htmlObject{Sign: objectSign(o.Action), What: clip(clean(string(o.Action)), widestName), Text: clip(clean(o.Kind+" "+o.Name), widestMarkdown)}
		if d == Full {
			object.addFields(o, images, room)
		}
		h.Objects = append(h.Objects, object)
	}
	if shown > mostHTMLObjects {
		h.MoreObjects = "and " + plural(shown-mostHTMLObjects, "more object")
	}
}

func objectSign(a plan.ObjectAction) htmlWord {
	switch a {
	case plan.Create:
		return htmlWord{"good", "+"}
	case plan.Delete:
		return htmlWord{"bad", "−"}
	case plan.Replace:
		return htmlWord{"bad", "±"}
	}
	return htmlWord{"move", "~"}
}

func (h *htmlObject) addFields(o plan.ObjectDiff, images map[string]bool, room *int) {
	told := 0
	for i, f := range o.Fields {
		if isListed(images, o, f) {
			told++
			continue
		}
		if i >= mostMarkdownFields || *room <= 0 {
			h.More = "and " + plural(len(o.Fields)-i, "more field")
			return
		}
		field := htmlFieldOf(f)
		*room -= field.size()
		h.Fields = append(h.Fields, field)
	}
	if told > 0 && told == len(o.Fields) {
		h.More = "its image, as above"
	}
}

func htmlFieldOf(f plan.FieldDiff) htmlField {
	h := htmlField{Path: clip(clean(f.Path), widestMarkdown), Masked: clip(maskedText(f), widestMarkdown)}
	if h.Masked != "" {
		return h
	}
	if lines := textDiff(f, mostMarkdownLines); lines != nil {
		for _, l := range lines {
			look := ""
			switch l[0] {
			case '+':
				look = "ins"
			case '-':
				look = "del"
			}
			h.Lines = append(h.Lines, htmlWord{look, clip(l, widestMarkdown)})
		}
		return h
	}
	h.Before, h.After = beforeAfter(f, widestMarkdown)
	return h
}

func (h *htmlField) size() int {
	n := len(h.Path) + len(h.Before) + len(h.After)
	for _, l := range h.Lines {
		n += len(l.Text)
	}
	return n
}

// addWaves names the releases of a class, wave by wave, as far as there is room.
func (h *htmlClass) addWaves(x *planIndex, c *plan.Class, room *int) {
	waves, names := x.byWave(c.ID)
	var where []string
	for i, w := range waves {
		title := "wave " + clip(clean(w), widestName)
		if i < mostWaves {
			where = append(where, fmt.Sprintf("%s: %d", clip(clean(w), widestName), len(names[w])))
		}
		if len(x.members[c.ID]) < 2 || *room <= 0 {
			continue
		}
		n := min(len(names[w]), *room)
		*room -= n
		wave := htmlWave{Title: fmt.Sprintf("%s, %s", title, plural(len(names[w]), "release")), More: len(names[w]) - n}
		for _, name := range names[w][:n] {
			wave.Names = append(wave.Names, clip(name, widestName))
		}
		h.Waves = append(h.Waves, wave)
	}
	if len(waves) > mostWaves {
		where = append(where, fmt.Sprintf("and %d more", len(waves)-mostWaves))
	}
	h.Where = strings.Join(where, ", ")
}
