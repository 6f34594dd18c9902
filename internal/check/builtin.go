package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// stale is the age from which on a heartbeat is too old, however long the
// upgrade is over. The slowest adapters beat once a minute.
const stale = 3 * time.Minute

// standing is what SocTalk says of a tenant.
type standing struct{ state, profile string }

// excused says why a built-in check asks nothing of a tenant; empty when it
// does. A suspended or degraded tenant gets no new tokens, so it neither beats
// nor works; one of the profile legacy is never rendered anew by SocTalk.
func excused(builtin string, st standing) string {
	switch {
	case st.profile == "legacy":
		return "its profile is legacy"
	case st.state == "decommissioning", st.state == "archived", st.state == "purged":
		return "it is " + st.state
	case builtin != schema.BuiltinImages && (st.state == "suspended" || st.state == "degraded"):
		return "it is " + st.state
	}
	return ""
}

// builtin asks one of the built-in checks. since is how long ago the tenant, or
// the system, was changed.
func (s *Set) builtin(ctx context.Context, at subject, name string, since time.Duration) (finding, error) {
	switch {
	case name == schema.BuiltinImages:
		return s.builtinImages(ctx, at)
	case at.tenant == nil:
		return finding{}, fmt.Errorf("%s is about tenants, and %s is none", name, at.address)
	case name == schema.BuiltinHeartbeat:
		return s.heartbeat(ctx, at, since)
	case name == schema.BuiltinRun:
		return s.completed(ctx, at, since)
	case name == schema.BuiltinIngest:
		return s.ingested(ctx, at, since)
	}
	return finding{}, fmt.Errorf("there is no built-in check %s", name)
}

// builtinNeeds is what one of them takes.
func (s *Set) builtinNeeds(at subject, name string) needs {
	switch {
	case name == schema.BuiltinImages:
		return s.imagesNeeds(at)
	case at.tenant == nil:
		return needs{}
	case name == schema.BuiltinHeartbeat:
		return needs{system: s.apiAccess()}
	case name == schema.BuiltinRun, name == schema.BuiltinIngest:
		return needs{system: s.databaseAccess()}
	}
	return needs{}
}

func passedOver(why string) finding { return finding{ok: true, text: "not asked: " + why} }

// fresh holds the age of something against how long ago the upgrade was. Ages
// are whole seconds, cut off.
func fresh(what string, age, since time.Duration) finding {
	text := fmt.Sprintf("%s was %s ago, and the upgrade %s ago", what, age, since.Round(time.Second))
	return finding{ok: age+time.Second <= since, text: text}
}

// state asks SocTalk how a tenant stands: its API, where the files give the way
// there, else its database. Where neither is given, the namespace tells the
// profile.
func (s *Set) state(ctx context.Context, at subject) (standing, error) {
	switch {
	case at.tenant == nil:
		return standing{}, nil
	case s.api != nil:
		t, err := s.api.tenant(ctx, at.tenant.Slug)
		return t.standing, err
	case s.fleet.System.Database != nil:
		return s.recorded(ctx, at.tenant.Slug)
	}
	ns, err := s.kube(at).Namespace(ctx, at.release.Namespace)
	if err != nil {
		return standing{}, err
	}
	return standing{profile: ns.Labels["soctalk.io/profile"]}, nil
}

// stateNeeds is what that takes.
func (s *Set) stateNeeds(at subject) needs {
	switch {
	case at.tenant == nil:
		return needs{}
	case s.api != nil:
		return needs{system: s.apiAccess()}
	case s.fleet.System.Database != nil:
		return needs{system: s.databaseAccess()}
	}
	return needs{here: kube.Doing(at.release.Namespace, "", "namespaces", "get")}
}

func (s *Set) heartbeat(ctx context.Context, at subject, since time.Duration) (finding, error) {
	if s.api == nil {
		return finding{}, errors.New("the system has no api block, so there is no way to SocTalk's API")
	}
	t, err := s.api.tenant(ctx, at.tenant.Slug)
	if err != nil {
		return finding{}, err
	}
	if why := excused(schema.BuiltinHeartbeat, t.standing); why != "" {
		return passedOver(why), nil
	}
	if t.age == nil {
		return finding{text: fmt.Sprintf("SocTalk has seen no heartbeat; the tenant is %s", s.hide.value(t.state))}, nil
	}
	age := time.Duration(*t.age) * time.Second
	found := fresh("the last heartbeat", age, since)
	if found.ok && age > stale {
		return finding{text: fmt.Sprintf("the last heartbeat was %s ago, expected at most %s", age, stale)}, nil
	}
	return found, nil
}
