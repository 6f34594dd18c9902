// Package program is what the programs that a fleet's files name have in common,
// on this machine: what they find, and how they end.
package program

import (
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

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

// endTime is how long a program may take to be gone once its time is over, and
// what it has started once it has ended.
const endTime = 5 * time.Second

// ErrLeftRunning says that a program has ended well, but that what it had started
// went on writing, and was killed.
var ErrLeftRunning = errors.New("it has ended, but what it had started went on writing and was killed")

// Run runs a program to its end. Whatever it has started ends with it, also
// when the command's context ends.
func Run(cmd *exec.Cmd) error {
	inGroup(cmd)
	cmd.WaitDelay = endTime
	err := cmd.Run()
	endGroup(cmd)
	if errors.Is(err, exec.ErrWaitDelay) {
		return ErrLeftRunning
	}
	return err
}
