package cli

import "runtime/debug"

const (
	// memoryFloor is what a plan may use before the garbage collector works
	// harder, in bytes.
	memoryFloor = 190 << 20
	// smallFleet is how many releases fit in there, and memoryEach what every
	// further one may add, in bytes.
	smallFleet = 1000
	memoryEach = 128 << 10
	// growth is how much the heap may grow between two collections, in percent
	// of what is in use: the memory is there, up to the limit.
	growth = 400
)

// boundMemory lets a plan use memory up to a soft limit that a fleet of so many
// releases has room in, unless the environment says otherwise.
func (a *app) boundMemory(releases int) {
	if a.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryFloor + memoryEach*int64(max(0, releases-smallFleet)))
	}
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}
