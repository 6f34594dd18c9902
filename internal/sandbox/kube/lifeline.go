package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

// holdLifeline ends the process when the pipe named by the environment
// reaches its end.
func holdLifeline() error {
	const name = "SOCTALK_SANDBOX_LIFELINE"
	value := os.Getenv(name)
	if value == "" {
		return nil
	}
	fd, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%s=%q: not the number of a file descriptor", name, value)
	}
	if err := os.Unsetenv(name); err != nil {
		return fmt.Errorf("unset %s: %w", name, err)
	}
	pipe := os.NewFile(uintptr(fd), "lifeline")
	if _, err := pipe.Stat(); err != nil {
		return fmt.Errorf("open the lifeline, file descriptor %d: %w", fd, err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, pipe)
		os.Exit(0)
	}()
	return nil
}
