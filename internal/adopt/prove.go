package adopt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"reflect"

	"github.com/soctalk/fleet/schema"
)

// Prove holds the files, as they were loaded with the secrets in their place,
// against what is live: the same releases on the same clusters, the same charts
// and versions, and values that come to the same once the chart's defaults are
// below them.
func (r *Result) Prove(f *schema.Fleet) error {
	declared := f.Releases()
	if len(declared) != len(r.Addresses) {
		return fmt.Errorf("the files name %d releases, and %d are live", len(declared), len(r.Addresses))
	}
	for _, d := range declared {
		live := r.Addresses[d.Address]
		switch {
		case live == nil:
			return fmt.Errorf("the files name %s, and nothing live is that", d.Address)
		case d.Namespace != live.Namespace || d.Name != live.Name:
			return fmt.Errorf("%s is release %s in namespace %s in the files, and %s is live", d.Address, d.Name, d.Namespace, live.where())
		case d.Cluster != cmp.Or(live.Cluster, schema.DefaultCluster):
			return fmt.Errorf("%s is on cluster %s in the files, and %s is on %s", d.Address, d.Cluster, live.where(), cmp.Or(live.Cluster, schema.DefaultCluster))
		case chartOf(d.Chart) != live.Chart:
			return fmt.Errorf("%s is of chart %s in the files, and %s is of %s", d.Address, chartOf(d.Chart), live.where(), told(live.Chart))
		case d.Version.Original() != live.Version:
			return fmt.Errorf("%s is at %s in the files, and at %s live", d.Address, d.Version.Original(), live.Version)
		case !reflect.DeepEqual(plainly(over(live.Defaults, d.Values)), plainly(over(live.Defaults, live.Config))):
			return fmt.Errorf("the files give %s other values than the live release has", d.Address)
		}
	}
	return nil
}

// chartOf is the name of a chart, which a registry has at the end of its address.
func chartOf(c schema.Chart) string {
	if c.Name != "" {
		return c.Name
	}
	return path.Base(c.Ref)
}

// over lays values upon others as Helm does.
func over(base, values map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range base {
		out[k] = v
	}
	for k, v := range values {
		m, isMap := v.(map[string]any)
		if b, wasMap := out[k].(map[string]any); isMap && wasMap {
			out[k] = over(b, m)
			continue
		}
		out[k] = v
	}
	return out
}

// plainly takes away how decoders differ in their numbers.
func plainly(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		return err
	}
	return out
}
