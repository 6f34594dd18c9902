package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

// TestWhatIsNotSaved holds which gaps a plan tells of beside what it saves.
func TestWhatIsNotSaved(t *testing.T) {
	t.Parallel()
	const secrets, volumes = "warning Secrets are not saved", "warning Volumes are not saved"
	for name, c := range map[string]struct {
		change func(acme *schema.Tenant, wazuh *schema.Companion)
		want   []string
		detail string
	}{
		"all is saved": {func(_ *schema.Tenant, wazuh *schema.Companion) {
			wazuh.Snapshots = []*schema.Snapshot{{Name: "volumes", Driver: "csi", When: "always", Recipients: []string{"age1"}}}
		}, nil, ""},
		"no recipients": {func(acme *schema.Tenant, wazuh *schema.Companion) {
			acme.Snapshots[0].Recipients, wazuh.Snapshots = nil, []*schema.Snapshot{{Name: "none", Driver: "csi", When: "never"}}
		}, []string{secrets}, "The snapshots of tenant acme are taken without the Secrets"},
		"a companion without a block": {func(*schema.Tenant, *schema.Companion) {}, []string{volumes}, "tenant.acme.companion.wazuh (release wazuh-acme in namespace wazuh-acme): it is upgraded and keeps data on data-wazuh"},
		"a companion that is let go": {func(_ *schema.Tenant, wazuh *schema.Companion) {
			wazuh.Snapshots = []*schema.Snapshot{{Name: "none", Driver: "csi", When: "never"}}
		}, nil, ""},
		"nothing is saved at all": {func(acme *schema.Tenant, _ *schema.Companion) { acme.Snapshots = nil }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := saving(nil, map[string]string{"acme": "disk"})
			acme := w.fleet.Tenants[0]
			wazuh := &schema.Companion{Label: "wazuh", Release: release(acme.Address+".companion.wazuh", "wazuh-acme", "0.2.0")}
			acme.Companions = append(acme.Companions, wazuh)
			w.add(&wazuh.Release, "wazuh", "0.1.0")
			w.before[wazuh.Address] = append(w.before[wazuh.Address], Object{
				"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "data-wazuh", "namespace": "wazuh-acme"},
			})
			r := w.rendered[wazuh.Address]
			r.Objects, r.Again = append(r.Objects, w.before[wazuh.Address][1]), append(r.Again, w.before[wazuh.Address][1])
			c.change(acme, wazuh)
			var got []string
			for _, d := range w.plan().Diagnostics {
				got = append(got, string(d.Severity)+" "+d.Summary)
				if !strings.Contains(d.Detail, c.detail) {
					t.Errorf("%s: %q does not say %q", d.Summary, d.Detail, c.detail)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
