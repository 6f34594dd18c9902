// Package snapshot saves what a run is about to change, and brings it back. A
// [Driver] knows one way of saving; [Taker] is what the drivers have in common:
// the record that is written ahead, what a cut-off attempt leaves, retention.
package snapshot
