package helm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Path leads to a field: strings are keys, ints are indices.
type Path []any

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// String is the path as people write it: spec.containers[0].env, and
// metadata.annotations["a.b/c"] where a key is no plain word.
func (p Path) String() string {
	var b strings.Builder
	for _, e := range p {
		switch e := e.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", e)
		case string:
			if !plainKey.MatchString(e) {
				fmt.Fprintf(&b, "[%s]", strconv.Quote(e))
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(e)
		}
	}
	return b.String()
}
