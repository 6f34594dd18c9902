//go:build race

package schema

// raceDetector slows everything down tenfold; what is about cost is left out.
const raceDetector = true
