package adopt

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// hole is a value that is written as an expression.
type hole struct {
	// expr is the expression; of a secret it is known last.
	expr string
	// secret is the value that must not be written, a map where a key is one.
	secret any
	path   []string
	// texts are what is looked for elsewhere.
	texts []string
}

// hide makes a hole for a secret.
func hide(path []string, secret any) *hole {
	return &hole{secret: secret, path: path}
}

// given is a secret as its variable takes it, which is always a text.
func (h *hole) given() string {
	switch x := h.secret.(type) {
	case string:
		return x
	case map[string]any:
		data, err := json.Marshal(x)
		if err != nil {
			panic("adopt: values are not encodable: " + err.Error()) // they came as JSON
		}
		return string(data)
	}
	return literal(h.secret) // a number
}

// about tells whoever has to provide a secret which it is.
func (h *hole) about(r *Release) string {
	var at []string
	for _, name := range h.path {
		at = append(at, told(name))
	}
	text := fmt.Sprintf("%s of %s", strings.Join(at, "."), r.where())
	if _, isMap := h.secret.(map[string]any); isMap {
		text += ", as JSON"
	}
	return text
}

// told is a name as comments and remarks have it. Whoever made the release chose
// it: a line break would end a comment, and what follows be configuration.
func told(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// pinName is the name of a value that follows a version.
var pinName = regexp.MustCompile(`(?i)(^tag|imageTag|version)$`)

// mark replaces secrets, and what follows a version, by holes.
func mark(j *judge, pin func(path []string, text string) string, path []string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		name, isPair := x["name"].(string)
		hidden := isPair && j.secret(append(path[:len(path):len(path)], "name"), name)
		var keys []string
		for k, e := range x {
			if j.key(path, k) {
				keys = append(keys, k)
			}
			at := append(append([]string{}, path...), k)
			if isPair && k == "value" {
				at = append(append([]string{}, path...), name) // as in the environment of a container
			}
			out[k] = mark(j, pin, at, e)
			if hidden && k == "value" { // by its name it is judged, and not told
				holes(out[k], func(h *hole) { h.path = append(path[:len(path):len(path)], k) })
			}
		}
		if len(keys) > 0 && len(path) > 0 {
			h := hide(path, x)
			h.texts = keys
			holes(out, func(inner *hole) { h.texts = append(h.texts, inner.texts...) })
			return h
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			at := append([]string{}, path...)
			if _, isMap := e.(map[string]any); isMap {
				at = append(at, strconv.Itoa(i))
			}
			out[i] = mark(j, pin, at, e)
		}
		return out
	}
	if j.secret(path, v) {
		h := hide(path, v)
		h.texts = []string{h.given()}
		return h
	}
	if text, ok := v.(string); ok {
		if expr := pin(path, text); expr != "" {
			return &hole{expr: expr, path: path}
		}
	}
	return v
}

// split parts the values that can stand in YAML from those that are written as
// expressions. A list with one of these in it is one as a whole: lists replace
// each other.
func split(values map[string]any) (plain, special map[string]any) {
	plain, special = map[string]any{}, map[string]any{}
	for k, v := range values {
		m, isMap := v.(map[string]any)
		switch {
		case readable(k, v):
			plain[k] = v
		case isMap && readable(k, nil):
			p, s := split(m)
			if len(p) > 0 {
				plain[k] = p
			}
			special[k] = s
		default:
			special[k] = v
		}
	}
	return plain, special
}

// readable says whether every reader of YAML reads a value under a name as it
// is: there is no hole in it, no character that some of them take for the end of
// a line or refuse, and no name that has a meaning of its own.
func readable(name string, v any) bool {
	if name == "<<" || strings.ContainsFunc(name, odd) {
		return false
	}
	switch x := v.(type) {
	case *hole:
		return false
	case string:
		return !strings.ContainsFunc(x, func(r rune) bool { return odd(r) && r != '\n' && r != '\t' })
	case map[string]any:
		for k, e := range x {
			if !readable(k, e) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(x, func(e any) bool { return !readable("", e) })
	}
	return true
}

func odd(r rune) bool { return !unicode.IsPrint(r) }

// holes visits every hole, in the order of names.
func holes(v any, visit func(*hole)) {
	switch x := v.(type) {
	case *hole:
		visit(x)
	case map[string]any:
		for _, k := range sortedKeys(x) {
			holes(x[k], visit)
		}
	case []any:
		for _, e := range x {
			holes(e, visit)
		}
	}
}

// own is the expression of a secret that is a tenant's own.
func own(h *hole, key string) string {
	return typed(h, fmt.Sprintf("var.tenant_secrets[self.slug].%s", key))
}

// typed gives an expression the type of the value that it stands for; variables
// for secrets are texts.
func typed(h *hole, expr string) string {
	switch h.secret.(type) {
	case string:
		return expr
	case map[string]any:
		return "jsondecode(" + expr + ")"
	}
	return "tonumber(" + expr + ")"
}
