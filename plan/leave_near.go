package plan

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"github.com/soctalk/fleet/schema"
)

// checkMeant warns of a removed block that takes nothing away while a tenant that
// no block names has nearly its name. A block may stay in the files after its
// tenant is gone, so that there is nothing to take away is no mistake by itself.
func (d *Draft) checkMeant(r *schema.Removed) {
	for _, key := range d.observation.Unmanaged {
		if r.Cluster != "" && r.Cluster != key.Cluster || !nearly(r.Name, key.Name) {
			continue
		}
		slug := strings.TrimPrefix(key.Name, "tenant-")
		d.diagnostics = append(d.diagnostics, Diagnostic{
			Severity: Warning, Address: r.Address(), Range: rangeOf(r.Source.At("from")), Summary: "Nothing to remove",
			Detail: fmt.Sprintf("%s: there is no release %s in namespace %s, but %s is live and no block names it. If that is meant, write\n    from = %q\nIf the tenant is gone and this block has done its work, take it out.",
				r.Address(), r.Name, r.Namespace, key, slug),
		})
		return
	}
}

// nearly says whether one name may be a slip for another. Names that differ in
// their numbers alone are numbered.
func nearly(a, b string) bool {
	a, b = strings.TrimPrefix(a, "tenant-"), strings.TrimPrefix(b, "tenant-")
	if letters(a) == letters(b) {
		return false
	}
	return levenshtein.Distance(a, b, nil) <= max(1, len(b)/4)
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}
