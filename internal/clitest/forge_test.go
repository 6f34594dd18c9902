package clitest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// forge serves what pipelines ask of GitHub and GitLab: comments on request 7 of
// one project, and saved plans. It holds requests to the documented API.
type forge struct {
	mu       sync.Mutex
	comments []*comment
	asked    []string // requests that change something, as "METHOD path"
	// artifacts are all of GitHub's, as JSON; folder is what GitLab's job 9 saved.
	artifacts, folder string
	me                string
}

type comment struct {
	ID     int            `json:"id"`
	Body   string         `json:"body"`
	User   map[string]any `json:"user"`
	Author map[string]any `json:"author"`
}

const (
	forgeToken   = "t0ken-c4n4ry"
	forgeProject = "msp/fleet"
	// mostComment is what both take here, in characters.
	mostComment = 65536
)

// forgeCommand FORGE starts what pipelines of github or gitlab talk to, and sets
// what these set in jobs. With more words:
//
//	others N       N comments of other people come first
//	pretend FILE   somebody else writes a comment like the file
//	artifacts FILE GitHub lists these artifacts
//	job FOLDER     what GitLab's job saved is in the folder
//	comments FILE  writes the comments that are ours, a heading before each
//	asked FILE     writes the requests that changed something
func forgeCommand(ts *testscript.TestScript, _ bool, args []string) {
	f := ts.Value(forgeKey{}).(*forge)
	switch {
	case args[0] == "github" || args[0] == "gitlab":
		f.start(ts, args[0])
	case args[0] == "others":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		for range n {
			f.add("ada", "me too")
		}
	case args[0] == "pretend":
		f.add("mallory", ts.ReadFile(args[1]))
	case args[0] == "artifacts":
		f.artifacts = ts.ReadFile(args[1])
	case args[0] == "job":
		f.folder = ts.MkAbs(args[1])
	case args[0] == "comments":
		f.write(ts, args[1], func(b *strings.Builder) {
			for _, c := range f.comments {
				if c.User["login"] == f.me {
					fmt.Fprintf(b, "=== comment %d, %d characters\n%s\n", c.ID, utf8.RuneCountInString(c.Body), c.Body)
				}
			}
		})
	case args[0] == "asked":
		f.write(ts, args[1], func(b *strings.Builder) { b.WriteString(strings.Join(f.asked, "\n") + "\n") })
	default:
		ts.Fatalf("unknown forge command %s", args[0])
	}
}

type forgeKey struct{}

func (f *forge) write(ts *testscript.TestScript, name string, what func(*strings.Builder)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	what(&b)
	ts.Check(os.WriteFile(ts.MkAbs(name), []byte(b.String()), 0o600))
}

func (f *forge) start(ts *testscript.TestScript, kind string) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	ts.Defer(server.Close)
	if kind == "github" {
		f.me = "github-actions[bot]"
		ts.Setenv("GITHUB_ACTIONS", "true")
		ts.Setenv("GITHUB_API_URL", server.URL)
		ts.Setenv("GITHUB_REPOSITORY", forgeProject)
		const auth = "Authorization"
		comments := "/repos/" + forgeProject + "/issues/7/comments"
		f.handle(mux, auth, "GET "+comments, f.list)
		f.handle(mux, auth, "POST "+comments, f.create)
		f.handle(mux, auth, "PATCH /repos/"+forgeProject+"/issues/comments/{id}", f.replace)
		f.handle(mux, auth, "GET /repos/"+forgeProject+"/actions/artifacts", f.listArtifacts)
		return
	}
	f.me = "project_3_bot"
	ts.Setenv("GITLAB_CI", "true")
	ts.Setenv("CI_API_V4_URL", server.URL)
	ts.Setenv("CI_PROJECT_ID", "3")
	ts.Setenv("CI_MERGE_REQUEST_IID", "7")
	ts.Setenv("CI_COMMIT_SHA", "c0ffee")
	ts.Setenv("SOCTALK_GITLAB_TOKEN", forgeToken)
	const auth = "Private-Token"
	notes := "/projects/3/merge_requests/7/notes"
	f.handle(mux, auth, "GET "+notes, f.list)
	f.handle(mux, auth, "POST "+notes, f.create)
	f.handle(mux, auth, "PUT "+notes+"/{id}", f.replace)
	for path, answer := range map[string]string{
		"/user": `{"id": 1, "username": "project_3_bot"}`,
		"/projects/3/repository/commits/c0ffee/merge_requests": `[{"iid": 6, "state": "closed"}, {"iid": 7, "state": "merged"}]`,
		"/projects/3/merge_requests/7/pipelines":               `[{"id": 8}]`,
		"/projects/3/pipelines/8/jobs":                         `[{"id": 5, "name": "lint"}, {"id": 9, "name": "soctalk-plan"}]`,
	} {
		f.handle(mux, auth, "GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	}
	f.handle(mux, auth, "GET /projects/3/jobs/9/artifacts/soctalk-plan/{file}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(f.folder, r.PathValue("file")))
	})
}

// handle lets only those in who have the token.
func (f *forge) handle(mux *http.ServeMux, header, pattern string, answer http.HandlerFunc) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if strings.TrimPrefix(r.Header.Get(header), "Bearer ") != forgeToken {
			http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet {
			f.asked = append(f.asked, r.Method+" "+r.URL.Path)
		}
		answer(w, r)
	})
}

func (f *forge) add(by, body string) *comment {
	person := map[string]any{"login": by, "username": by}
	c := &comment{ID: len(f.comments) + 1, Body: body, User: person, Author: person}
	f.comments = append(f.comments, c)
	return c
}

func (f *forge) list(w http.ResponseWriter, r *http.Request) {
	per, err1 := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, err2 := strconv.Atoi(r.URL.Query().Get("page"))
	if err1 != nil || err2 != nil || per > 100 || page < 1 {
		http.Error(w, "no page", http.StatusUnprocessableEntity)
		return
	}
	from, to := min((page-1)*per, len(f.comments)), min(page*per, len(f.comments))
	_ = json.NewEncoder(w).Encode(f.comments[from:to])
}

// listArtifacts lists those of a name.
func (f *forge) listArtifacts(w http.ResponseWriter, r *http.Request) {
	var all struct {
		Artifacts []map[string]any `json:"artifacts"`
	}
	if err := json.Unmarshal([]byte(f.artifacts), &all); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	all.Artifacts = slices.DeleteFunc(all.Artifacts, func(a map[string]any) bool { return a["name"] != r.URL.Query().Get("name") })
	_ = json.NewEncoder(w).Encode(all)
}

func (f *forge) create(w http.ResponseWriter, r *http.Request) {
	if body, ok := sentBody(w, r); ok {
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(f.add(f.me, body))
	}
}

func (f *forge) replace(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	if id < 1 || id > len(f.comments) {
		http.NotFound(w, r)
		return
	}
	if body, ok := sentBody(w, r); ok {
		f.comments[id-1].Body = body
		_ = json.NewEncoder(w).Encode(f.comments[id-1])
	}
}

func sentBody(w http.ResponseWriter, r *http.Request) (string, bool) {
	var sent struct{ Body string }
	err := json.NewDecoder(r.Body).Decode(&sent)
	if err != nil || sent.Body == "" || utf8.RuneCountInString(sent.Body) > mostComment || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, fmt.Sprintf(`{"message": "Body is too long, or none: %v"}`, err), http.StatusUnprocessableEntity)
		return "", false
	}
	return sent.Body, true
}
