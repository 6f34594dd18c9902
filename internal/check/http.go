package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/neterr"
	"github.com/soctalk/fleet/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
)

// maxBody bounds an answer that is read.
const maxBody = 1 << 20

// http asks a Service of the subject's namespace, or a URL. Redirections are
// answers too: a login page is not what was asked for.
func (s *Set) http(ctx context.Context, at subject, p *schema.HTTPProbe) (finding, error) {
	transport, address, what, err := s.transport(at, p)
	if err != nil {
		return finding{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return finding{}, fmt.Errorf("%s: the path cannot be asked for", what)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return finding{}, fmt.Errorf("%s: %w", what, plain(ctx, err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return finding{}, fmt.Errorf("%s: %w", what, plain(ctx, err))
	case resp.StatusCode != p.Status:
		return finding{text: fmt.Sprintf("%s: status %d, expected %d: %s", what, resp.StatusCode, p.Status, s.hide.value(string(body)))}, nil
	case len(body) > maxBody && (p.JSONPath != "" || p.Equals != ""):
		return finding{}, fmt.Errorf("%s: the answer is larger than %d MiB", what, maxBody>>20)
	case p.JSONPath != "":
		have, err := s.find(body, p.JSONPath)
		if err != nil {
			return finding{}, fmt.Errorf("%s: %w", what, err)
		}
		return s.hide.held(p.JSONPath+" of "+what, have, p.Equals), nil
	case p.Equals != "":
		return s.hide.held("the answer to "+what, strings.TrimSpace(string(body)), p.Equals), nil
	}
	return finding{ok: true, text: fmt.Sprintf("%s: status %d", what, resp.StatusCode)}, nil
}

// transport returns what carries the request, the URL for it, and the words for
// both.
func (s *Set) transport(at subject, p *schema.HTTPProbe) (http.RoundTripper, string, string, error) {
	if p.Service != "" {
		t, err := s.kube(at).ServiceTransport(at.release.Namespace, p.Service, p.Port)
		return t, "http://service" + p.Path, fmt.Sprintf("GET %s of Service %s/%s:%d", p.Path, at.release.Namespace, p.Service, p.Port), err
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, "", "", errors.New("the url cannot be read")
	}
	return withLogin{http.DefaultTransport, u.User}, p.URL, "GET " + withoutLogin(u), nil
}

// httpAccess is what the way to a Service takes.
func httpAccess(at subject, p *schema.HTTPProbe) []kube.Access {
	if p.Service == "" {
		return nil
	}
	return kube.Doing(at.release.Namespace, "", "services/proxy", "get")
}

// withoutLogin is a URL as it is shown: a name that stands alone may be a token.
func withoutLogin(u *url.URL) string {
	shown := *u
	shown.User = nil
	return shown.String()
}

// withLogin sends the name and password of a URL, as http.Client would.
type withLogin struct {
	next http.RoundTripper
	user *url.Userinfo
}

// RoundTrip implements http.RoundTripper.
func (t withLogin) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.user != nil {
		password, _ := t.user.Password() // a name may stand alone
		req = req.Clone(req.Context())
		req.SetBasicAuth(t.user.Username(), password)
	}
	return t.next.RoundTrip(req)
}

// find looks for one value in JSON.
func (s *Set) find(body []byte, path string) (string, error) {
	var data any
	if err := utiljson.Unmarshal(body, &data); err != nil {
		return "", fmt.Errorf("the answer is no JSON: %s", s.hide.value(string(body)))
	}
	query := jsonpath.New("")
	if err := query.Parse(path); err != nil {
		return "", fmt.Errorf("the jsonpath %s is not understood: %w", path, err)
	}
	var out strings.Builder
	if err := query.Execute(&out, data); err != nil {
		return "", fmt.Errorf("the answer has no %s: %w", path, err)
	}
	return out.String(), nil
}

// plain is an error of the network in plain words.
func plain(ctx context.Context, err error) error {
	var unreachable *kube.UnreachableError
	switch text := neterr.Explain(err); {
	case ctx.Err() != nil:
		return errors.New("it did not answer in time")
	case text != "" && !errors.As(err, &unreachable):
		return errors.New(text)
	}
	return err
}
