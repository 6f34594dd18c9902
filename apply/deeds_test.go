package apply

import (
	"maps"
	"testing"

	"github.com/soctalk/fleet/plan"
)

// What a way back undid is not done any more, and the revision that it made is
// the one of before; what was tried again later is done.
func TestDeeds(t *testing.T) {
	t.Parallel()
	step := func(address string, kind plan.StepKind) plan.Step {
		return plan.Step{ID: plan.StepID(address, 0, kind), Kind: kind, Address: address, Tenant: "tenant.a"}
	}
	doc := &plan.Document{Steps: []plan.Step{
		step("tenant.a.companion.x", plan.StepUpgrade), step("tenant.a", plan.StepUpgrade), step("tenant.a", plan.StepVerify),
	}}
	base := func(n int) *plan.Base { return &plan.Base{Revision: n} }
	entries := []Entry{
		{Kind: Begun, Step: "tenant.a.companion.x/0/upgrade", Base: base(3)}, {Kind: Done, Step: "tenant.a.companion.x/0/upgrade", Base: base(4)},
		{Kind: Begun, Step: "tenant.a/0/upgrade", Base: base(7)}, {Kind: Failed, Step: "tenant.a/0/upgrade"},
		{Kind: Begun, Step: "tenant.a/0/upgrade/rollback", Address: "tenant.a", Base: base(7)},
		{Kind: Done, Step: "tenant.a/0/upgrade/rollback", Address: "tenant.a", Base: base(9)},
		{Kind: Begun, Step: "tenant.a/0/upgrade/rollback", Address: "tenant.a.companion.x", Base: base(3)},
		{Kind: Done, Step: "tenant.a/0/upgrade/rollback", Address: "tenant.a.companion.x", Base: base(5)},
	}
	d := Deeds(doc, entries)
	if len(d.Begun) != 0 || len(d.Done) != 0 || d.Again["tenant.a"][9] != 7 || d.Again["tenant.a.companion.x"][5] != 3 {
		t.Errorf("after the way back: %+v", d)
	}
	d = Deeds(doc, append(entries,
		Entry{Kind: Ended}, Entry{Kind: Resumed},
		Entry{Kind: Begun, Step: "tenant.a.companion.x/0/upgrade", Base: base(5)}, Entry{Kind: Done, Step: "tenant.a.companion.x/0/upgrade", Base: base(6)},
		Entry{Kind: Begun, Step: "tenant.a/0/upgrade", Base: base(9)}))
	if want := map[string]int{"tenant.a.companion.x/0/upgrade": 6}; !maps.Equal(d.Made, want) || !d.Begun["tenant.a/0/upgrade"] || d.Done["tenant.a/0/upgrade"] {
		t.Errorf("after another attempt: %+v, want %v made", d, want)
	}
}
