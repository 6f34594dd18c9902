package schema

import (
	"fmt"
	"net/url"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// The built-in checks of SocTalk itself.
const (
	// BuiltinHeartbeat: the adapter's last heartbeat is newer than the upgrade.
	BuiltinHeartbeat = "soctalk_heartbeat"
	// BuiltinImages: the pods run the images that the release was rendered with.
	BuiltinImages = "soctalk_images"
	// BuiltinRun: an investigation was completed since the upgrade.
	BuiltinRun = "soctalk_run"
	// BuiltinIngest: the adapter has moved its checkpoint since the upgrade.
	BuiltinIngest = "soctalk_ingest"
)

func builtinNames() []string {
	return []string{BuiltinHeartbeat, BuiltinImages, BuiltinRun, BuiltinIngest}
}

// builtins are the built-in checks as they are asked where the files say
// nothing of it. Heartbeats come every 30 s to 60 s; that an investigation is
// completed needs an alert first.
func builtins() map[string]*Check {
	all := map[string]*Check{}
	for _, name := range builtinNames() {
		all[name] = &Check{Name: name, Kind: name, On: "tenant", Interval: 15 * time.Second, Timeout: 5 * time.Minute, Retries: 2, probe: builtinProbe(name)}
	}
	all[BuiltinRun].Interval, all[BuiltinRun].Timeout = time.Minute, 30*time.Minute
	return all
}

func builtinProbe(name string) func(string, map[string]cty.Value) (*Probe, hcl.Diagnostics) {
	p := &Probe{Builtin: name}
	return func(string, map[string]cty.Value) (*Probe, hcl.Diagnostics) { return p, nil }
}

// builtin makes a declared check one of the built-in ones, at a pace of its own.
func (l *loader) builtin(n *node, c *Check, name string) {
	c.Kind, c.probe = name, builtinProbe(name)
	x := &instance{l: l}
	a := n.attrs["builtin"]
	switch why := l.lacking(name); {
	case c.On == "wave", c.On == "system" && name != BuiltinImages:
		x.fail(a, "Check on the wrong thing", fmt.Sprintf("%s is about tenants: leave `on` out.", name))
	case why != "":
		x.fail(a, "Check without its way in", why)
	}
}

// lacking says what a built-in check needs and the files do not have.
func (l *loader) lacking(name string) string {
	s := l.fleet.System
	switch {
	case s == nil:
	case name == BuiltinHeartbeat && s.API == nil:
		return name + " asks SocTalk's own API; add an api block to the system."
	case (name == BuiltinRun || name == BuiltinIngest) && s.Database == nil:
		return name + " asks the system database; add a database block to the system."
	}
	return ""
}

// api reads the way into SocTalk's own API.
func (x *instance) api(n *node, release string) *API {
	a := &API{Service: x.text(n, "service"), Port: x.integer(n, "port"), URL: x.text(n, "url"), Origin: x.text(n, "origin"), Source: n.source()}
	if a.Service == "" && release != "" {
		a.Service = release + "-api"
	}
	if at := x.written(n, "url"); at != nil {
		u, err := url.Parse(a.URL)
		if a.URL == "" {
			// Said already.
		} else if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			x.fail(at, "Invalid URL", "The url must be a full http:// or https:// URL, without a login.")
		} else if a.Origin == "" {
			a.Origin = u.Scheme + "://" + u.Host
		}
		for _, name := range []string{"service", "port"} {
			if b := x.written(n, name); b != nil {
				x.fail(b, "Conflicting arguments", fmt.Sprintf("Write url, or service and port, not both; %s has no meaning beside url.", name))
			}
		}
	} else {
		x.checkName(n, "service", "service name", a.Service, maxLabel)
	}
	if b := n.one("login_secret"); b != nil {
		name := x.text(b, "name")
		a.Email, a.Password = SecretKey{name, x.text(b, "email_key")}, SecretKey{name, x.text(b, "password_key")}
	}
	return a
}
