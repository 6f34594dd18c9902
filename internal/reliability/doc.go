// Package reliability kills the real program, disturbs its way to the API
// server and runs it against itself, on the sandbox's cluster. Whatever
// happened, a run must come to the end that an undisturbed one comes to. See
// docs/reliability.md.
package reliability
