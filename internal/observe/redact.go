package observe

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/soctalk/fleet/internal/redact"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// shortest is how long a text must be to be looked for within others: a shorter
// one would be found everywhere by chance.
const shortest = 4

var (
	// encodedText is what may be base64 of something.
	encodedText = regexp.MustCompile(`[A-Za-z0-9+/_-]{6,}={0,2}`)
	// sum is what a hash of something looks like.
	sum = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)
	// sumKey names annotations and labels that hold one, in whatever form.
	sumKey       = regexp.MustCompile(`(?i)checksum|hash|digest|sha1|sha256|md5`)
	quantity     = regexp.MustCompile(`^[0-9.]+(m|k|Ki|M|Mi|G|Gi|T|Ti)?$`)
	quantityPath = map[string]bool{"resources": true, "requests": true, "limits": true, "hard": true}
	// freeKeys names the maps whose keys the chart makes up.
	freeKeys = map[string]bool{"data": true, "binaryData": true, "annotations": true, "labels": true, "matchLabels": true}
	// harmless are values that say nothing and that manifests are full of.
	harmless = map[string]bool{
		"true": true, "false": true, "null": true, "none": true, "always": true, "never": true, "ifnotpresent": true,
		"default": true, "info": true, "debug": true, "warn": true, "error": true, "http": true, "https": true,
	}
)

// redactor takes out of manifests what may be secret: whatever a person gave as
// a value for any release, whatever any Secret holds, and what could be guessed
// from a hash of it.
type redactor struct {
	// secrets are of Secrets and of sensitive variables, all holds the values
	// too.
	secrets, all *patterns
	public       map[string]bool
	// coded holds which texts say something secret when they are decoded.
	coded map[string]bool
	// made holds which texts were made of something secret.
	made map[string]bool
	// learned is all that is looked for, and own what is not, once that is known.
	learned, own []string
	changed      *redact.Finder
}

// patterns are texts to look for, with their lengths by how they begin, longest
// first.
type patterns struct {
	texts   map[string]bool
	lengths map[string][]int
}

func newPatterns() *patterns { return &patterns{map[string]bool{}, map[string][]int{}} }

func newRedactor(f *schema.Fleet, live *Live) *redactor {
	r := &redactor{secrets: newPatterns(), all: newPatterns(), public: map[string]bool{}, coded: map[string]bool{}, made: map[string]bool{}}
	for _, t := range f.Tenants {
		r.publish(t.Slug)
	}
	for _, release := range f.Releases() {
		r.publish(release.Namespace, release.Name)
	}
	for _, body := range live.Bodies {
		r.publish(body.ChartName, body.ChartVersion, body.AppVersion)
		// Charts are many times the same, and so are their values.
		if defaults := string(body.ChartDefaults); !slices.Contains(r.own, defaults) {
			r.own = append(r.own, defaults)
		}
	}
	for _, s := range f.Sensitive {
		r.learn(s, r.secrets, r.all)
	}
	for _, body := range live.Bodies {
		walk(body.Config, func(s string) { r.learn(s, r.all) })
		objects, _ := body.Objects() // an unreadable one is not written
		for _, o := range objects {
			if o.GetKind() == "Secret" {
				r.learnSecret(o.Object)
			}
		}
	}
	return r
}

// publish lets names stand that everybody sees, and the words they consist of.
func (r *redactor) publish(names ...string) {
	for _, name := range names {
		words := strings.Split(name, "-")
		for i := range words {
			for j := i + 1; j <= len(words); j++ {
				r.public[strings.Join(words[i:j], "-")] = true
			}
		}
	}
}

func (r *redactor) learnSecret(o plan.Object) {
	walk(o["stringData"], func(s string) { r.learn(s, r.secrets, r.all) })
	walk(o["data"], func(s string) {
		r.learn(s, r.secrets, r.all)
		if plain, err := base64.StdEncoding.DecodeString(s); err == nil {
			r.learn(string(plain), r.secrets, r.all)
		}
	})
}

// learn remembers a text, the forms that templates give it, and what in it is
// likely a secret of its own.
func (r *redactor) learn(s string, into ...*patterns) {
	add := func(forms ...string) {
		for _, v := range forms {
			if v = strings.TrimSpace(v); len(v) < shortest || r.public[v] || harmless[strings.ToLower(v)] {
				continue
			}
			for _, p := range into {
				p.add(v)
			}
		}
	}
	forms := func(v string) {
		add(redact.Forms(v)...)
		add(base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)))
	}
	if len(strings.TrimSpace(s)) < shortest || r.public[strings.TrimSpace(s)] || harmless[strings.ToLower(strings.TrimSpace(s))] {
		return
	}
	forms(s)
	r.learned = append(append(r.learned, s), redact.Lines(s)...)
	for line := range strings.Lines(s) {
		add(line)
	}
	if u, err := url.Parse(s); err == nil && u.User != nil {
		password, _ := u.User.Password()
		forms(password)
	}
	var nested any
	if strings.HasPrefix(strings.TrimSpace(s), "{") && json.Unmarshal([]byte(s), &nested) == nil {
		walk(nested, func(v string) { forms(v) })
	}
	for _, word := range strings.FieldsFunc(s, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.+", c)
	}) {
		if len(word) >= 8 && strings.ContainsFunc(word, unicode.IsDigit) && strings.ContainsFunc(word, unicode.IsLetter) {
			add(word)
		}
	}
}

func (p *patterns) add(v string) {
	if p.texts[v] {
		return
	}
	p.texts[v] = true
	begin := v[:shortest]
	if at, found := slices.BinarySearchFunc(p.lengths[begin], len(v), func(a, b int) int { return b - a }); !found {
		p.lengths[begin] = slices.Insert(p.lengths[begin], at, len(v))
	}
}

