package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
)

// imageFacts list the images of a class, old → new, with the containers that
// run them.
func imageFacts(c *plan.Class) []fact {
	type change struct{ from, to string }
	var order []change
	containers := map[change][]string{}
	for _, i := range c.Images {
		k := change{i.From, i.To}
		if containers[k] == nil {
			order = append(order, k)
		}
		containers[k] = append(containers[k], clean(i.Container))
	}
	if len(order) == 0 {
		return nil
	}
	var texts []string
	for _, k := range order {
		texts = append(texts, imageText(k.from, k.to)+"  "+shortList(containers[k]))
	}
	return []fact{{text: "images:", under: capped(weightPlain, "image", texts)}}
}

// imageText names the repository once where only the tag changes.
func imageText(from, to string) string {
	switch {
	case from == "":
		return "new " + shortImage(to)
	case to == "":
		return shortImage(from) + " goes"
	}
	oldName, oldTag := splitImage(from)
	newName, newTag := splitImage(to)
	if oldName != newName {
		return shortImage(from) + " → " + shortImage(to)
	}
	return newName + " " + oldTag + " → " + newTag
}

func shortImage(image string) string {
	name, tag := splitImage(image)
	return name + ":" + tag
}

// splitImage cuts a reference before its tag; a digest is shortened, and left
// out where it is the same image's tag that says more.
func splitImage(image string) (name, tag string) {
	name, digest, _ := strings.Cut(clean(image), "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if digest != "" {
		_, hex, _ := strings.Cut(digest, ":")
		tag = strings.TrimPrefix(tag+"@"+hex[:min(len(hex), 12)], "@")
	}
	switch {
	case name == "(hidden)":
		tag = "…"
	case tag == "":
		tag = "latest"
	}
	return name, tag
}

// listed are the containers whose images are told apart from the objects, as
// the beginning and the end of where the field is.
func listed(c *plan.Class) map[string]bool {
	containers := make(map[string]bool, len(c.Images))
	for _, i := range c.Images {
		containers[i.Container] = true
	}
	return containers
}

// isListed reports whether a field is an image that has been told already.
func isListed(containers map[string]bool, o plan.ObjectDiff, f plan.FieldDiff) bool {
	rest, isImage := strings.CutSuffix(f.Path, "].image")
	i := strings.LastIndex(rest, "ontainers[")
	return isImage && i >= 0 && containers[o.Kind+"/"+o.Name+"/"+rest[i+len("ontainers["):]]
}

// subchartBreaks are the vendored charts that may break what they are given.
func subchartBreaks(c *plan.Class) []fact {
	var texts []string
	for _, s := range c.Subcharts {
		if s.Breaking {
			texts = append(texts, fmt.Sprintf("breaking: subchart %s, a new major version", subchartText(s)))
		}
	}
	return capped(weightToKnow, "subchart", texts)
}

func subchartFacts(c *plan.Class) []fact {
	var texts []string
	for _, s := range c.Subcharts {
		if !s.Breaking {
			texts = append(texts, subchartText(s))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return []fact{{text: "subcharts: " + shortList(texts)}}
}

func subchartText(s plan.SubchartChange) string {
	switch {
	case s.From == "":
		return "new " + clean(s.Name) + " " + clean(s.To)
	case s.To == "":
		return clean(s.Name) + " " + clean(s.From) + " goes"
	}
	return clean(s.Name) + " " + clean(s.From) + " → " + clean(s.To)
}

// crdBreaks are the definitions whose stored objects may not survive.
func crdBreaks(c *plan.Class) []fact {
	var texts []string
	for _, crd := range c.CRDs {
		if len(crd.Breaking) > 0 {
			texts = append(texts, fmt.Sprintf("breaking: definition %s: %s", clean(crd.Name), strings.Join(crd.Breaking, "; ")))
		}
	}
	return capped(weightToKnow, "definition", texts)
}

// crdFacts list the other definitions, by what happens to them.
func crdFacts(c *plan.Class) []fact {
	var actions []plan.ObjectAction
	names := map[plan.ObjectAction][]string{}
	for _, crd := range c.CRDs {
		if len(crd.Breaking) > 0 {
			continue
		}
		if names[crd.Action] == nil {
			actions = append(actions, crd.Action)
		}
		names[crd.Action] = append(names[crd.Action], clean(crd.Name))
	}
	var parts []string
	for _, a := range actions {
		parts = append(parts, clean(string(a))+" "+shortList(names[a]))
	}
	if len(parts) == 0 {
		return nil
	}
	return []fact{{text: "custom resource definitions: " + strings.Join(parts, "; ")}}
}
