package redact

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
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
	// shortestBase32 is base32 of such a secret.
	shortestBase32 = 7
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
	// What quotes all of a text comes first: of codes within it there may be too many.
	var all []string
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
	all = base64Texts(text, all)
	if strings.ContainsAny(text, "\r\n") {
		all = base64Texts(strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(text), all)
	}
	all = hexTexts(text, all)
	all = base32Texts(text, all)
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

// hexTexts adds the readable parts of everything that may be hexadecimal, also
// byte by byte: 63 61 6e, 63:61:6e, 0x63, 0x61.
func hexTexts(text string, all []string) []string {
	if len(text) < 2*whole {
		return all
	}
	var digits []byte
	add := func(code []byte) {
		for offset := range 2 {
			if plain := code[min(offset, len(code)):]; len(plain) >= 2*whole {
				all = readable(unhex(plain), all)
			}
		}
	}
	for i := 0; i < len(text); {
		digits = digits[:0]
		i = skipPrefix(text, i)
		start, joined := i, false
		for i < len(text) {
			if isHex(text[i]) {
				digits = append(digits, text[i])
				i++
				continue
			}
			group := digits[len(digits)-min(i-start, len(digits)):]
			next := i
			for next < len(text) && next < i+2 && strings.IndexByte(" :,", text[next]) >= 0 {
				next++
			}
			next = skipPrefix(text, next)
			if len(group)%2 == 1 || len(group) == 0 || next == i || next+1 >= len(text) || !isHex(text[next]) || !isHex(text[next+1]) {
				break
			}
			add(group)
			i, start, joined = next, next, true
		}
		if joined {
			add(digits[len(digits)-min(i-start, len(digits)):])
		}
		add(digits)
		i++
	}
	return all
}

func skipPrefix(text string, i int) int {
	if strings.HasPrefix(text[i:], "0x") || strings.HasPrefix(text[i:], "0X") {
		return i + 2
	}
	return i
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(digits []byte) string {
	plain := make([]byte, len(digits)/2)
	_, _ = hex.Decode(plain, digits[:len(plain)*2]) // they are all digits
	return string(plain)
}

// base32Texts adds the readable parts of everything that may be base32, in
// capitals or small letters.
func base32Texts(text string, all []string) []string {
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (text[i] >= 'A' && text[i] <= 'Z' || text[i] >= 'a' && text[i] <= 'z' || text[i] >= '2' && text[i] <= '7') {
			continue
		}
		code := text[start:i]
		start = i + 1
		if len(code) < shortestBase32 {
			continue
		}
		capitals := strings.ToUpper(code)
		if code != capitals && code != SmallLetters(code) {
			continue
		}
		for len(capitals)%8 == 1 || len(capitals)%8 == 3 || len(capitals)%8 == 6 { // no base32 has these lengths
			capitals = capitals[:len(capitals)-1]
		}
		if plain, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(capitals); err == nil {
			all = readable(string(plain), all)
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
