package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

var secrets = []string{"hunter2-hunter2", "qZ7k", `a"b'c<d>&e%f\g é`, "x"}

func TestHolds(t *testing.T) {
	t.Parallel()
	encode := base64.StdEncoding.EncodeToString
	for _, secret := range secrets[:3] {
		escaped, _ := json.Marshal(map[string]string{"k": secret})
		for name, text := range map[string]string{
			"as it is":         secret,
			"within":           "user:" + secret + "@host",
			"base64":           encode([]byte(secret)),
			"base64, off by 1": encode([]byte("!" + secret + "!")),
			"base64, off by 2": encode([]byte("!!" + secret + "!!")),
			"base64 of URLs":   base64.RawURLEncoding.EncodeToString([]byte("ÿÿ?" + secret)),
			"base64 of base64": encode([]byte("Basic " + encode([]byte("user:"+secret)))),
			"base64 of JSON":   "config " + encode(escaped),
			"base64 in lines":  strings.Join([]string{encode([]byte(secret))[:5], encode([]byte(secret))[5:]}, "\n"),
			"base64 in a path": "https://example.com/a/" + encode([]byte("user:"+secret)),
			"JSON":             string(escaped),
			"JSON in JSON":     strconv.Quote(string(escaped)),
			"query":            "https://host/?a=" + url.QueryEscape(secret) + "&b",
			"path":             "https://host/" + url.PathEscape(secret) + "?b",
			"Go":               strconv.QuoteToASCII(secret),
			"HTML":             html.EscapeString(secret),
			"JavaScript":       template.JSEscapeString(secret),
			"YAML":             "'" + strings.ReplaceAll(secret, "'", "''") + "'",
		} {
			if !Holds(text, secrets) {
				t.Errorf("%q in %s is not found in %q", secret, name, text)
			}
		}
	}
	for _, text := range []string{"", "soctalk-adapter", "ghcr.io/soctalk/soctalk-api:0.2.1", "x marks the spot", "https://example.com/a%20b?c=d", "sha256:0badcafe0badcafe"} {
		if Holds(text, secrets) {
			t.Errorf("%q holds none", text)
		}
	}
	if !Holds("x", secrets) {
		t.Error("a short secret is found as the whole text")
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	code := base64.StdEncoding.EncodeToString([]byte("user:qZ7k"))
	if got := Codes("bad "+code+", and "+code+" of soctalk-adapter", secrets, "…"); got != "bad …, and … of soctalk-adapter" {
		t.Errorf("got %q", got)
	}
	if got := Codes("bad 717a376b, OFNDO2Y and 00112233", []string{"qZ7k"}, "…"); got != "bad …, … and 00112233" {
		t.Errorf("got %q", got)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "none": "none", "a Qz7K and qZ7k": "a … and …", "qz7kqz7k": "……", "\xffÄ QZ7K\xff": "\xffÄ …\xff"} {
		if got := Replace(text, "qZ7k", "…"); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	if got := Lines("first line\n  second line\n{\n"); len(got) != 2 || got[1] != "second line" {
		t.Errorf("got %q", got)
	}
	if got := Lines("one line\n"); got != nil {
		t.Errorf("got %q", got)
	}
}

func BenchmarkHolds(b *testing.B) {
	var many []string
	for i := range 200 {
		many = append(many, "secret-value-"+strconv.Itoa(i))
	}
	for b.Loop() {
		Holds(`{"name":"soctalk-adapter","image":"ghcr.io/soctalk/soctalk-api:0.2.1"}`, many)
	}
}
