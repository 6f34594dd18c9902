// Package clitest drives the program on a real control plane, script by script,
// as a person at a terminal does.
package clitest
