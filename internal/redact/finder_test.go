package redact

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// made is what templates make of a secret: the functions of sprig that give back
// some of it.
func made(secret string) map[string]string {
	b64 := base64.StdEncoding.EncodeToString
	lower, upper := strings.ToLower(secret), strings.ToUpper(secret)
	spaced := strings.Join(strings.Split(secret, ""), " ")
	return map[string]string{
		"lower":            lower,
		"upper":            upper,
		"lower, within":    "user:" + lower + "@host",
		"hex":              fmt.Sprintf("%x", secret),
		"hex, within":      fmt.Sprintf("key=%x;", secret),
		"hex in capitals":  fmt.Sprintf("%X", secret),
		"hex, spaced":      fmt.Sprintf("% x in 1.0.0", secret),
		"hex, prefixed":    fmt.Sprintf("%# x", secret),
		"hex with a 0x":    fmt.Sprintf("%#x", secret),
		"hex of lower":     fmt.Sprintf("%x", lower),
		"hex and digits":   fmt.Sprintf("a%x", secret),
		"base64 of lower":  b64([]byte(lower)),
		"base64 of upper":  b64([]byte("user:" + upper)),
		"base64 of hex":    b64(fmt.Appendf(nil, "%x", secret)),
		"base32":           base32.StdEncoding.EncodeToString([]byte(secret)),
		"base32 as a name": strings.ToLower(strings.TrimRight(base32.StdEncoding.EncodeToString([]byte(secret)), "=")),
		"repeat":           strings.Repeat(secret, 3),
		"repeat of lower":  strings.Repeat(lower, 3),
		"quote":            strconv.Quote(lower),
		"split":            spaced,
		"split, of upper":  strings.ToUpper(spaced),
		"squote":           "'" + secret + "'",
	}
}

// cut is what templates make of a longer secret when they take away from it.
func cut(secret string) map[string]string {
	return map[string]string{
		"trunc":             secret[:8],
		"trunc, within":     "a " + secret[:8] + " b",
		"trunc of lower":    strings.ToLower(secret[:8]),
		"trunc -8":          secret[len(secret)-8:],
		"trunc 6":           secret[:6] + "/x",
		"substr":            secret[2 : 2+max(6, (len(secret)+1)/2)],
		"abbrev":            secret[:9] + "...",
		"hex of trunc":      fmt.Sprintf("%x", secret[:8]),
		"base64 of trunc":   base64.StdEncoding.EncodeToString([]byte(secret[:8])),
		"replace":           strings.ReplaceAll(secret, "y", "-"),
		"replace by none":   strings.ReplaceAll(secret, "y", ""),
		"replace by more":   strings.ReplaceAll(secret, "y", "<y>"),
		"replace, of lower": strings.ReplaceAll(strings.ToLower(secret), "n", "*"),
	}
}

func TestFinderFindsWhatTemplatesMake(t *testing.T) {
	t.Parallel()
	const long, camel, short, words = "CanaryXyz12345", "hunterTwo-secretYes", "qZ7k", "Пароль-Yes-12345"
	check := func(secret, how, text string, finds func(Text) bool) {
		t.Helper()
		if !finds(Read(text)) {
			t.Errorf("%q is not found after %s in %q", secret, how, text)
		}
	}
	own := NewWords([]string{"soctalk-system", "acme"}, NewChartWords(func() []string { return []string{"image: soctalk-adapter", "in the config of"} }))
	for _, secret := range []string{long, camel, short, words, "two words", "a-b_c.d", "0x6d61"} {
		whole, some := NewFinder([]string{"other-value", secret, "x"}), NewFinder([]string{"other-value", secret, "x"}).But(own)
		for how, text := range made(secret) {
			check(secret, how, text, whole.Holds)
			check(secret, how, text, some.HoldsSome)
		}
	}
	for _, secret := range []string{long, camel} {
		f := NewFinder([]string{"other-value", secret}).But(own)
		for how, text := range cut(secret) {
			check(secret, how, text, f.HoldsSome)
		}
	}
	for secret, forms := range map[string][]string{
		long:                 {"canary_xyz12345", "canary-xyz12345", "Canary Xyz 12345", "CanaryXyz\n12345", "cANARYxYZ12345", "Cana/ryXy/z123/45"},
		"canary_xyz-12345":   {"CanaryXyz12345", "canary-xyz_12345", "canaryxyz12345"},
		"two words of canar": {"twowordsofcanar", "Two Words Of Canar"},
		"qZ7k":               {"q_z7k", "q-z7k and", "Q-Z7K"},
		`a7b3.*+?(x)[y]^$|"'<&>% /=C9d1e7f2(%&/#'+*)`: {`A7B3.*+?(x)[y]^$|"'<&>% /=c9d1e7f2(%&/#'+*)`, "a7b3 x y c9d1e7f2"},
	} {
		for _, text := range forms {
			check(secret, "a change of case", text, NewFinder([]string{secret}).But(own).Holds)
		}
	}
}

func TestFinderLeavesWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	values := []string{
		"info", "warning", "production", "acme.soc.example.com", "https://idp.example.com/realms/acme", "postgresql://u@acme-postgresql:5432/soctalk",
		"soctalk-system-api", "RollingUpdate", "kubernetes.io/hostname", "standard", "3600", "http://soctalk-system-api.soctalk-system.svc.cluster.local:8000", "CanaryXyz12345", "is",
		"# ====== server ======", "-----END CERTIFICATE-----", "*/15 * * * 1-5",
	}
	own := NewWords([]string{"soctalk-system", "acme", "0.2.1"}, NewChartWords(func() []string {
		return []string{"name: {{ .Release.Name }}-postgresql", "image: ghcr.io/soctalk/soctalk-api", "level: INFO", "DATABASE_URL: postgresql://", "a production database"}
	}))
	f := NewFinder(values).But(own)
	for _, text := range []string{
		"", "INFO", "Production", "acme-postgresql", "soctalk-system-adapter", "soctalk-adapter", "ghcr.io/soctalk/soctalk-api:0.2.1", "kubernetes.io/os",
		"https://docs.soctalk.io/upgrade", "https://registry.soctalk.io", "SOCTALK_API_TOKEN", "Recreate", "/etc/soctalk/config.yaml", "ClusterIP", "http", "8000",
		"topology.kubernetes.io/zone", "canar", "345-xyz-12", "this is what it does", "x.svc.cluster.local", "sh -c 'exec api --listen :8000'", "-----BEGIN CERTIFICATE-----",
		"the server answers", "--tls-certificate=/etc/tls.crt", "at 15:15:00",
	} {
		if f.HoldsSome(Read(text)) {
			t.Errorf("%q comes from none of the values", text)
		}
	}
	// As it was given, a value is hidden whatever else says it.
	for _, text := range []string{"info", "a production database", "soctalk-system-api"} {
		if !f.HoldsSome(Read(text)) {
			t.Errorf("%q is a value", text)
		}
	}
}

func TestFinderOfNone(t *testing.T) {
	t.Parallel()
	var none *Finder
	if none.HoldsSome(Read("x")) || none.Has("x") || NewFinder(nil).HoldsSome(Read("x")) || NewFinder([]string{""}).Holds(Read("")) {
		t.Error("a secret is found where there is none")
	}
	if f := NewFinder([]string{"x", "yes"}); !f.Holds(Read("x")) || f.Holds(Read("xx")) || f.Holds(Read("YES")) || f.Holds(Read("yes it is")) {
		t.Error("what is shorter than four bytes is the whole text, or not found")
	}
}

// TestFinderFindsWhatComesLate has texts that say the beginning of a secret, and
// what may be coded, again and again before.
func TestFinderFindsWhatComesLate(t *testing.T) {
	t.Parallel()
	var codes strings.Builder
	for i := range 2 * many {
		fmt.Fprintf(&codes, "%x ", fmt.Sprintf("word %d", i))
	}
	for secret, text := range map[string]string{
		"acme-db-S3cr3tPart99": strings.Repeat("acme, ", 2*places) + "acme_db_s3cr3tpart99",
		"p@ss/w0rd":            codes.String() + "p%40ss%2Fw0rd",
	} {
		if !NewFinder([]string{secret}).HoldsSome(Read(text)) {
			t.Errorf("%s is not found at the end of a text", secret)
		}
	}
}

func TestFinderFindsOneAmongMany(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))[:20])
	}
	f := NewFinder(many)
	for _, s := range many {
		cut := "x_" + strings.ToUpper(s[:10]) + "-" + s[10:16]
		if !f.HoldsSome(Read(cut)) {
			t.Errorf("%s is not found in %s", s, cut)
		}
	}
	if f.HoldsSome(Read("there is nothing of them in this")) {
		t.Error("found in what has nothing of them")
	}
}

// FuzzFinder holds that what is in a text as it is, or in another case, is found.
func FuzzFinder(f *testing.F) {
	f.Add("hunter2", "a", "b")
	f.Add("ÄÖ\xff12", "\xc3", "é")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < whole {
			return
		}
		finder := NewFinder([]string{secret})
		for _, text := range []string{before + secret + after, before + SmallLetters(secret) + after} {
			if !finder.Holds(Read(text)) || !finder.HoldsSome(Read(text)) {
				t.Errorf("%q is not found in %q", secret, text)
			}
		}
	})
}

const benchText = `{"name":"soctalk-adapter","image":"ghcr.io/soctalk/soctalk-api:0.2.1"}`

func BenchmarkFinder(b *testing.B) {
	for _, n := range []int{20, 200, 2000} {
		var many []string
		for i := range n {
			many = append(many, "secret-value-"+strconv.Itoa(i))
		}
		own := NewWords([]string{"tenant-acme"}, NewChartWords(func() []string { return []string{strings.Repeat("kind: Deployment\n", 5000)} }))
		b.Run(fmt.Sprintf("new/%d", n), func(b *testing.B) {
			for b.Loop() {
				f := NewFinder(many)
				f.index()
			}
		})
		f := NewFinder(many).But(own)
		b.Run(fmt.Sprintf("holds/%d", n), func(b *testing.B) {
			for b.Loop() {
				f.HoldsSome(Read(benchText))
			}
		})
		b.Run(fmt.Sprintf("alike/%d", n), func(b *testing.B) {
			for b.Loop() {
				f.HoldsSome(Read("secretive values of soctalk-adapter"))
			}
		})
		config := strings.Repeat("soctalk_adapter_setting: of a config file\n", 100)
		b.Run(fmt.Sprintf("file/%d", n), func(b *testing.B) {
			for b.Loop() {
				f.HoldsSome(Read(config))
			}
		})
	}
}
