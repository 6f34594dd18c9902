// The Prometheus of tests: a module of its own, because its server needs other
// versions than the program does. It is built from here by its path.
module github.com/soctalk/fleet/internal/sandbox/prometheus

go 1.26.7

require github.com/prometheus/prometheus v0.316.0 // indirect
