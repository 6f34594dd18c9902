// Package examples holds fleets that a person can run, and the charts of the
// sandbox; its tests run them.
package examples
