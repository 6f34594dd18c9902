package redact

import (
	"encoding/json"
	"html"
	"html/template"
	"net/url"
	"strconv"
	"strings"
)

// Forms are a secret and what it looks like where a program quotes it, base64
// left out: that has no form of its own within a longer text.
func Forms(secret string) []string {
	all := []string{secret}
	add := func(form string) {
		for _, known := range all {
			if known == form {
				return
			}
		}
		all = append(all, form)
	}
	if text, err := json.Marshal(secret); err == nil {
		add(inner(string(text)))
	}
	plain := &strings.Builder{}
	encoder := json.NewEncoder(plain)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(secret) == nil {
		add(inner(strings.TrimSpace(plain.String())))
	}
	add(inner(strconv.Quote(secret)))
	add(inner(strconv.QuoteToASCII(secret)))
	add(url.QueryEscape(secret))
	add(url.PathEscape(secret))
	add(html.EscapeString(secret))
	add(template.JSEscapeString(secret))
	add(strings.ReplaceAll(secret, "'", "''"))
	return all
}

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// Codes replaces everything in a text that may be base64 and holds one of the
// secrets.
func Codes(text string, secrets []string, by string) string {
	runs := codes(text)
	for i := len(runs) - 1; i >= 0; i-- {
		start, end := runs[i][0], runs[i][1]
		for _, plain := range base64Texts(text[start:end], nil) {
			if Holds(plain, secrets) {
				text = text[:start] + by + strings.TrimLeft(text[end:], "=")
				break
			}
		}
	}
	return text
}
