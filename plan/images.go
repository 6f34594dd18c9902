package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// imageChanges are the containers, init containers among them, whose image
// changes in a hop; sorted, each once.
func imageChanges(changes []objectChange, id identity, m *mask) []ImageChange {
	var out []ImageChange
	for _, o := range changes {
		before, after := containers(o.before), containers(o.after)
		name := func(c string) string { return id.remove(o.key.kind + "/" + o.key.name + "/" + c) }
		for _, c := range before {
			a := c.in(after)
			if c.image != a {
				out = append(out, ImageChange{Container: name(c.name), From: m.image(id, c.image), To: m.image(id, a)})
			}
		}
		for _, c := range after {
			if c.in(before) == "" && c.image != "" {
				out = append(out, ImageChange{Container: name(c.name), To: m.image(id, c.image)})
			}
		}
	}
	slices.SortFunc(out, func(x, y ImageChange) int {
		return cmp.Or(cmp.Compare(x.Container, y.Container), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	return slices.Compact(out)
}

// in returns the image that a container of the same name has.
func (c container) in(list []container) string {
	for _, x := range list {
		if x.name == c.name {
			return x.image
		}
	}
	return ""
}

// image renders an image for a class; hidden when a Secret holds part of it.
func (m *mask) image(id identity, image string) string {
	if m.hidesImage(image) {
		return "(hidden)"
	}
	return id.remove(image)
}

// majorImages names, one a line, the containers of StatefulSets whose image goes
// to another major version: what keeps data changes how it keeps it.
func majorImages(changes []objectChange, id identity, m *mask) []string {
	var notes []string
	for _, o := range changes {
		if o.key.kind != "StatefulSet" || o.action != Change {
			continue
		}
		after := containers(o.after)
		for _, c := range containers(o.before) {
			a := c.in(after)
			if majorDiffers(c.image, a) {
				notes = append(notes, fmt.Sprintf("breaking: StatefulSet %s goes to another major version: %s → %s", id.remove(o.key.name), m.image(id, c.image), m.image(id, a)))
			}
		}
	}
	slices.Sort(notes)
	return slices.Compact(notes)
}

// majorDiffers holds the tags of one image against each other. Tags that are no
// versions say nothing.
func majorDiffers(before, after string) bool {
	nameB, tagB := splitImage(before)
	nameA, tagA := splitImage(after)
	if nameB != nameA {
		return false
	}
	b, errB := semver.NewVersion(tagB)
	a, errA := semver.NewVersion(tagA)
	return errB == nil && errA == nil && b.Major() != a.Major()
}

// splitImage returns an image's name, without registry and folder, and its tag.
func splitImage(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	name = image[strings.LastIndexByte(image, '/')+1:]
	name, tag, _ = strings.Cut(name, ":")
	return name, tag
}

// images calls found for every container image of an object.
func images(v any, found func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "image" {
				found(s)
			} else {
				images(x, found)
			}
		}
	case []any:
		for _, x := range v {
			images(x, found)
		}
	}
}
