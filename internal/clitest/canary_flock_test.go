package clitest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// canary is a secret in the shapes that secrets have.
type canary struct {
	Plain string `json:"plain"`
	// Meta is full of what patterns, quoting and URLs take for themselves.
	Meta string `json:"meta"`
	// Multi has several lines, such as a private key.
	Multi string `json:"multi"`
	// Short is as short as passwords get.
	Short string `json:"short"`
}

// song is in every canary that is long enough for it. Its cases tell whether one
// of them was changed.
const song = "c4N4ry"

func newCanary(source string) canary {
	name := song + "-" + source
	return canary{
		Plain: name + "-8f3e",
		Meta:  name + `.*+?(x)[y]^$|"'<&>% /é=` + song,
		Multi: "-----BEGIN " + name + "-----\n" + song + "+" + source + "/one\n  " + song + "+" + source + "/two\n-----END " + song + "-----\n",
		Short: "q" + strings.ToLower(rand.Text()[:1]) + "Zk" + strings.ToLower(rand.Text()[:1]),
	}
}

func newID() string { return "x" + strings.ToLower(rand.Text()[:6]) }

func (c canary) json() string {
	text, _ := json.Marshal(c)
	return string(text)
}

func (c canary) fields() map[string]string {
	return map[string]string{"plain": c.Plain, "meta": c.Meta, "multi": c.Multi, "short": c.Short}
}

// hcl is an object in the fleet language, on one line.
func (c canary) hcl() string {
	text := "{ "
	for name, value := range c.fields() {
		text += name + " = " + quoteHCL(value) + ", "
	}
	return text + "}"
}

func quoteHCL(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}

// flock holds the canaries by their source.
type flock map[string]canary

type needle struct{ name, text string }

// needles are what must be found nowhere: the song and every short secret, in
// clear and in other cases, in hexadecimal and at all three places of base64, and
// digests that could be guessed.
func (f flock) needles() []needle {
	all := coded("the song", song)
	all = append(all, needle{"the song with its fours replaced", strings.ReplaceAll(song, "4", "-")},
		needle{"the song in base32", base32.StdEncoding.EncodeToString([]byte(song))[:len(song)*8/5]})
	for source, c := range f {
		all = append(all, coded("short secret of "+source, c.Short)...)
		for _, text := range []string{c.Plain, c.Meta, c.Multi, c.Short} {
			for _, version := range []string{"", leakyFrom, leakyTo} {
				sum := sha256.Sum256([]byte(text + version))
				all = append(all, needle{fmt.Sprintf("digest of %s", source), hex.EncodeToString(sum[:])[:16]})
			}
		}
	}
	return all
}

func coded(name, text string) []needle {
	var all []needle
	for _, form := range []struct{ how, text string }{{"", text}, {" in capitals", strings.ToUpper(text)}, {" in small letters", strings.ToLower(text)}} {
		code := hex.EncodeToString([]byte(form.text))
		all = append(all, needle{name + form.how + " in clear", form.text}, needle{name + form.how + " in hexadecimal", code},
			needle{name + form.how + " in hexadecimal capitals", strings.ToUpper(code)})
		for offset := range 3 {
			// What comes before and after shares characters with the first and last byte.
			code := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + form.text + "\x00\x00"))
			first, end := (offset*8+5)/6, (offset+len(form.text))*8/6
			all = append(all, needle{name + form.how + " in base64", code[first:end]})
		}
	}
	return all
}

// squashed is a text without what case and separators make of it.
func squashed(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, text)
}
