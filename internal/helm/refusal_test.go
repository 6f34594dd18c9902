package helm

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// encodingFails is written as Go, like the API server's own types.
type encodingFails struct {
	Text string
	C    chan int
}

func TestRefusalsLeaveValuesOut(t *testing.T) {
	t.Parallel()
	const canary = "canary: {of} [a] \"kind\""
	at := field.NewPath("spec", "thing")
	kind := schema.GroupKind{Group: "apps", Kind: "Deployment"}
	for _, test := range []struct {
		err  *field.Error
		want string
	}{
		{field.Invalid(at, canary, "must be shorter"), "spec.thing: must be shorter"},
		{field.Invalid(at, canary, ""), "spec.thing: invalid value"},
		{field.Invalid(at, 17, "must be less: than 5"), "spec.thing: must be less: than 5"},
		{field.Invalid(at, true, "no"), "spec.thing: no"},
		{field.Invalid(at, map[string]string{"a": canary}, "field is immutable"), "spec.thing: field is immutable"},
		{field.Invalid(at, []string{canary, "b"}, "field is immutable"), "spec.thing: field is immutable"},
		{field.Invalid(at, encodingFails{Text: "canary"}, "field is immutable"), "spec.thing: field is immutable"},
		{field.Invalid(at, corev1.Container{Name: canary}, ""), "spec.thing: invalid value"},
		{field.NotSupported(at, canary, []string{"A", "B"}), `spec.thing: supported values: "A", "B"`},
		{field.Duplicate(at, canary), "spec.thing: duplicate value"},
		{field.NotFound(at, canary), "spec.thing: not found"},
		{field.TooLong(at, canary, 3), "spec.thing: Too long: may not be more than 3 bytes"},
		{field.Required(at, "name it"), "spec.thing: Required value: name it"},
		{field.Forbidden(at, "not now"), "spec.thing: Forbidden: not now"},
	} {
		got, fields, refused := refusal(apierrors.NewInvalid(kind, "x", field.ErrorList{test.err}))
		if got != test.want || !refused || len(fields) != 1 || fields[0] != "spec.thing" {
			t.Errorf("got %q, %v, %v, want %q", got, fields, refused, test.want)
		}
		if strings.Contains(got, "canary") {
			t.Errorf("a value is in %q", got)
		}
	}
	for _, err := range []error{
		apierrors.NewTooManyRequests("busy", 1), apierrors.NewInternalError(errString("etcd")), apierrors.NewConflict(schema.GroupResource{}, "x", errString("y")),
		apierrors.NewUnauthorized("no"), errString("plain"),
	} {
		if got, _, refused := refusal(err); refused {
			t.Errorf("%v is no refusal, got %q", err, got)
		}
	}
	bad := apierrors.NewBadRequest(`Deployment in version "v1" cannot be handled as a Deployment: parsing time "canary" as "2006"`)
	if got, _, _ := refusal(bad); got != "parsing time … as …" {
		t.Errorf("got %q", got)
	}
}

type errString string

func (e errString) Error() string { return string(e) }
