package kube

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"
)

// Config says which API server to talk to, and how hard.
type Config struct {
	// Kubeconfig is a file; empty means the usual loading rules, and then the
	// account of the pod this runs in.
	Kubeconfig string
	// Context is a context of the kubeconfig; empty means its current one.
	Context string
	// QPS and Burst bound the requests of all clients of the Cluster together.
	// With a QPS of zero nothing is held back here: the API server's own
	// priority and fairness decides, and its "too many requests" is heeded.
	QPS       float32
	Burst     int
	UserAgent string
	// ReadTimeout bounds one read, with every repetition of it, where
	// [Cluster.Reading] is asked for; zero means 30 seconds.
	ReadTimeout time.Duration
}

// ConfigError says that no usable connection settings were found.
type ConfigError struct {
	// Why is the cause in plain words.
	Why   string
	Cause error
}

func (e *ConfigError) Error() string { return e.Why }

func (e *ConfigError) Unwrap() error { return e.Cause }

func load(c Config, fence *atomic.Pointer[Fence]) (*rest.Config, clientcmd.ClientConfig, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	// Its warnings about missing files would go to standard error.
	rules.WarnIfAllMissing = false
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, nil, &ConfigError{Why: explainConfig(c, rules, loader, err), Cause: err}
	}
	config.UserAgent = c.UserAgent
	if config.UserAgent == "" {
		config.UserAgent = "soctalk"
	}
	// API warnings (deprecations, unknown fields) would go to standard error.
	config.WarningHandlerWithContext = rest.NoWarnings{}
	config.QPS, config.Burst = -1, 0
	if c.QPS > 0 {
		burst := c.Burst
		if burst < 1 {
			burst = max(1, int(2*c.QPS))
		}
		// One bucket for all clients; each would make its own out of QPS.
		config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(c.QPS, burst)
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &fenced{next, fence} })
	config.Wrap(retryFor()) // outside of the fence: that sees repetitions too
	return config, loader, nil
}

// unreadable says why a kubeconfig cannot be read, in words for people: those of
// the decoder are about its own types.
func unreadable(err error) string {
	text := err.Error()
	if strings.Contains(text, "cannot unmarshal") {
		return "it is YAML, but no kubeconfig"
	}
	if _, why, found := strings.Cut(text, "yaml: "); found {
		return "it is no YAML: " + why
	}
	return text
}

func explainConfig(c Config, rules *clientcmd.ClientConfigLoadingRules, loader clientcmd.ClientConfig, err error) string {
	file := c.Kubeconfig
	if file != "" {
		if _, statErr := os.Stat(file); statErr != nil {
			return fmt.Sprintf("the kubeconfig %s cannot be read: %v", file, errors.Unwrap(statErr))
		}
	} else {
		file = strings.Join(rules.Precedence, ", ")
	}
	raw, rawErr := loader.RawConfig()
	if rawErr != nil {
		return fmt.Sprintf("the kubeconfig %s cannot be read: %s", file, unreadable(rawErr))
	}
	wanted, which := c.Context, ""
	if wanted == "" {
		wanted, which = raw.CurrentContext, ", which it names as its current one"
	}
	if _, ok := raw.Contexts[wanted]; !ok && wanted != "" {
		names := slices.Sorted(maps.Keys(raw.Contexts))
		if len(names) == 0 {
			return fmt.Sprintf("the kubeconfig %s has no context %q%s: it has none at all", file, wanted, which)
		}
		return fmt.Sprintf("the kubeconfig %s has no context %q%s; it has %s", file, wanted, which, strings.Join(names, ", "))
	}
	if clientcmd.IsEmptyConfig(err) {
		return fmt.Sprintf("no cluster is configured: nothing found in %s, and this does not run in a pod; set KUBECONFIG, or kubeconfig in a cluster block", file)
	}
	return fmt.Sprintf("the kubeconfig %s cannot be used: %v", file, err)
}
