package check

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	sessionCookie = "soctalk_session"
	// maxFleet bounds what the API says of all tenants.
	maxFleet = 32 << 20
)

// soctalkAPI is SocTalk's own API, with one session for all checks. A session that has
// expired is followed by another.
type soctalkAPI struct {
	cluster *kube.Cluster
	system  *schema.System
	hide    hider
	// turn is held by who uses what follows.
	turn    chan struct{}
	session string
	// refused is why SocTalk did not take the login, and of which version of the
	// Secret: it locks out those who go on trying.
	refused        error
	refusedVersion string
	// tenants are what the API said last, asked at a time.
	tenants map[string]tenantState
	at      time.Time
}

// tenantState is what the API says of a tenant; age is that of its last
// heartbeat in seconds, by the API's own clock.
type tenantState struct {
	standing
	age *int64
}

func newAPI(c *kube.Cluster, s *schema.System, hide hider) *soctalkAPI {
	if s.API == nil {
		return nil
	}
	return &soctalkAPI{cluster: c, system: s, hide: hide, turn: make(chan struct{}, 1)}
}

// apiAccess is what the way to SocTalk's API takes: the login, and the API
// server's proxy unless there is a URL.
func (s *Set) apiAccess() []kube.Access {
	system := s.fleet.System
	if system.API == nil {
		return nil
	}
	needed := kube.Doing(system.Namespace, "", "secrets", "get")
	if system.API.URL == "" {
		needed = append(needed, kube.Doing(system.Namespace, "", "services/proxy", "get", "create")...)
	}
	return needed
}

// tenant asks for all tenants and returns one. Those who wait while the API is
// asked share what it says next.
func (a *soctalkAPI) tenant(ctx context.Context, slug string) (tenantState, error) {
	arrived := time.Now()
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return tenantState{}, errors.New("SocTalk's API was busy with other checks all the time")
	}
	if a.at.Before(arrived) {
		began := time.Now()
		tenants, err := a.all(ctx)
		if err != nil {
			return tenantState{}, fmt.Errorf("SocTalk's API: %w", err)
		}
		a.tenants, a.at = tenants, began
	}
	t, known := a.tenants[slug]
	if !known {
		return t, fmt.Errorf("SocTalk's API knows no tenant %s", slug)
	}
	return t, nil
}

func (a *soctalkAPI) all(ctx context.Context) (map[string]tenantState, error) {
	var listed []struct{ Slug, State, Profile string }
	if err := a.get(ctx, "/api/mssp/tenants", &listed); err != nil {
		return nil, err
	}
	var health struct {
		Items []struct {
			Slug, State string
			Age         *int64 `json:"heartbeat_age_seconds"`
		}
	}
	if err := a.get(ctx, "/api/mssp/dashboard/tenant-health", &health); err != nil {
		return nil, err
	}
	all := map[string]tenantState{}
	for _, t := range listed {
		all[t.Slug] = tenantState{standing: standing{t.State, t.Profile}}
	}
	for _, h := range health.Items {
		t := all[h.Slug]
		t.state, t.age = cmp.Or(h.State, t.state), h.Age
		all[h.Slug] = t
	}
	return all, nil
}

// get asks with the session that is open, and logs in where there is none or it
// has expired.
func (a *soctalkAPI) get(ctx context.Context, path string, into any) error {
	for attempt := 0; ; attempt++ {
		if a.session == "" {
			if err := a.login(ctx); err != nil {
				return err
			}
		}
		status, body, _, err := a.do(ctx, http.MethodGet, path, nil)
		switch {
		case err != nil:
			return fmt.Errorf("GET %s: %w", path, err)
		case status == http.StatusUnauthorized && attempt == 0:
			a.session = ""
			continue
		case status == http.StatusForbidden:
			return fmt.Errorf("GET %s: the login of the api block may not look: it needs the role of an analyst", path)
		case status != http.StatusOK:
			return fmt.Errorf("GET %s: status %d: %s", path, status, a.hide.value(string(body)))
		}
		if err := json.Unmarshal(body, into); err != nil {
			return fmt.Errorf("GET %s: the answer is not SocTalk's: %s", path, a.hide.value(string(body)))
		}
		return nil
	}
}

func (a *soctalkAPI) login(ctx context.Context) error {
	namespace, login := a.system.Namespace, a.system.API
	what := fmt.Sprintf("log in with Secret %s/%s", namespace, login.Email.Name)
	secret, err := a.cluster.Typed().CoreV1().Secrets(namespace).Get(ctx, login.Email.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s: it does not exist", what)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, a.cluster.Explain(err))
	}
	if a.refused != nil && a.refusedVersion == secret.ResourceVersion {
		return a.refused
	}
	email, password := strings.TrimSpace(string(secret.Data[login.Email.Key])), strings.TrimRight(string(secret.Data[login.Password.Key]), "\r\n")
	if email == "" || password == "" {
		return fmt.Errorf("%s: it needs the keys %s and %s", what, login.Email.Key, login.Password.Key)
	}
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return err
	}
	status, _, cookies, err := a.do(ctx, http.MethodPost, "/api/auth/login", body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if a.refused = refusal(status); a.refused != nil {
		a.refused, a.refusedVersion = fmt.Errorf("%s: %w", what, a.refused), secret.ResourceVersion
		return a.refused
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: status %d", what, status)
	}
	for _, c := range cookies {
		if c.Name == sessionCookie {
			a.session = c.Value
			return nil
		}
	}
	return fmt.Errorf("%s: SocTalk gives no session", what)
}

// refusal is what repeating a login would not mend.
func refusal(status int) error {
	switch status {
	case http.StatusUnauthorized:
		return errors.New("SocTalk does not take it; it is tried again once the Secret has changed")
	case http.StatusForbidden:
		return errors.New("SocTalk does not take a login from here: set origin in the api block to its public origin")
	case http.StatusNotFound:
		return errors.New("SocTalk has no login of its own: it leaves that to a proxy")
	case http.StatusLocked:
		return errors.New("SocTalk has locked this account")
	}
	return nil
}

// do sends one request. What a body holds is nobody's to show where it may quote
// the request.
func (a *soctalkAPI) do(ctx context.Context, method, path string, body []byte) (int, []byte, []*http.Cookie, error) {
	address, transport := strings.TrimSuffix(a.system.API.URL, "/"), http.DefaultTransport
	if address == "" {
		var err error
		if transport, err = a.cluster.ServiceTransport(a.system.Namespace, a.system.API.Service, a.system.API.Port); err != nil {
			return 0, nil, nil, err
		}
		address = "http://service"
	}
	req, err := http.NewRequestWithContext(ctx, method, address+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.system.API.Origin != "" {
		req.Header.Set("Origin", a.system.API.Origin)
	}
	if a.session != "" {
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: a.session})
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, plain(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxFleet))
	if err != nil {
		return 0, nil, nil, plain(ctx, err)
	}
	return resp.StatusCode, data, resp.Cookies(), nil
}
