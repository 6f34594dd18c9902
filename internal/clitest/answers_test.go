package clitest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/sandbox/prometheustest"
	"github.com/soctalk/fleet/internal/sandbox/soctalktest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secret NAMESPACE/NAME KEY=VALUE… makes a Secret.
func secret(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[0], "/")
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{}}
	for _, pair := range args[1:] {
		key, value, _ := strings.Cut(pair, "=")
		s.StringData[key] = value
	}
	client, err := configuration(ts, namespace).KubernetesClientSet()
	ts.Check(err)
	_, err = client.CoreV1().Secrets(namespace).Create(context.Background(), s, metav1.CreateOptions{})
	ts.Check(err)
}

// soctalkAPI PASSWORD LIFE serves SocTalk's API, whose tenants' hearts beat, and
// whose sessions are good for some requests; it sets SOCTALK_VAR_api. With another
// word, after so many logins it takes none any more. soctalk-api logins FILE writes
// how many were tried.
func soctalkAPI(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "logins" {
		api := ts.Value(apiKey{}).(*soctalktest.API)
		api.Set(func() { ts.Check(os.WriteFile(ts.MkAbs(args[1]), fmt.Appendln(nil, api.Logins), 0o600)) })
		return
	}
	api := ts.Value(apiKey{}).(*soctalktest.API)
	life, err := strconv.Atoi(args[1])
	ts.Check(err)
	most := 1 << 30
	if len(args) > 2 {
		most, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	id := ts.Getenv("ID")
	api.Set(func() {
		api.Slugs, api.State, api.Profile = []string{"acme-" + id, "beta-" + id, "gamma-" + id}, "active", "poc"
		api.Password, api.Life, api.Logins, api.Sessions = args[0], life, 0, map[string]int{}
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.Set(func() {
			api.Beat = time.Now()
			if api.Logins >= most {
				api.Password = "another"
			}
		})
		api.ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	ts.Setenv("SOCTALK_VAR_api", server.URL)
}

type apiKey struct{}

// prometheus N nonsense|down [M] is a real Prometheus, of which the first queries
// are answered; after them what answers M queries, or all, is something else, or
// nothing. It sets SOCTALK_VAR_prometheus.
func prometheus(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		good, err := strconv.ParseInt(args[0], 10, 64)
		ts.Check(err)
		bad := int64(1 << 30)
		if len(args) > 2 {
			bad, err = strconv.ParseInt(args[2], 10, 64)
			ts.Check(err)
		}
		u, err := url.Parse(prometheustest.Start(t))
		ts.Check(err)
		real := httputil.NewSingleHostReverseProxy(u)
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch n := asked.Add(1); {
			case n <= good || n > good+bad:
				real.ServeHTTP(w, r)
			case args[1] == "nonsense":
				_, _ = fmt.Fprint(w, "<html>Welcome to the load balancer</html>")
			default:
				panic(http.ErrAbortHandler) // closes the connection
			}
		}))
		ts.Defer(server.Close)
		ts.Setenv("SOCTALK_VAR_prometheus", server.URL)
	}
}
