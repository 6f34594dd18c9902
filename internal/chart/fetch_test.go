package chart_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/schema"
)

// server is a registry on loopback; between sees every request and may answer
// it.
type server struct {
	*httptest.Server
	host string

	mu       sync.Mutex
	requests []string
	between  func(http.ResponseWriter, *http.Request) bool
}

func newRegistry(t *testing.T, versions ...string) *server {
	t.Helper()
	s := &server{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(s.wrap(inner))
	t.Cleanup(s.Close)
	s.host = strings.TrimPrefix(s.URL, "http://")
	s.push(t, "", versions...)
	return s
}

func (s *server) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		between := s.between
		s.mu.Unlock()
		if between == nil || !between(w, r) {
			h.ServeHTTP(w, r)
		}
	})
}

func (s *server) intercept(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.between = f
}

func (s *server) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// push publishes versions of the chart app whose content depends on the salt.
func (s *server) push(t *testing.T, salt string, versions ...string) {
	t.Helper()
	if len(versions) == 0 {
		return
	}
	files := map[string]string{}
	for _, v := range versions {
		files["app/"+v+"/Chart.yaml"] = meta("app", v)
		files["app/"+v+"/templates/a.yaml"] = "# " + salt
	}
	if _, err := publish.Charts(t.Context(), s.host, folder(t, files)); err != nil {
		t.Fatal(err)
	}
}

func (s *server) chart() schema.Chart {
	return schema.Chart{Ref: "oci://" + s.host + "/" + publish.Repository + "/app"}
}

func plain(host string) map[string]*schema.Registry {
	return map[string]*schema.Registry{host: {Host: host, PlainHTTP: true}}
}

func TestFetchOCI(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.0", "0.2.0", "0.2.1+build.7")
	cache := t.TempDir()
	r := resolver(t, chart.Options{CacheDir: cache, Registries: plain(s.host)})
	c, err := r.Fetch(t.Context(), s.chart(), "0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "app" || c.Version != "0.2.0" || !c.HasTemplate("templates/a.yaml") {
		t.Errorf("got %+v", c)
	}
	if _, err := r.Fetch(t.Context(), s.chart(), "0.2.1+build.7"); err != nil {
		t.Errorf("a version with a plus sign: %v", err)
	}
	versions, err := r.Versions(t.Context(), s.chart())
	if diff := cmp.Diff([]string{"0.2.1+build.7", "0.2.0", "0.1.0"}, versions); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}

	// With a locked digest and a cache no network is needed.
	lock := &chart.Lock{}
	lock.Set(s.chart(), "0.2.0", c.Digest)
	s.Close()
	offline := resolver(t, chart.Options{CacheDir: cache, Registries: plain(s.host), Lock: lock})
	again, err := offline.Fetch(t.Context(), s.chart(), "0.2.0")
	if err != nil || again.Digest != c.Digest {
		t.Errorf("got %v, %v", again, err)
	}
	var unreachable *chart.UnreachableError
	if _, err := offline.Fetch(t.Context(), s.chart(), "0.1.0"); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "nothing listens there") {
		t.Errorf("got %v", err)
	}
	if _, err := resolver(t, chart.Options{Registries: plain(s.host), Lock: lock}).Fetch(t.Context(), s.chart(), "0.2.0"); !errors.As(err, &unreachable) {
		t.Errorf("without a cache: got %v", err)
	}
}

