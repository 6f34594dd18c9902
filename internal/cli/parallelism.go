package cli

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"
)

// defaultParallelism is how many releases are read and rendered at a time.
const defaultParallelism = 10

func parallelismFlag(cmd *cobra.Command, n *int, usage string) {
	*n = defaultParallelism
	cmd.Flags().Var(atLeastOne{n}, "parallelism", usage)
}

// atLeastOne is the value of a flag.
type atLeastOne struct{ n *int }

func (v atLeastOne) String() string {
	if v.n == nil {
		return ""
	}
	return strconv.Itoa(*v.n)
}

// Type is what help calls the value.
func (atLeastOne) Type() string { return "int" }

func (v atLeastOne) Set(s string) error {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return errors.New("it must be a whole number")
	case n < 1:
		return errors.New("it must be at least 1")
	}
	*v.n = n
	return nil
}
