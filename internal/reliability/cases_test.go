package reliability

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"
)

// done is a line of the progress file: a case that has passed.
type done struct {
	Case    string  `json:"case"`
	Seed    uint64  `json:"seed"`
	Seconds float64 `json:"seconds"`
	// Kills and Faults are what the run went through.
	Kills  int `json:"kills,omitempty"`
	Faults int `json:"faults,omitempty"`
}

// cases runs cases, save those that the progress file remembers.
type cases struct {
	mu   sync.Mutex
	file *os.File
	past map[string]done
}

func openCases(t *testing.T) *cases {
	t.Helper()
	c := &cases{past: map[string]done{}}
	if *progress == "" {
		return c
	}
	data, err := os.Open(*progress)
	if err == nil {
		lines := bufio.NewScanner(data)
		for lines.Scan() {
			var d done
			// A line that was cut off when the tests were is no case.
			if json.Unmarshal(lines.Bytes(), &d) == nil && d.Seed == *seed {
				c.past[d.Case] = d
			}
		}
		_ = data.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if c.file, err = os.OpenFile(*progress, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		kills, faults := 0, 0
		for _, d := range c.past {
			kills, faults = kills+d.Kills, faults+d.Faults
		}
		t.Logf("seed %d: %d cases passed, %d kills, %d faults", *seed, len(c.past), kills, faults)
		_ = c.file.Close()
	})
	return c
}

// run runs a case in parallel with others, unless it has passed before.
func (c *cases) run(t *testing.T, name string, body func(t *testing.T) done) {
	t.Helper()
	if _, ok := c.past[name]; ok {
		return
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		begun := time.Now()
		d := body(t)
		if t.Failed() {
			return
		}
		d.Case, d.Seed, d.Seconds = name, *seed, time.Since(begun).Seconds()
		t.Logf("%.1fs, %d kills, %d faults", d.Seconds, d.Kills, d.Faults)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.past[name] = d
		if c.file == nil {
			return
		}
		line, err := json.Marshal(d)
		if err == nil {
			_, err = c.file.Write(append(line, '\n'))
		}
		if err != nil {
			t.Error(err)
		}
	})
}
