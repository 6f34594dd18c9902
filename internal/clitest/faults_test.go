package clitest

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// proxies are those of the scripts, by $ID.
var proxies sync.Map

// proxyCommand returns the command
//
//	proxy
//
// which leads all that follows through a proxy to the API server.
func proxyCommand(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		config, err := sandboxtest.Cluster(t).RESTConfig()
		ts.Check(err)
		p := faultproxy.Start(t, config, faultproxy.Options{})
		proxies.Store(ts.Getenv("ID"), p)
		ts.Setenv("KUBECONFIG", p.Kubeconfig)
	}
}

// fault METHOD PATTERN FAULT [TIMES] lets requests whose path matches go wrong
// from now on; without arguments all is well again.
func fault(ts *testscript.TestScript, _ bool, args []string) {
	v, ok := proxies.Load(ts.Getenv("ID"))
	if !ok {
		ts.Fatalf("there is no proxy")
	}
	p := v.(*faultproxy.Proxy)
	if len(args) == 0 {
		if slices.Contains(p.Met(), 0) {
			ts.Fatalf("no request met one of the faults: %v", p.Met())
		}
		p.Clear()
		return
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	rule := faultproxy.Rule{Match: func(r *http.Request) bool { return r.Method == args[0] && pattern.MatchString(r.URL.Path) }}
	switch args[2] {
	case "hang":
		rule.Fault = faultproxy.Hang
	case "slow":
		rule.Fault = faultproxy.Delay(300 * time.Millisecond)
	case "reset":
		rule.Fault = faultproxy.Reset
	case "cut":
		rule.Fault = faultproxy.Cut(40)
	case "garble":
		rule.Fault = faultproxy.Edit(func(b []byte) []byte { slices.Reverse(b); return b })
	default:
		code, err := strconv.Atoi(args[2])
		ts.Check(err)
		rule.Fault = faultproxy.Status(code, 0)
	}
	if len(args) > 3 {
		times, err := strconv.Atoi(args[3])
		ts.Check(err)
		rule.Times = times
	}
	p.Add(rule)
}
