// Package check asks the probes of a fleet's checks: over HTTP, of the system's
// database, of Prometheus, by a Job, by a program of this machine. It asks once;
// how often and for how long is the applier's business.
package check