func TestChartIsFetchedAndParsedOnce(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.0")
	s.take()
	r := resolver(t, chart.Options{Registries: plain(s.host)})
	var wg sync.WaitGroup
	charts := make([]*chart.Chart, 20)
	for i := range charts {
		wg.Go(func() {
			c, err := r.Fetch(t.Context(), s.chart(), "0.1.0")
			if err != nil {
				t.Error(err)
			}
			charts[i] = c
		})
	}
	wg.Wait()
	for _, c := range charts {
		if c != charts[0] {
			t.Fatal("it was parsed more than once")
		}
	}
	// The manifest and the archive.
	if got := s.take(); len(got) > 2 {
		t.Errorf("got %v", got)
	}
	// One who gives up does not take the others along.
	given, cancel := context.WithCancel(t.Context())
	cancel()
	s.push(t, "", "0.2.0")
	if _, err := r.Fetch(given, s.chart(), "0.2.0"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Fetch(t.Context(), s.chart(), "0.2.0"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPushedAgain(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.0")
	c, err := resolver(t, chart.Options{Registries: plain(s.host)}).Fetch(t.Context(), s.chart(), "0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	lock := &chart.Lock{}
	lock.Set(s.chart(), "0.1.0", c.Digest)
	s.push(t, "re-cut", "0.1.0")
	s.take()
	_, err = resolver(t, chart.Options{Registries: plain(s.host), Lock: lock}).Fetch(t.Context(), s.chart(), "0.1.0")
	var digest *chart.DigestError
	if !errors.As(err, &digest) || digest.Locked != c.Digest || digest.Got == c.Digest || !strings.Contains(err.Error(), "soctalk init -upgrade") {
		t.Fatalf("got %v", err)
	}
	for _, r := range s.take() {
		if strings.Contains(r, "/blobs/") {
			t.Errorf("it was fetched all the same: %s", r)
		}
	}
}

func TestDamagedCacheIsHealed(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.0")
	cache := t.TempDir()
	fetch := func(lock *chart.Lock) *chart.Chart {
		t.Helper()
		c, err := resolver(t, chart.Options{CacheDir: cache, Registries: plain(s.host), Lock: lock}).Fetch(t.Context(), s.chart(), "0.1.0")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	lock := &chart.Lock{}
	lock.Set(s.chart(), "0.1.0", fetch(nil).Digest)
	files, err := filepath.Glob(filepath.Join(cache, "sha256", "*.tgz"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	fetch(lock)
	s.Close()
	fetch(lock)
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.9", "0.2.0", "0.2.1")
	r := resolver(t, chart.Options{Registries: plain(s.host)})
	_, err := r.Fetch(t.Context(), s.chart(), "0.2.2")
	var missing *chart.NotFoundError
	if !errors.As(err, &missing) || missing.Version != "0.2.2" || !slices.Equal(missing.Versions, []string{"0.2.1", "0.2.0", "0.1.9"}) || missing.Nearest != "0.2.1" {
		t.Errorf("got %v", err)
	}
	other := schema.Chart{Ref: s.chart().Ref + "x"}
	if _, err = r.Fetch(t.Context(), other, "0.2.1"); !errors.As(err, &missing) || missing.Version != "" || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
	tagged := schema.Chart{Ref: s.chart().Ref + ":0.2.1"}
	var invalid *chart.InvalidError
	if _, err = r.Fetch(t.Context(), tagged, "0.2.1"); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "no tag") {
		t.Errorf("got %v", err)
	}
}

func TestRegistryOverTLS(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.0")
	secure := httptest.NewUnstartedServer(s.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	host := strings.TrimPrefix(secure.URL, "https://")
	ref := schema.Chart{Ref: "oci://" + host + "/" + publish.Repository + "/app"}
	var unreachable *chart.UnreachableError
	_, err := resolver(t, chart.Options{}).Fetch(t.Context(), ref, "0.1.0")
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "not trusted here") {
		t.Errorf("got %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusting := resolver(t, chart.Options{Registries: map[string]*schema.Registry{host: {Host: host, CAFile: ca}}})
	if _, err := trusting.Fetch(t.Context(), ref, "0.1.0"); err != nil {
		t.Error(err)
	}
	for _, broken := range []string{ca + ".none", filepath.Join(folder(t, map[string]string{"x.pem": "text"}), "x.pem")} {
		r := resolver(t, chart.Options{Registries: map[string]*schema.Registry{host: {Host: host, CAFile: broken}}})
		if _, err := r.Fetch(t.Context(), ref, "0.1.0"); err == nil || !strings.Contains(err.Error(), "CA file") {
			t.Errorf("got %v", err)
		}
	}
	// The other way round: TLS is tried on a server that has none.
	_, err = resolver(t, chart.Options{}).Fetch(t.Context(), schema.Chart{Ref: "oci://" + strings.Replace(s.host, "127.0.0.1", "127.0.0.1", 1) + "/" + publish.Repository + "/app"}, "0.1.0")
	if !errors.As(err, &unreachable) || !strings.Contains(unreachable.Hint, "plain_http = true") || !strings.Contains(unreachable.Hint, s.host) {
		t.Errorf("got %v", err)
	}
}

func TestUnreachableRegistry(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for host, want := range map[string]string{closed.Addr().String(): "nothing listens there", "charts.invalid": "does not resolve"} {
		for _, ref := range []schema.Chart{{Ref: "oci://" + host + "/app"}, {Ref: "https://" + host + "/charts", Name: "app"}} {
			_, err := resolver(t, chart.Options{}).Fetch(t.Context(), ref, "1.0.0")
			var unreachable *chart.UnreachableError
			if !errors.As(err, &unreachable) || unreachable.Host != host || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", ref.Ref, err, want)
			}
		}
	}
}

func TestRegistryThatSendsRubbish(t *testing.T) {
	t.Parallel()
	s := newRegistry(t, "0.1.0")
	images, err := remote.NewRepository(s.host + "/soctalk/charts/image")
	if err != nil {
		t.Fatal(err)
	}
	images.PlainHTTP = true
	image, err := oras.PackManifest(t.Context(), images, oras.PackManifestVersion1_1, "application/vnd.example.image", oras.PackManifestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Tag(t.Context(), image, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	fetch := func(ref schema.Chart, version string, o chart.Options) error {
		o.Registries = plain(s.host)
		_, err := resolver(t, o).Fetch(t.Context(), ref, version)
		return err
	}
	var invalid *chart.InvalidError
	if err := fetch(schema.Chart{Ref: "oci://" + s.host + "/soctalk/charts/image"}, "1.0.0", chart.Options{}); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "no Helm chart") {
		t.Errorf("an image: got %v", err)
	}
	if err := fetch(s.chart(), "0.1.0", chart.Options{MaxBytes: 10}); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large archive: got %v", err)
	}
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		inner := httptest.NewRecorder()
		s.intercept(nil)
		s.Config.Handler.ServeHTTP(inner, r)
		body := inner.Body.Bytes()
		body[len(body)-1] ^= 0xff
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
		return true
	})
	var unreachable *chart.UnreachableError
	if err := fetch(s.chart(), "0.1.0", chart.Options{}); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "digest") {
		t.Errorf("changed on its way: got %v", err)
	}
	s.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	if err := fetch(s.chart(), "0.1.0", chart.Options{}); err == nil || !strings.Contains(err.Error(), s.host) {
		t.Errorf("a broken registry: got %v", err)
	}
}

// Not parallel: it sets the environment.
func TestLogins(t *testing.T) {
	s := newRegistry(t, "0.1.0")
	index := httptest.NewServer(nil)
	t.Cleanup(index.Close)
	index.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ada" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "entries: {app: [{version: 1.0.0, urls: [app.tgz]}]}")
	})
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:secret"))
	s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == login {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	none := t.TempDir()
	dir := folder(t, map[string]string{
		"docker/config.json": fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, s.host, base64.StdEncoding.EncodeToString([]byte("ada:secret"))),
		"helm/repos.yaml":    fmt.Sprintf("apiVersion: v1\nrepositories: [{name: x, url: %q, username: ada, password: secret}]\n", index.URL+"/"),
	})
	repository := schema.Chart{Ref: index.URL, Name: "app"}
	t.Setenv("HELM_REGISTRY_CONFIG", filepath.Join(none, "none.json"))
	t.Setenv("HELM_REPOSITORY_CONFIG", filepath.Join(none, "none.yaml"))
	t.Setenv("DOCKER_CONFIG", none)
	r := resolver(t, chart.Options{Registries: plain(s.host)})
	var unauthorized *chart.UnauthorizedError
	if _, err := r.Fetch(t.Context(), s.chart(), "0.1.0"); !errors.As(err, &unauthorized) || !strings.Contains(err.Error(), "helm registry login "+s.host) {
		t.Errorf("without a login: got %v", err)
	}
	if _, err := r.Versions(t.Context(), repository); !errors.As(err, &unauthorized) {
		t.Errorf("without a login: got %v", err)
	}
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker"))
	t.Setenv("HELM_REPOSITORY_CONFIG", filepath.Join(dir, "helm", "repos.yaml"))
	r = resolver(t, chart.Options{Registries: plain(s.host)})
	if _, err := r.Fetch(t.Context(), s.chart(), "0.1.0"); err != nil {
		t.Errorf("with docker's login: %v", err)
	}
	if _, err := r.Versions(t.Context(), repository); err != nil {
		t.Errorf("with helm's login: %v", err)
	}
}

func TestChartRepository(t *testing.T) {
	t.Parallel()
	good := archive(t, [2]string{"app/Chart.yaml", meta("app", "1.0.0")})
	other := archive(t, [2]string{"other/Chart.yaml", meta("other", "1.1.0")})
	var indexRead, archiveRead int
	mux := http.NewServeMux()
	mux.HandleFunc("/charts/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		indexRead++
		_, _ = io.WriteString(w, `
apiVersion: v1
entries:
  app:
  - {version: 1.0.0, urls: [packages/app-1.0.0.tgz], digest: `+sum(good)+`}
  - {version: 1.1.0, urls: [packages/other.tgz]}
  - {version: 1.2.0, urls: [packages/app-1.0.0.tgz], digest: `+sum(other)+`}
  - {version: 1.3.0, urls: [packages/none.tgz]}
  - {version: 1.4.0, urls: ["file:///etc/passwd"]}
`)
	})
	mux.HandleFunc("/charts/packages/app-1.0.0.tgz", func(w http.ResponseWriter, _ *http.Request) {
		archiveRead++
		_, _ = w.Write(good)
	})
	mux.HandleFunc("/charts/packages/other.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(other) })
	mux.HandleFunc("/broken/index.yaml", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "entries: [") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	cache := t.TempDir()
	r := resolver(t, chart.Options{CacheDir: cache})
	app := schema.Chart{Ref: s.URL + "/charts/", Name: "app"}
	c, err := r.Fetch(t.Context(), app, "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if c.Version != "1.0.0" || c.Digest != "sha256:"+sum(good) {
		t.Errorf("got %+v", c)
	}
	var missing *chart.NotFoundError
	if _, err := r.Fetch(t.Context(), app, "1.0.1"); !errors.As(err, &missing) || len(missing.Versions) != 5 || missing.Nearest == "" {
		t.Errorf("got %v", err)
	}
	if _, err := r.Fetch(t.Context(), schema.Chart{Ref: app.Ref, Name: "none"}, "1.0.0"); !errors.As(err, &missing) || missing.Version != "" {
		t.Errorf("got %v", err)
	}
	for version, want := range map[string]string{
		"1.1.0": "its Chart.yaml says name other", "1.2.0": "does not have the digest", "1.3.0": "does not exist", "1.4.0": "no usable URL",
	} {
		if _, err := r.Fetch(t.Context(), app, version); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", version, err, want)
		}
	}
	for path, want := range map[string]string{"/none": "no chart repository", "/broken": "cannot be read"} {
		if _, err := r.Fetch(t.Context(), schema.Chart{Ref: s.URL + path, Name: "app"}, "1.0.0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	if indexRead != 1 {
		t.Errorf("the index was read %d times", indexRead)
	}
	before := archiveRead
	if _, err := resolver(t, chart.Options{CacheDir: cache}).Fetch(t.Context(), app, "1.0.0"); err != nil || archiveRead != before {
		t.Errorf("a cached archive was fetched again: %v", err)
	}
}
