package helm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/kube"
)

// ApplyOptions say how a release is applied.
type ApplyOptions struct {
	// Timeout bounds every single wait, as Helm's does: each hook, and the
	// objects' becoming ready. Zero means five minutes.
	Timeout time.Duration
	// WaitForJobs also waits for Jobs that are no hooks.
	WaitForJobs bool
	// Labels go onto the revision; see [LabelValue].
	Labels      map[string]string
	Description string
	// MaxHistory bounds the stored revisions, as helm's --history-max does; zero
	// keeps all. Those in Keep stay beside them, and those that the runs in
	// KeepRuns can be rolled back to.
	MaxHistory int
	Keep       []int
	KeepRuns   map[string]bool
	// From is the revision that a rollback was decided on; nil where that does not
	// matter.
	From *Release
	// Progress hears of the wait; it must not block. May be nil.
	Progress func(kube.Status)
	// InitLogs receives what init containers write, without values and what
	// Secrets hold. May be nil.
	InitLogs io.Writer
}

func (o ApplyOptions) timeout() time.Duration {
	if o.Timeout == 0 {
		return 5 * time.Minute
	}
	return o.Timeout
}

// Apply installs or upgrades the target and waits until it is ready. Until
// then the release is pending; if it does not become ready it is failed, and
// the [ApplyError] says why. A release that is not at the target's base any
// more is a [StaleError], and nothing was changed.
//
// When the context ends, the wait ends, and the release is failed.
func (c *Client) Apply(ctx context.Context, t Target, o ApplyOptions) (*Release, error) {
	values, caps, err := c.inputs(ctx, t)
	if err != nil {
		return nil, err
	}
	a := c.action(ctx, t.Namespace, t.Name, o)
	a.config.Capabilities = caps
	a.scrub = c.scrubber(t, values)
	a.store.base = t.Base
	// Helm takes a failure to read the history for its absence.
	history, err := a.store.Query(map[string]string{"owner": "helm", "name": t.Name})
	if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, err
	}
	switch {
	case t.Base == nil && len(history) > 0:
		return nil, &StaleError{Namespace: t.Namespace, Name: t.Name, Found: history[0].Version}
	case t.Base != nil && len(history) == 0:
		return nil, &StaleError{Namespace: t.Namespace, Name: t.Name, Expected: t.Base.Revision}
	case t.Base != nil && t.Base.Pending():
		return nil, &PendingError{Namespace: t.Namespace, Name: t.Name, Status: t.Base.Status, Revision: t.Base.Revision}
	}
	if t.upgrades() {
		if t.Base.Status == "failed" {
			if a.kube.tried, err = c.triedSince(ctx, t.Base, nil); err != nil {
				return nil, err
			}
		}
		up := action.NewUpgrade(a.config)
		up.Namespace, up.Timeout, up.Wait, up.WaitForJobs = t.Namespace, o.timeout(), true, o.WaitForJobs
		// Values are whole: nothing of the live release comes in by itself.
		up.ResetValues, up.MaxHistory, up.Description = true, o.MaxHistory, o.Description
		// Helm would leave the work to itself in the background when its
		// context ends; the client stops it instead.
		r, err := up.RunWithContext(context.WithoutCancel(ctx), t.Name, t.Chart.Copy(), values)
		return a.result("upgrade", r, err)
	}
	in := action.NewInstall(a.config)
	in.ReleaseName, in.Namespace, in.CreateNamespace, in.Replace = t.Name, t.Namespace, true, t.Base != nil
	in.Timeout, in.Wait, in.WaitForJobs, in.Description = o.timeout(), true, o.WaitForJobs, o.Description
	if len(t.Chart.Helm().CRDObjects()) > 0 {
		// Helm asks for the capabilities after it has made the definitions.
		a.config.Capabilities = nil
		defer c.cluster.Refresh()
	}
	r, err := in.RunWithContext(context.WithoutCancel(ctx), t.Chart.Copy(), values)
	return a.result("install", r, err)
}

// Rollback makes a new revision out of an old one and waits until it is ready.
// It is also the way out of a pending release.
func (c *Client) Rollback(ctx context.Context, namespace, name string, revision int, o ApplyOptions) (*Release, error) {
	a := c.action(ctx, namespace, name, o)
	back := action.NewRollback(a.config)
	back.Version, back.Timeout, back.Wait, back.WaitForJobs, back.MaxHistory = revision, o.timeout(), true, o.WaitForJobs, o.MaxHistory
	target, err := c.Get(ctx, namespace, name, revision)
	if err != nil {
		return nil, err
	}
	newest, err := c.Get(ctx, namespace, name, 0)
	if err != nil {
		return nil, err
	}
	if newest.Status != "deployed" {
		if a.kube.tried, err = c.triedSince(ctx, newest, target); err != nil {
			return nil, err
		}
	}
	a.scrub = newScrubber(target.Config, namespace, name, target.ChartName, target.ChartVersion, target.AppVersion)
	a.store.base = o.From
	_, err = a.result("rollback", nil, back.Run(name))
	if err != nil {
		return nil, err
	}
	return c.Get(ctx, namespace, name, 0)
}

