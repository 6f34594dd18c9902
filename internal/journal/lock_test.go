package journal

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
)

func TestHolderIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, h := range []Holder{
		{Run: "20260101-000000-0a1b2c3d", Who: "kate@laptop"},
		{Run: "20260101-000000-0a1b2c3d", Who: `CORP\John Smith@PC-1`}, // as Windows has it
		{Run: "restore-20260101", Who: ""},
	} {
		identity := h.identity()
		if got := holderOf(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &identity}}); got != h {
			t.Errorf("%q is read as %+v, want %+v", identity, got, h)
		}
	}
	for _, none := range []*string{nil, new("")} {
		if got := holderOf(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: none}}); got != (Holder{}) {
			t.Errorf("nobody holds it, and that is read as %+v", got)
		}
	}
}
