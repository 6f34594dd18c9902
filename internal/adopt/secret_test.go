package adopt

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/redact"
)

// codings are ways in which a secret stands in the text of another value.
var codings = map[string]func(string) string{
	"plain":        func(s string) string { return "redis-cli -a " + s + " ping" },
	"quoted":       func(s string) string { return fmt.Sprintf("sh -c %q", "redis-cli -a "+s) },
	"JSON":         func(s string) string { b, _ := json.Marshal(map[string]string{"a": s}); return string(b) },
	"base64":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"off by one":   func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+s)) },
	"URL's base64": func(s string) string { return "?a=" + base64.RawURLEncoding.EncodeToString([]byte("ÿ?"+s)) },
	"wrapped": func(s string) string {
		code := base64.StdEncoding.EncodeToString([]byte("user:" + s))
		return code[:6] + "\n" + code[6:] + "\n"
	},
	"twice":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape("x=" + s))) },
	"percents": func(s string) string { return "/?a=" + url.QueryEscape(s) },
	"HTML":     func(s string) string { return "<b>" + html.EscapeString(s) + "</b>" },
	"YAML":     func(s string) string { return "a: '" + strings.ReplaceAll(s, "'", "''") + "'" },
	"long": func(s string) string { // there is an end to how much of a text is decoded at once
		var b strings.Builder
		for i := range 300 {
			fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "line %d", i)))
		}
		return b.String() + base64.StdEncoding.EncodeToString([]byte("u:"+s))
	},
	"folded": func(s string) string {
		return strings.Repeat("word ", 14) + s + strings.Repeat(" word", 14)
	},
}

func TestSecretsWithinOtherTextsAreFound(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"c4n4ry", "Canaries", "hunter22x", "c4n4ry-9f3b", "correcthorsebattery", `a"b'c<d>&e%f\g`, "has ${x} and %{y}", "two words 4"} {
		for name, code := range codings {
			t.Run(name+" of "+secret, func(t *testing.T) {
				t.Parallel()
				r := fleetOf(t, system(tree{
					"redis": tree{"password": secret},
					"probe": tree{"command": code(secret), "list": []any{"a", code(secret)}},
				}), live("acme", tree{"note": code(secret), "quiet": "nothing to hide"}))
				hidden(t, r, secret)
			})
		}
	}
}

// hidden looks through all that was written, line by line and as a whole.
func hidden(t *testing.T, r *Result, secrets ...string) {
	t.Helper()
	for name, data := range r.Files {
		for _, text := range append(strings.Split(string(data), "\n"), string(data), strings.Join(strings.Fields(string(data)), " ")) {
			if redact.Holds(text, secrets) {
				t.Errorf("%s holds a secret:\n%.2000s", name, data)
				return
			}
		}
	}
	for _, text := range append(r.Remarks, fmt.Sprint(r.Secrets)) {
		if redact.Holds(text, secrets) {
			t.Errorf("told: %s", text)
		}
	}
}

// Not every secret stands under a name for one, nor is each a text.
func TestSecretsInOddPlacesAreHidden(t *testing.T) {
	t.Parallel()
	s := system(tree{
		"db":       tree{"url": "postgres://soctalk:c4n4ry@db:5432/soctalk"},
		"probe":    tree{"command": "psql -W c4n4ry"},
		"pin":      tree{"password": 48392011.0},
		"numbers":  tree{"text": "redis-cli -a 48392011", "number": 48392011.0},
		"tokens":   tree{"q9Zr4Kd82LmXw7Tb": "alice"},
		"byToken":  tree{"q9Zr4Kd82LmXw7Tb": tree{"role": "admin", "n": 3.0}},
		"env":      []any{tree{"name": "x-c4n4ry-token", "value": "t0k3ns"}},
		"trailing": tree{"password": "n3wl1ne\n"},
		"command":  "redis-cli -a n3wl1ne",
		"own":      "redis-cli -a h3ld-by",
	})
	s.Secrets = []string{"h3ld-by"}
	r := fleetOf(t, s)
	hidden(t, r, "c4n4ry", "48392011", "q9Zr4Kd82LmXw7Tb", "n3wl1ne", "h3ld-by", "t0k3ns")
	if got := string(r.Files["fleet.hcl"]); !strings.Contains(got, "byToken = jsondecode(var.system_by_token)") {
		t.Errorf("a map with a secret for a name is no variable:\n%s", got)
	}
}

// What is called as something of the fleet is cannot be hidden, and no reason to
// refuse all of it.
func TestCommonWordsAreNoObstacle(t *testing.T) {
	t.Parallel()
	s := system(tree{
		"postgres": tree{"database": "soctalk", "password": "soctalk"},
		"image":    tree{"repository": "ghcr.io/soctalk/api"},
		"vault":    tree{"secretNamespace": "soctalk-system"},
		"api":      tree{"host": "api.soctalk-system.svc"},
		"store":    tree{"region": "eu-west-1"},
		"llm":      tree{"apiKey": "sk-1", "tokenKey": "api_key"},
	})
	s.Secrets = []string{"soctalk", "eu-west-1"}
	found := []*Release{s, live("acme", tree{"region": "eu-west-1", "zone": "eu-west-1a", "adapter": tree{"token": "t0k3n-of-acme", "api_key": "x"}})}
	r, err := Fleet(found, Options{Clusters: []Cluster{{Context: "prod.eu-west-1.example.com"}}, Charts: "oci://registry.test/charts"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Prove(load(t, r)); err != nil {
		t.Error(err)
	}
	values := string(r.Files["system-values.yaml"])
	for _, want := range []string{"ghcr.io/soctalk/api", "api.soctalk-system.svc"} {
		if !strings.Contains(values, want) {
			t.Errorf("%q was taken for a secret:\n%s", want, values)
		}
	}
	remarks := strings.Join(r.Remarks, "\n")
	for _, want := range []string{"same as vault.secretNamespace of release soctalk-system", "same as store.region of release soctalk-system"} {
		if !strings.Contains(remarks, want) {
			t.Errorf("nothing is said of %q:\n%s", want, remarks)
		}
	}
}

// A secret that stands where it has to is refused, and named by where it is.
func TestSecretThatCannotBeHiddenIsRefused(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]tree{
		"a text of the files": {"redis": tree{"password": "SOCTALK_VAR"}},
		"a name at the root":  {"redis": tree{"password": "hunter22x"}, "x-hunter22x": 1.0},
	} {
		_, err := Fleet([]*Release{system(config)}, Options{Clusters: []Cluster{{}}, Charts: "oci://registry.test/charts"})
		if err == nil || !strings.Contains(err.Error(), "redis.password of release soctalk-system in namespace soctalk-system") {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "hunter22x") {
			t.Errorf("%s: the secret is told: %v", name, err)
		}
	}
}
