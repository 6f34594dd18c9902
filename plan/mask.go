package plan

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/soctalk/fleet/internal/redact"
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
	secrets []string
	values  []string
}

// newMask gathers what must not be shown. public are texts that the plan tells
// anyway, such as the versions; values may hold them.
func newMask(sensitive, public []string, values []map[string]any, objects ...[]Object) *mask {
	m := &mask{secrets: slices.Clone(sensitive)}
	for _, v := range values {
		m.values = leaves(m.values, v)
	}
	m.values = slices.DeleteFunc(m.values, func(s string) bool { return slices.Contains(public, s) })
	m.values = withLines(m.values)
	for _, list := range objects {
		for _, o := range list {
			if kindOf(o) != "Secret" {
				continue
			}
			m.secrets = leaves(m.secrets, o["stringData"])
			data, _ := o["data"].(map[string]any)
			for _, v := range data {
				s, _ := v.(string)
				if plain, err := base64.StdEncoding.DecodeString(s); err == nil {
					m.secrets = append(m.secrets, string(plain))
				}
				m.secrets = append(m.secrets, s)
			}
		}
	}
	m.secrets = withLines(slices.DeleteFunc(m.secrets, func(s string) bool { return s == "" }))
	return m
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

// hidesImage says whether an image's name holds a secret. A short text, such as
// the name of a database, is in a Secret and in an image by chance.
func (m *mask) hidesImage(image string) bool {
	return slices.ContainsFunc(m.secrets, func(s string) bool { return len(s) >= 8 && strings.Contains(image, s) })
}

// path renders a path. Keys that hold a secret or a value are hidden where the
// chart makes them up.
func (m *mask) path(elements []string) string {
	path := ""
	for _, e := range elements {
		if freePath.MatchString(path) {
			if key := strings.Trim(e, `.[]"`); redact.Holds(key, m.secrets) || redact.Holds(key, m.values) {
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
	for _, leaf := range append(leaves(nil, v), text) {
		if redact.Holds(leaf, m.secrets) {
			return shown{masked: maskedSecret}
		}
		if redact.HoldsSum(leaf) {
			return shown{masked: maskedChecksum}
		}
	}
	if s, ok := v.(string); ok && quantityPath.MatchString(path) && quantity.MatchString(s) {
		return shown{text: text}
	}
	for _, leaf := range leaves(nil, v) {
		if redact.Holds(leaf, m.values) {
			return shown{masked: maskedValue}
		}
	}
	return shown{text: text}
}

// encode renders a value as JSON that a person can read.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
