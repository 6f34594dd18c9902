package redact

import (
	"encoding/base64"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// deep is how many codings may lie one upon another.
	deep = 3
	// many bounds the readings of one text.
	many = 200
	// shortestCode is base64 of a secret that is looked for within texts.
	shortestCode = 6
)

// Decodings are all other readings of a text: what it says when it, or a part of
// it, is taken for coded, also several times over.
func Decodings(text string) []string {
	var all []string
	layer := []string{text}
	for range deep {
		var next []string
		for _, t := range layer {
			for _, d := range readings(t) {
				if d != text && !slices.Contains(all, d) && len(all) < many {
					all, next = append(all, d), append(next, d)
				}
			}
		}
		layer = next
	}
	return all
}

// readings are what a text says when it is taken for coded in one way.
func readings(text string) []string {
	all := base64Texts(text, nil)
	if strings.ContainsAny(text, "\r\n") {
		all = base64Texts(strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(text), all)
	}
	add := func(read string) {
		if read != text {
			all = append(all, read)
		}
	}
	if strings.Contains(text, `\`) {
		add(unescaped(text))
	}
	if strings.Contains(text, "%") {
		add(percentDecoded(text))
	}
	if strings.Contains(text, "+") {
		add(percentDecoded(strings.ReplaceAll(text, "+", " ")))
	}
	if strings.Contains(text, "&") {
		add(html.UnescapeString(text))
	}
	if strings.Contains(text, "''") {
		add(strings.ReplaceAll(text, "''", "'"))
	}
	return all
}

// base64Texts adds the readable parts of everything that may be base64, in
// either alphabet. Where a code begins is not known.
func base64Texts(text string, all []string) []string {
	for _, run := range codes(text) {
		code := strings.NewReplacer("-", "+", "_", "/").Replace(text[run[0]:run[1]])
		for offset := range 4 {
			if len(code) < offset+shortestCode {
				break
			}
			part := code[offset:]
			if len(part)%4 == 1 { // no base64 has this length
				part = part[:len(part)-1]
			}
			if plain, err := base64.RawStdEncoding.DecodeString(part); err == nil {
				all = readable(string(plain), all)
			}
		}
	}
	return all
}

// codes are where in a text base64 may stand, without its padding.
func codes(text string) [][2]int {
	var runs [][2]int
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && inCode(text[i]) {
			continue
		}
		if i-start >= shortestCode {
			runs = append(runs, [2]int{start, i})
		}
		start = i + 1
	}
	return runs
}

func inCode(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// readable adds the parts that are text and long enough to hold a secret.
func readable(s string, all []string) []string {
	start := 0
	for i := 0; i <= len(s); {
		r, size := utf8.RuneError, 1
		if i < len(s) {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			if i-start >= whole {
				all = append(all, s[start:i])
			}
			start = i + size
		}
		i += size
	}
	return all
}

// unescaped takes the backslashes of JSON, JavaScript and Go off a text.
func unescaped(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		i := strings.IndexByte(text, '\\')
		if i < 0 || i == len(text)-1 {
			break
		}
		b.WriteString(text[:i])
		quote := text[i+1]
		if quote == '\'' || quote == '"' || quote == '/' {
			b.WriteByte(quote)
			text = text[i+2:]
			continue
		}
		r, multibyte, rest, err := strconv.UnquoteChar(text[i:], 0)
		switch {
		case err != nil:
			b.WriteByte('\\')
			text = text[i+1:]
			continue
		case multibyte:
			b.WriteRune(r)
		default:
			b.WriteByte(byte(r))
		}
		text = rest
	}
	b.WriteString(text)
	return b.String()
}

// percentDecoded leaves alone what is no code.
func percentDecoded(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		i := strings.IndexByte(text, '%')
		if i < 0 || i+3 > len(text) {
			break
		}
		b.WriteString(text[:i])
		if c, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
			b.WriteByte(byte(c))
			text = text[i+3:]
		} else {
			b.WriteByte('%')
			text = text[i+1:]
		}
	}
	b.WriteString(text)
	return b.String()
}
