// Package journal keeps in the system's namespace what runs have to know of
// each other and of themselves: the lock, a Lease, so that there is one run at a
// time; and for each run a ConfigMap with what became of it, ConfigMaps with its
// entries, and Secrets with its plan.
package journal
