package adopt

import (
	"cmp"
	"fmt"
	"reflect"
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
	// public are the names and versions of the fleet, which the files tell, and
	// told those of them that hold a secret.
	public map[string]bool
	told   []string
	// origins are the secrets to look for in all texts, and where each stands,
	// texts the same as a list.
	origins map[string]string
	texts   []string
	search  search
	// common are the values that all releases of a kind share, by label; that of
	// the tenants' own is empty.
	common map[string]map[string]any
	vars   []declared
	// keys are the names of the tenants' secrets.
	keys map[string]bool
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

// prepare works out what is written of every release.
func (w *writer) prepare() {
	w.system = &member{Release: w.systems[0]}
	w.tenantVersion = w.mostUsed()
	w.common, w.own, w.keys = map[string]map[string]any{}, map[string]map[string]*ownSecret{}, map[string]bool{}
	w.names()
	for _, m := range w.members() {
		w.values(m)
	}
	w.collect()
	for _, m := range w.members() { // what is a secret somewhere is one everywhere
		w.values(m)
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
	for _, t := range w.tenants {
		all = append(append(all, t.main), t.companions...)
	}
	return all
}

// names collects what the files tell of every release, and of where to find it.
func (w *writer) names() {
	w.public = map[string]bool{w.options.Charts: true, w.options.Database.Name: true, w.options.Database.Key: true}
	for _, m := range w.members() {
		for _, name := range []string{m.Name, m.Namespace, m.Chart, m.Version, m.AppVersion} {
			w.public[name] = true
		}
	}
	for _, t := range w.tenants {
		w.public[t.slug] = true
	}
	for _, c := range w.options.Clusters {
		w.public[c.Name], w.public[c.Kubeconfig], w.public[c.Context] = true, true, true
	}
	delete(w.public, "")
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
	marked := mark(newJudge(m.Release, w.texts, w.search, w.public), func(path []string, text string) string { return w.pin(m, path, text) }, nil, config)
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

// collect takes down all secrets that are looked for in other texts.
func (w *writer) collect() {
	w.origins = map[string]string{}
	var names []string
	for _, m := range w.members() {
		holes(m.special, func(h *hole) {
			for _, text := range parts(h.texts) {
				if text = strings.TrimSpace(text); w.origins[text] != "" {
					continue
				}
				if w.public[text] {
					names = append(names, text)
				}
				if w.public[text] || telling(text) {
					w.origins[text] = h.about(m.Release)
				}
			}
		})
	}
	for _, text := range sortedKeys(w.origins) {
		if !w.public[text] {
			w.texts = append(w.texts, text)
		}
	}
	w.search = newSearch(w.texts)
	for _, name := range sortedKeys(w.public) {
		if found := w.search.find(name); found != "" {
			w.told = append(w.told, name)
			names = append(names, found)
		}
	}
	slices.Sort(names)
	for _, text := range slices.Compact(names) {
		w.remark("a name or a version of the fleet, which the files tell, is or holds the same as %s, which looks like a secret. If it is one, change it.", w.origins[text])
	}
}

// secretsOf are the holes of a release that hide something, each under a name of
// its own.
func (w *writer) secretsOf(m *member) (names []string, found []*hole) {
	holes(m.special, func(h *hole) {
		if h.secret == nil {
			return
		}
		name := variable(h.path...)
		if w.search.find(name) != "" {
			name = "secret"
		}
		names, found = append(names, unused(name, func(s string) bool { return slices.Contains(names, s) })), append(found, h)
	})
	return names, found
}

// unused is a name, or the first that nothing else has.
func unused(name string, taken func(string) bool) string {
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	return free
}

// name gives every secret of a release a variable.
func (w *writer) name(m *member, prefix string) {
	names, found := w.secretsOf(m)
	for i, h := range found {
		w.declare(unused(prefix+"_"+names[i], func(s string) bool { return s == "system_version" || w.declared(s) }), h, m.Release)
	}
}

func (w *writer) declared(name string) bool {
	return slices.ContainsFunc(w.vars, func(d declared) bool { return d.name == name })
}

func (w *writer) declare(name string, h *hole, r *Release) {
	h.expr = typed(h, "var."+name)
	if w.declared(name) {
		return
	}
	w.vars = append(w.vars, declared{name, h.about(r)})
	w.result.Secrets = append(w.result.Secrets, Secret{Variable: name, About: h.about(r)})
	w.result.Variables = append(w.result.Variables, name+"="+h.given())
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
		names, found := w.secretsOf(n.member)
		for i, h := range found {
			uses[names[i]] = append(uses[names[i]], use{n, h})
		}
	}
	for _, name := range sortedKeys(uses) {
		same := len(uses[name]) > 1
		for _, u := range uses[name] {
			same = same && reflect.DeepEqual(u.hole.secret, uses[name][0].hole.secret)
		}
		key := unused(variable(label, name), func(s string) bool { return w.keys[s] || s == "version" || s == "secrets" })
		w.keys[key] = true
		for _, u := range uses[name] {
			if same {
				w.declare(variable("tenant", key), u.hole, u.Release)
				continue
			}
			u.hole.expr = own(u.hole, key)
			if w.own[u.slug] == nil {
				w.own[u.slug] = map[string]*ownSecret{}
			}
			w.own[u.slug][key] = &ownSecret{u.hole, u.hole.about(u.Release)}
			w.result.Secrets = append(w.result.Secrets, Secret{Variable: fmt.Sprintf("tenant_secrets[%q].%s", u.slug, key), About: u.hole.about(u.Release)})
		}
	}
}
