package plan

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/soctalk/fleet/internal/redact"
	"github.com/soctalk/fleet/schema"
)

// Why a field's values are not shown.
const (
	maskedSecret   = "secret"   // Secret data, or text that contains some
	maskedValue    = "value"    // text that came from a values file
	maskedUnstable = "unstable" // differs from one render to the next
	maskedChecksum = "checksum" // of something that may be secret
)

// mask decides which field values may be shown. Whatever a person put into the
// values may be a secret, so text that contains any of it stays hidden; what is
// shown is the chart's own text and what cannot be a secret by its place:
// images, replicas, quantities, booleans.
type mask struct {
	// secrets and values are found in texts, names in the names of images.
	secrets, values, names []*redact.Finder
}

// sensitive is what the files call sensitive, made ready to be looked for: it is
// the same for all releases.
type sensitive struct{ texts, names *redact.Finder }

// sensitives is made once, when it is first needed.
type sensitives struct {
	once sync.Once
	of   sensitive
}

func (s *sensitives) in(f *schema.Fleet) sensitive {
	s.once.Do(func() {
		texts := withLines(slices.Clone(f.Sensitive))
		s.of = sensitive{redact.NewFinder(texts), redact.NewFinder(names(texts))}
	})
	return s.of
}

// names are the secrets that are looked for in the names of images. A short text,
// such as the name of a database, is in a Secret and in an image by chance.
func names(secrets []string) []string {
	return slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < 8 })
}

// newMask gathers what must not be shown. known are secrets too; public are texts
// that the plan tells anyway, such as the versions; values may hold them. own is
// what charts themselves say.
func newMask(files sensitive, known, public []string, own []*redact.ChartWords, values []map[string]any, objects ...[]Object) *mask {
	var secrets, texts []string
	secrets = append(secrets, known...)
	for _, v := range values {
		texts = leaves(texts, v)
	}
	texts = withLines(slices.DeleteFunc(texts, func(s string) bool { return slices.Contains(public, s) }))
	for _, list := range objects {
		for _, o := range list {
			if kindOf(o) != "Secret" {
				continue
			}
			secrets = leaves(secrets, o["stringData"])
			data, _ := o["data"].(map[string]any)
			for _, v := range data {
				s, _ := v.(string)
				if plain, err := base64.StdEncoding.DecodeString(s); err == nil {
					secrets = append(secrets, string(plain))
				}
				secrets = append(secrets, s)
			}
		}
	}
	secrets = withLines(secrets)
	words := redact.NewWords(public, own...)
	return &mask{
		secrets: []*redact.Finder{files.texts.But(words), redact.NewFinder(secrets).But(words)},
		values:  []*redact.Finder{redact.NewFinder(texts).But(words)},
		names:   []*redact.Finder{files.names.But(words), redact.NewFinder(names(secrets)).But(words)},
	}
}

func found(finders []*redact.Finder, t redact.Text) bool {
	return slices.ContainsFunc(finders, func(f *redact.Finder) bool { return f.HoldsSome(t) })
}

// withLines adds the lines of texts, which charts indent.
func withLines(texts []string) []string {
	for _, s := range texts[:len(texts):len(texts)] {
		texts = append(texts, redact.Lines(s)...)
	}
	return texts
}

// leaves collects the texts of a tree. Short numbers and booleans are left out:
// they identify nobody and stand everywhere.
func leaves(into []string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			into = leaves(into, x)
		}
	case []any:
		for _, x := range v {
			into = leaves(into, x)
		}
	case string:
		if v != "" {
			into = append(into, v)
		}
	case int64:
		into = longNumber(into, strconv.FormatInt(v, 10))
	case float64:
		into = longNumber(into, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return into
}

func longNumber(into []string, s string) []string {
	if len(s) > 5 { // longer than any port
		return append(into, s)
	}
	return into
}

var (
	quantity     = regexp.MustCompile(`^[0-9.]+(m|k|Ki|M|Mi|G|Gi|T|Ti)?$`)
	quantityPath = regexp.MustCompile(`\.(resources|requests|limits|hard)(\.|\[|$)`)
	checksumPath = regexp.MustCompile(`annotations\["?[^]]*(checksum|hash)`)
	// freePath leads to a map whose keys the chart makes up.
	freePath = regexp.MustCompile(`(^|\.)(data|stringData|binaryData|annotations|labels|matchLabels)$`)
)

// field renders one change for a person, masked where it must be.
func (m *mask) field(kind string, c change) FieldDiff {
	path := strings.TrimPrefix(strings.Join(c.path, ""), ".")
	f := FieldDiff{Path: m.path(c.path)}
	before, after := m.show(kind, path, c.before, c.hasBefore), m.show(kind, path, c.after, c.hasAfter)
	for _, s := range []shown{before, after} {
		if s.masked != "" {
			f.Masked = s.masked
			return f
		}
	}
	f.Before, f.After = before.text, after.text
	return f
}

// hidesImage says whether an image's name holds a secret.
func (m *mask) hidesImage(image string) bool {
	return slices.ContainsFunc(m.names, func(f *redact.Finder) bool { return f.Has(image) })
}

// path renders a path. Keys that hold a secret or a value are hidden where the
// chart makes them up.
func (m *mask) path(elements []string) string {
	path := ""
	for _, e := range elements {
		if freePath.MatchString(path) {
			if key := redact.Read(strings.Trim(e, `.[]"`)); found(m.secrets, key) || found(m.values, key) {
				e = "[(hidden)]"
			}
		}
		path += e
	}
	return strings.TrimPrefix(path, ".")
}

type shown struct{ text, masked string }

func (m *mask) show(kind, path string, v any, has bool) shown {
	if !has {
		return shown{}
	}
	switch {
	case kind == "Secret" && (strings.HasPrefix(path, "data") || strings.HasPrefix(path, "stringData")):
		return shown{masked: maskedSecret}
	case checksumPath.MatchString(path):
		return shown{masked: maskedChecksum}
	}
	text, err := encode(v)
	if err != nil {
		return shown{masked: maskedValue}
	}
	if s, ok := v.(string); ok && strings.HasSuffix(path, ".image") {
		if m.hidesImage(s) {
			return shown{masked: maskedSecret}
		}
		return shown{text: text}
	}
	var all []redact.Text
	for _, leaf := range leaves(freeKeys(nil, path, v), v) {
		all = append(all, redact.Read(leaf))
	}
	said := all
	if s, ok := v.(string); !ok || text != `"`+s+`"` {
		said = append(said, redact.Read(text))
	}
	for _, t := range said {
		if found(m.secrets, t) {
			return shown{masked: maskedSecret}
		}
		if t.HoldsSum() {
			return shown{masked: maskedChecksum}
		}
	}
	if s, ok := v.(string); ok && quantityPath.MatchString(path) && quantity.MatchString(s) {
		return shown{text: text}
	}
	for _, t := range all {
		if found(m.values, t) {
			return shown{masked: maskedValue}
		}
	}
	return shown{text: text}
}

// freeKeys collects the keys of a tree that the chart makes up. path leads to it.
func freeKeys(into []string, path string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		free := freePath.MatchString(path)
		for k, x := range v {
			if free {
				into = append(into, k)
			}
			into = freeKeys(into, path+fieldKey(k), x)
		}
	case []any:
		for _, x := range v {
			into = freeKeys(into, path+"[]", x)
		}
	}
	return into
}

// encode renders a value as JSON that a person can read.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
