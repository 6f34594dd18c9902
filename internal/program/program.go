// Package program is what the programs that a fleet's files name have in common,
// on this machine: what they find, and how they end.
package program

import (
	"maps"
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// Environment is this program's own, without the values of variables, and what
// is told beside it, each name behind a prefix.
func Environment(own []string, prefix string, told map[string]string) []string {
	var env []string
	for _, e := range own {
		if !strings.HasPrefix(e, schema.EnvPrefix) {
			env = append(env, e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		env = append(env, prefix+name+"="+told[name])
	}
	return env
}
