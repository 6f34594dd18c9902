package cli

import "testing"

func TestIDsAreInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	for last, n := newID(), 0; n < 1000; n++ {
		id := newID()
		if len(id) != len("20060102-150405-00000000") || id[:len(id)-4] < last[:len(last)-4] {
			t.Fatalf("%s comes after %s", id, last)
		}
		last = id
	}
}
