// Package helm installs, upgrades, renders and reads Helm releases. It and
// package chart are the only importers of helm.sh/helm/v3: chart loads and
// fetches, this package does everything that needs a cluster.
package helm
