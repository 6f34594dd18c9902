package check_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHTTPByURL(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for path, body := range map[string]string{
		"/ok":     "ok\n",
		"/json":   `{"status": "ok", "count": 1500000, "on": true, "items": [{"n": 1}, {"n": 2}]}`,
		"/html":   "<html>\x1b[31mlog in</html>",
		"/leak":   "the token is c4n4ry-9d1e7b42, again YzRuNHJ5LTlkMWU3YjQy",
		"/shout":  "the token is C4N4RY-9D1E7B42",
		"/hex":    "the token is 63346e3472792d3964316537623432",
		"/pieces": "the token is c4n4 ry_9d1 e7b42",
		"/novel":  strings.Repeat("once upon a time\n", 1000),
		"/epic":   strings.Repeat("x", 2<<20),
		"/absent": `{}`,
		"/cut":    strings.Repeat("word ", 22) + "c4n4ry-9d1e7b42",
		"/cutone": `{"status": "` + strings.Repeat("word ", 22) + `c4n4ry-9d1e7b42"}`,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) })
	}
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no database", http.StatusServiceUnavailable)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		path, more string
		ok         bool
		parts      []string
	}{
		"status":                 {"/ok", "", true, []string{"status 200"}},
		"another status":         {"/down", "", false, []string{"status 503, expected 200", `"no database"`}},
		"a status that is meant": {"/down", "status = 503", true, nil},
		"no redirection":         {"/moved", "", false, []string{"status 302"}},
		"text":                   {"/ok", `equals = "ok"`, true, nil},
		"another text":           {"/ok", `equals = "fine"`, false, []string{`is "ok", expected "fine"`}},
		"jsonpath":               {"/json", "jsonpath = \"{.status}\"\nequals = \"ok\"", true, []string{`{.status}`, `"ok"`}},
		"number":                 {"/json", "jsonpath = \"{.count}\"\nequals = \"1500000\"", true, nil},
		"truth":                  {"/json", "jsonpath = \"{.on}\"\nequals = \"true\"", true, nil},
		"filter":                 {"/json", "jsonpath = \"{.items[?(@.n>1)].n}\"\nequals = \"2\"", true, nil},
		"another value":          {"/json", "jsonpath = \"{.status}\"\nequals = \"done\"", false, []string{`is "ok", expected "done"`}},
		"nothing there":          {"/absent", "jsonpath = \"{.status}\"\nequals = \"ok\"", false, []string{"the answer has no {.status}"}},
		"nonsense":               {"/html", "jsonpath = \"{.status}\"\nequals = \"ok\"", false, []string{"the answer is no JSON", "log in"}},
		"secret":                 {"/leak", `equals = "ok"`, false, []string{"(hidden)"}},
		"secret at the cut":      {"/cut", `equals = "ok"`, false, []string{"(hidden)"}},
		"secret in a status":     {"/cut", "status = 404", false, []string{"(hidden)"}},
		"secret in no JSON":      {"/cut", "jsonpath = \"{.status}\"\nequals = \"ok\"", false, []string{"(hidden)"}},
		"secret in a value":      {"/cutone", "jsonpath = \"{.status}\"\nequals = \"ok\"", false, []string{"(hidden)"}},
		"secret in capitals":     {"/shout", `equals = "ok"`, false, []string{"the token is (hidden)"}},
		"secret in hexadecimal":  {"/hex", `equals = "ok"`, false, []string{"the token is (hidden)"}},
		"secret in pieces":       {"/pieces", `equals = "ok"`, false, []string{"(hidden)"}},
		"long":                   {"/novel", `equals = "ok"`, false, []string{"…"}},
		"too long":               {"/epic", `equals = "ok"`, false, []string{"larger than 1 MiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := one(t, nowhere(t), "x", fmt.Sprintf("http {\nurl = %q\n%s\n}", server.URL+test.path, test.more))
			holds(t, name, a, test.ok, test.parts...)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		gone := httptest.NewServer(mux)
		gone.Close()
		holds(t, "nobody there", one(t, nowhere(t), "x", fmt.Sprintf("http {\nurl = %q\n}", gone.URL)), false, "nothing listens there")
	})
}

// A URL's name and password are sent, as http.Client would.
func TestLoginOfAURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, has := r.BasicAuth()
		_, _ = fmt.Fprintf(w, "%t %s %s", has, name, password)
	}))
	t.Cleanup(server.Close)
	for login, want := range map[string]string{"": "false", "reader@": "true reader", "reader:@": "true reader", "reader:a%2Fb@": "true reader a/b"} {
		address := strings.Replace(server.URL, "http://", "http://"+login, 1)
		resp, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if got := strings.TrimSpace(string(theirs)); err != nil || got != want {
			t.Fatalf("http.Client sends %q, %v", got, err)
		}
		a := one(t, nowhere(t), "x", fmt.Sprintf("http {\nurl = %q\nequals = %q\n}", address, want))
		holds(t, "login "+login, a, true, "GET "+server.URL)
	}
}
