// Package clustertest drives the command line against a real node and a real
// PostgreSQL, for what simulated pods cannot show: that a database is really
// migrated, and what becomes of everything when it is not.
package clustertest
