// Package archtest holds the rooms of docs/architecture.md against the code.
package archtest
