// Package bench measures `soctalk plan` against what it replaces: loops of the
// helm CLI over the same releases, on the same cluster, in the same run.
//
// The fleet is made of real Helm releases in a sandbox: one system release and
// n tenants, each with several revisions in Helm's own storage. The objects of
// the newest revision exist; older revisions are only stored, since nobody who
// plans reads more of them.
package bench
