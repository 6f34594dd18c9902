package helm

import (
	"fmt"
	"strings"
)

// NotFoundError says that a release, or a revision of it, does not exist.
type NotFoundError struct {
	Namespace, Name string
	Revision        int // zero: any
}

func (e *NotFoundError) Error() string {
	if e.Revision > 0 {
		return fmt.Sprintf("release %s/%s has no revision %d", e.Namespace, e.Name, e.Revision)
	}
	return fmt.Sprintf("release %s/%s does not exist", e.Namespace, e.Name)
}

// CorruptError says that a stored revision cannot be read.
type CorruptError struct {
	Namespace, Name string
	Revision        int
	Why             string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the stored revision %d of release %s/%s is damaged: %s", e.Revision, e.Namespace, e.Name, e.Why)
}

// PendingError says that another operation holds the release, or died with it.
type PendingError struct {
	Namespace, Name string
	Status          string
	Revision        int
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("release %s/%s is %s at revision %d: another operation is in progress, or ended without cleaning up", e.Namespace, e.Name, e.Status, e.Revision)
}

// StaleError says that a release is no longer what the action was decided on.
// Nothing was changed.
type StaleError struct {
	Namespace, Name string
	// Expected and Found are revisions; zero means that there is no release.
	// They are equal when the revision's content changed.
	Expected, Found int
}

func (e *StaleError) Error() string {
	name := e.Namespace + "/" + e.Name
	switch {
	case e.Expected == 0:
		return fmt.Sprintf("release %s was to be installed, but exists already, at revision %d", name, e.Found)
	case e.Expected == e.Found:
		return fmt.Sprintf("revision %d of release %s was changed by somebody else", e.Found, name)
	}
	return fmt.Sprintf("release %s was at revision %d and is now at %d: somebody else changed it", name, e.Expected, e.Found)
}

// HookError says that a hook of the chart failed.
type HookError struct {
	// Event is pre-upgrade, post-install and so on.
	Event string
	Cause error
}

func (e *HookError) Error() string { return e.Event + " hook: " + e.Cause.Error() }

func (e *HookError) Unwrap() error { return e.Cause }

// SchemaError says how the values break the chart's values.schema.json. It
// holds paths and rules, never values.
type SchemaError struct {
	Namespace, Name string
	Chart, Version  string
	// Lines are one violation each.
	Lines []string
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("values of release %s/%s do not meet the schema of chart %s %s: %s", e.Namespace, e.Name, e.Chart, e.Version, strings.Join(e.Lines, "; "))
}

// TemplateError says which template failed, and where. Values that the
// template's message quotes are taken out.
type TemplateError struct {
	Namespace, Name string
	Chart, Version  string
	Template        string // path within the chart; empty when not known
	Line            int    // zero when not known
	Message         string
}

func (e *TemplateError) Error() string {
	at := e.Template
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", at, e.Line)
	}
	if at != "" {
		at += ": "
	}
	return fmt.Sprintf("chart %s %s does not render for release %s/%s: %s%s", e.Chart, e.Version, e.Namespace, e.Name, at, e.Message)
}

// InvalidChartError says that a chart cannot be used, whatever the values.
type InvalidChartError struct {
	Chart, Version string
	Why            string
}

func (e *InvalidChartError) Error() string {
	return fmt.Sprintf("chart %s %s cannot be used: %s", e.Chart, e.Version, e.Why)
}

// KubeVersionError says that the chart refuses this version of Kubernetes.
type KubeVersionError struct {
	Chart, Version string
	Wants, Has     string
}

func (e *KubeVersionError) Error() string {
	return fmt.Sprintf("chart %s %s requires Kubernetes %s, the cluster runs %s", e.Chart, e.Version, e.Wants, e.Has)
}

// DependencyError says that the chart was packaged without subcharts that it
// declares.
type DependencyError struct {
	Chart, Version string
	Missing        []string
}

func (e *DependencyError) Error() string {
	return fmt.Sprintf("chart %s %s lacks the dependencies that it declares: %s; run helm dependency update on it", e.Chart, e.Version, strings.Join(e.Missing, ", "))
}

// SetError says that a set path is not one that Helm understands.
type SetError struct {
	Path string
	Why  string
}

func (e *SetError) Error() string { return fmt.Sprintf("set path %q: %s", e.Path, e.Why) }

// ApplyError says that an install, upgrade, rollback or uninstall failed. Its
// cause may be a [kube.NotReadyError] or a [HookError].
type ApplyError struct {
	Action          string // install, upgrade, rollback, uninstall
	Namespace, Name string
	// Revision is the revision that was made and marked failed; zero when it
	// failed before one was made.
	Revision int
	Cause    error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("%s of release %s/%s failed: %v", e.Action, e.Namespace, e.Name, e.Cause)
}

func (e *ApplyError) Unwrap() error { return e.Cause }