// attempt is one action with everything that is its own: Helm's objects must
// not be shared between actions.
type attempt struct {
	client          *Client
	namespace, name string
	config          *action.Configuration
	store           *store
	kube            *kubeClient
	scrub           *scrubber
}

func (c *Client) action(ctx context.Context, namespace, name string, o ApplyOptions) *attempt {
	a := &attempt{client: c, namespace: namespace, name: name, store: c.store(namespace, name, o)}
	if told := o.Progress; told != nil {
		o.Progress = func(st kube.Status) {
			a.scrub.reasons(st.Waiting)
			told(st)
		}
	}
	if out := o.InitLogs; out != nil {
		o.InitLogs = writerFunc(func(line []byte) (int, error) {
			_, err := io.WriteString(out, a.scrub.text(string(line)))
			return len(line), err
		})
	}
	a.kube = c.kubeClient(ctx, namespace, o)
	a.kube.sent = func(objects []*unstructured.Unstructured) { a.scrub = a.scrub.and(secretTexts(objects)) }
	a.config = &action.Configuration{
		RESTClientGetter: a.kube.getter,
		Releases:         storage.Init(a.store),
		KubeClient:       a.kube,
		Log:              func(string, ...any) {},
		HookOutputFunc:   func(_, _, _ string) io.Writer { return io.Discard },
	}
	return a
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// result turns what Helm returns into what this package does.
func (a *attempt) result(verb string, r *release.Release, err error) (*Release, error) {
	a.client.lookups.forget(a.namespace)
	if err == nil {
		if r == nil {
			return nil, nil
		}
		// The stored body is what identifies the revision.
		return a.store.made(r.Version)
	}
	var stale *StaleError
	var corrupt *CorruptError
	if errors.As(err, &stale) || errors.As(err, &corrupt) {
		return nil, err
	}
	a.settle(err)
	e := &ApplyError{Action: verb, Namespace: a.namespace, Name: a.name, Revision: a.store.created}
	e.Cause = a.plain(a.kube.cause(err))
	return nil, e
}

// settle marks the revision of a failed action as failed where Helm forgot to:
// it leaves a rollback pending when a hook fails.
func (a *attempt) settle(cause error) {
	if a.store.created == 0 {
		return
	}
	key := secretName(a.name, a.store.created)
	r, err := a.store.Get(key)
	if err != nil || !r.Info.Status.IsPending() {
		return
	}
	r.SetStatus(release.StatusFailed, a.scrub.text(cause.Error()))
	// There is nothing better to do about a second error.
	_ = a.store.Update(key, r)
}

// plain takes values out of an error whose text is not this project's.
func (a *attempt) plain(err error) error {
	var notReady *kube.NotReadyError
	var hook *HookError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &notReady):
		a.scrub.reasons(notReady.Reasons)
		return err
	case errors.As(err, &hook):
		return &HookError{Event: hook.Event, Cause: a.plain(hook.Cause)}
	}
	text := err.Error()
	var several *multierror.Error
	if errors.As(err, &several) {
		var all []string
		for _, e := range several.Errors {
			all = append(all, e.Error())
		}
		text = strings.Join(all, "; ")
	}
	if strings.Contains(text, "may not be more than 1048576") || strings.Contains(text, "Too long: must have at most 1048576") {
		text = "the release is too large: chart, values and manifests together must fit into a Secret of 1 MiB"
	}
	return a.client.cluster.Explain(&scrubbedError{text: a.scrub.text(text), cause: err})
}

// scrubbedError says what its cause says, without values.
type scrubbedError struct {
	text  string
	cause error
}

func (e *scrubbedError) Error() string { return e.text }

func (e *scrubbedError) Unwrap() error { return e.cause }

var hookEvent = regexp.MustCompile(`(?:failed )?((?:pre|post)-(?:install|upgrade|rollback|delete))(?: hooks failed)?: `)

// hookCause finds the hook event in the text that Helm makes of a failure.
func hookCause(err, failure error) error {
	if !strings.Contains(err.Error(), failure.Error()) {
		return err
	}
	if m := hookEvent.FindStringSubmatch(err.Error()); m != nil {
		return &HookError{Event: m[1], Cause: failure}
	}
	return fmt.Errorf("%w", failure)
}
