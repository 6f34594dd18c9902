package adopt

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// writer makes files of a census.
type writer struct {
	*census
	options Options
	result  *Result

	system *member
	// tenantVersion is that of most tenants.
	tenantVersion string
	// texts are all secrets, for the last look.
	texts []string
	// common are the values that all releases of a kind share, by label; that of
	// the tenants' own is empty.
	common map[string]map[string]any
	vars   []declared
	// own are the secrets that each tenant has for itself, by slug and key.
	own map[string]map[string]*ownSecret
}

// declared is a variable for one secret.
type declared struct {
	name, about string
}

type ownSecret struct {
	hole  *hole
	about string
}

// strong texts do not stand in a file by chance.
var strong = regexp.MustCompile(`[^a-z]`)

// prepare works out what is written of every release.
func (w *writer) prepare() {
	w.system = &member{Release: w.systems[0]}
	w.tenantVersion = w.mostUsed()
	w.common, w.own = map[string]map[string]any{}, map[string]map[string]*ownSecret{}
	for range 2 { // what is a secret somewhere is one everywhere
		for _, m := range w.members() {
			w.values(m)
		}
		w.texts = w.secretTexts()
	}
	w.name(w.system, "system")
	kinds := map[string][]*named{}
	for _, t := range w.tenants {
		for _, m := range append([]*member{t.main}, t.companions...) {
			kinds[m.label] = append(kinds[m.label], &named{t.slug, m})
		}
	}
	for _, label := range sortedKeys(kinds) {
		w.nameAcross(label, kinds[label])
		var all []map[string]any
		for _, n := range kinds[label] {
			all = append(all, n.plain)
		}
		w.common[label] = shared(all)
	}
}

// members are all releases of the fleet.
func (w *writer) members() []*member {
	all := []*member{w.system}
	w.system.public = nil
	for _, t := range w.tenants {
		for _, m := range append([]*member{t.main}, t.companions...) {
			m.public = []string{t.slug}
			all = append(all, m)
		}
	}
	return all
}

// mostUsed is the version that most tenants run; of several the newest by name.
func (w *writer) mostUsed() string {
	counts := map[string]int{}
	for _, t := range w.tenants {
		counts[t.main.Version]++
	}
	versions := sortedKeys(counts)
	if len(versions) == 0 {
		return ""
	}
	return slices.MaxFunc(versions, func(a, b string) int { return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b)) })
}

// values takes the values of a release apart.
func (w *writer) values(m *member) {
	config, _ := clone(m.Config).(map[string]any)
	if defaults, ok := clone(m.Defaults).(map[string]any); ok && !w.options.KeepDefaults {
		config = reduce(config, defaults)
	}
	marked := mark(newJudge(m.Release, w.texts, m.public...), func(path []string, text string) string { return w.pin(m, path, text) }, nil, config)
	m.plain, m.special = split(marked.(map[string]any))
}

// pin is the expression for a text that follows a version; empty for any other.
func (w *writer) pin(m *member, path []string, text string) string {
	switch {
	case len(path) == 0 || !pinName.MatchString(path[len(path)-1]):
		return ""
	case m == w.system && path[0] == "tenantProvisioning" && text == w.tenantVersion:
		return "var.tenant_version"
	case text == m.Version:
		return "self.version"
	}
	return ""
}

// secretTexts are the strong secrets of all releases.
func (w *writer) secretTexts() []string {
	var all []string
	for _, m := range w.members() {
		holes(m.special, func(h *hole) {
			if text, ok := h.secret.(string); ok && len(text) >= long && strong.MatchString(text) {
				all = append(all, text)
			}
		})
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// secretsOf are the holes of a release that hide something, each under a name of
// its own.
func secretsOf(m *member) (names []string, found []*hole) {
	times := map[string]int{}
	holes(m.special, func(h *hole) {
		if h.secret == nil {
			return
		}
		name := variable(strings.Split(h.path, ".")...)
		times[name]++
		if n := times[name]; n > 1 {
			name = fmt.Sprintf("%s_%d", name, n)
		}
		names, found = append(names, name), append(found, h)
	})
	return names, found
}

// name gives every secret of a release a variable.
func (w *writer) name(m *member, prefix string) {
	names, found := secretsOf(m)
	for i, h := range found {
		w.declare(prefix+"_"+names[i], h, m.Release)
	}
}

func (w *writer) declare(name string, h *hole, r *Release) {
	h.expr = typed(h, "var."+name)
	if slices.ContainsFunc(w.vars, func(d declared) bool { return d.name == name }) {
		return
	}
	w.vars = append(w.vars, declared{name, fmt.Sprintf("%s of %s", h.path, r.where())})
	w.result.Secrets = append(w.result.Secrets, Secret{Variable: name, Path: h.path, Release: r})
	w.result.Variables = append(w.result.Variables, fmt.Sprintf("%s=%v", name, h.secret))
}

// named is a member with its tenant's slug.
type named struct {
	slug string
	*member
}

// nameAcross gives the secrets of a kind of release variables: one for all where
// they share a secret, else one of each tenant's own.
func (w *writer) nameAcross(label string, all []*named) {
	type use struct {
		*named
		hole *hole
	}
	uses := map[string][]use{}
	for _, n := range all {
		names, found := secretsOf(n.member)
		for i, h := range found {
			uses[names[i]] = append(uses[names[i]], use{n, h})
		}
	}
	for _, name := range sortedKeys(uses) {
		same := len(uses[name]) > 1
		for _, u := range uses[name] {
			same = same && reflect.DeepEqual(u.hole.secret, uses[name][0].hole.secret)
		}
		key := name
		if label != "" {
			key = variable(label) + "_" + name
		}
		for _, u := range uses[name] {
			if same {
				w.declare(variable("tenant", key), u.hole, u.Release)
				continue
			}
			u.hole.expr = own(u.hole, key)
			if w.own[u.slug] == nil {
				w.own[u.slug] = map[string]*ownSecret{}
			}
			w.own[u.slug][key] = &ownSecret{u.hole, fmt.Sprintf("%s of %s", u.hole.path, u.where())}
			w.result.Secrets = append(w.result.Secrets, Secret{Variable: fmt.Sprintf("tenant_secrets[%q].%s", u.slug, key), Path: u.hole.path, Release: u.Release})
		}
	}
}

// leaks makes sure that no file holds a secret.
func (w *writer) leaks() error {
	for _, name := range sortedKeys(w.result.Files) {
		text := string(w.result.Files[name])
		for _, s := range w.texts {
			if len(s) >= 2*long && strings.Contains(text, s) || len(s) >= long && strings.Contains(text, fmt.Sprintf("%q", s)) {
				return fmt.Errorf("%s would hold in clear what is a secret elsewhere, so nothing is written. Please report this with the names of the values, not with the values", name)
			}
		}
	}
	return nil
}