// in says whether any of the patterns is in a text.
func (p *patterns) in(s string) bool { return p.replace(s) != s }

// replace takes every pattern out of a text, overlapping ones as a whole.
func (p *patterns) replace(s string) string {
	var b strings.Builder
	done := 0 // up to here the text is written
	for i := 0; i+shortest <= len(s); {
		end := p.match(s, i)
		if end == 0 {
			i++
			continue
		}
		for j := i + 1; j < end; j++ {
			end = max(end, p.match(s, j))
		}
		b.WriteString(s[done:i])
		b.WriteString(plan.Redacted)
		done, i = end, end
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// match returns the end of the longest pattern that begins at a place, or 0.
func (p *patterns) match(s string, at int) int {
	if at+shortest > len(s) {
		return 0
	}
	for _, n := range p.lengths[s[at:at+shortest]] {
		if at+n <= len(s) && p.texts[s[at:at+n]] {
			return at + n
		}
	}
	return 0
}

// walk visits the texts of a tree, and the numbers that are long enough to be
// looked for.
func walk(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case int64, float64, json.Number:
		f(numberText(v))
	case map[string]any:
		for _, e := range v {
			walk(e, f)
		}
	case []any:
		for _, e := range v {
			walk(e, f)
		}
	}
}

func numberText(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	}
	return ""
}

// object returns a redacted copy of an object.
func (r *redactor) object(o plan.Object) plan.Object {
	out := plan.Object{}
	for k, v := range o {
		switch {
		case k == "apiVersion" || k == "kind":
			out[k] = v
		case o["kind"] == "Secret" && (k == "data" || k == "stringData"):
			out[k] = blank(v)
		default:
			out[k] = r.value(v, []string{k})
		}
	}
	return out
}

// blank keeps the keys of a Secret.
func blank(v any) any {
	keys, ok := v.(map[string]any)
	if !ok {
		return plan.Redacted
	}
	out := map[string]any{}
	for k := range keys {
		out[k] = plan.Redacted
	}
	return out
}

func (r *redactor) value(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			held := path[len(path)-1]
			if (held == "annotations" || held == "labels") && sumKey.MatchString(k) {
				continue // what it is of can be guessed
			}
			name := r.text(k, nil)
			if freeKeys[held] && r.madeOfSecret(name) {
				name = plan.Redacted
			}
			if name != k {
				e = plan.Redacted
			}
			out[name] = r.value(e, append(path[:len(path):len(path)], k))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = r.value(e, path)
		}
		return out
	case string:
		return r.text(v, path)
	case int64, float64:
		// A port or a number of replicas identifies nobody.
		if s := numberText(v); len(s) > 5 && r.all.in(s) {
			return plan.Redacted
		}
	}
	return v
}

// text redacts one text of an object; path leads to it, and is empty for a key.
func (r *redactor) text(s string, path []string) string {
	if len(path) > 0 {
		last := path[len(path)-1]
		if last == "image" {
			return r.secrets.replace(s)
		}
		if quantity.MatchString(s) && slices.ContainsFunc(path[:len(path)-1], func(p string) bool { return quantityPath[p] }) {
			return s
		}
	}
	if r.public[s] {
		return s
	}
	s = r.all.replace(s)
	s = sum.ReplaceAllString(s, plan.Redacted)
	s = encodedText.ReplaceAllStringFunc(s, func(token string) string {
		if r.encodes(token) {
			return plan.Redacted
		}
		return token
	})
	if r.saysSecret(s) || len(path) > 0 && !isName(path) && r.madeOfSecret(s) {
		return plan.Redacted // it cannot be taken out of the code around it
	}
	return s
}

// isName says whether a path leads to an object's name or namespace, which tell
// what is what, and which everybody sees who may list a kind.
func isName(path []string) bool {
	return len(path) == 2 && path[0] == "metadata" && (path[1] == "name" || path[1] == "namespace")
}

// madeOfSecret says whether what is left of a text was made of something secret.
func (r *redactor) madeOfSecret(s string) bool {
	made, known := r.made[s]
	if !known {
		made = r.finder().HoldsSome(redact.Read(s))
		r.made[s] = made
	}
	return made
}

// finder finds what templates made of what was learned.
func (r *redactor) finder() *redact.Finder {
	if r.changed == nil {
		words := redact.NewChartWords(func() []string { return slices.AppendSeq(slices.Clone(r.own), maps.Keys(r.public)) })
		r.changed = redact.NewFinder(r.learned).But(redact.NewWords(nil, words))
	}
	return r.changed
}

// saysSecret says whether what is left of a text holds a secret in a coding
// within a coding. Manifests say the same again and again.
func (r *redactor) saysSecret(s string) bool {
	says, known := r.coded[s]
	if !known {
		says = slices.ContainsFunc(redact.Decodings(s), r.all.in)
		r.coded[s] = says
	}
	return says
}

// encodes says whether a text is base64 of something secret, or of a hash.
func (r *redactor) encodes(token string) bool {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		plain, err := e.DecodeString(token)
		if err != nil {
			continue
		}
		if r.all.in(string(plain)) {
			return true
		}
		if strings.HasSuffix(token, "=") && slices.Contains([]int{16, 20, 32, 64}, len(plain)) && bytes.ContainsFunc(plain, func(c rune) bool { return c > unicode.MaxASCII }) {
			return true
		}
	}
	return false
}

// message redacts a text that this program made, which holds no values.
func (r *redactor) message(s string) string { return r.secrets.replace(s) }
