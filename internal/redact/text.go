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

// Replace replaces a secret, which is not empty, in whatever case it stands in a
// text.
func Replace(text, secret, by string) string {
	small, secret := SmallLetters(text), SmallLetters(secret)
	var b strings.Builder
	at := 0
	for {
		i := strings.Index(small[at:], secret)
		if i < 0 {
			if at == 0 {
				return text
			}
			b.WriteString(text[at:])
			return b.String()
		}
		b.WriteString(text[at : at+i])
		b.WriteString(by)
		at += i + len(secret)
	}
}

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// Codes replaces everything in a text that may be base64, base32 or hexadecimal
// and holds one of the secrets.
func Codes(text string, secrets []string, by string) string {
	runs := codes(text)
	if len(runs) == 0 || len(secrets) == 0 {
		return text
	}
	finder := NewFinder(secrets)
	for i := len(runs) - 1; i >= 0; i-- {
		start, end := runs[i][0], runs[i][1]
		code := text[start:end]
		for _, plain := range base32Texts(code, hexTexts(code, base64Texts(code, nil))) {
			if finder.Holds(Read(plain)) {
				text = text[:start] + by + strings.TrimLeft(text[end:], "=")
				break
			}
		}
	}
	return text
}
