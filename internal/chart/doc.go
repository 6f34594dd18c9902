// Package chart fetches charts from registries, repositories and folders,
// checks them against the lock file and keeps them in a cache.
package chart
