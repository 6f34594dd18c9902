package schema

import (
	"fmt"
	"path"
	"strings"
)

// Acceptance is a release's `accept` list: the explicit word in the files for
// what a plan refuses otherwise. Every word in it is well formed.
type Acceptance []string

// The words that stand alone, and the first part of those that name something.
const (
	acceptRemove     = "remove"
	acceptRecreate   = "recreate"
	acceptOwner      = "owner"
	acceptNoSnapshot = "no-snapshot"
)

// The kinds and tools that a word may name.
var (
	removableKinds    = []string{"PersistentVolumeClaim", "StatefulSet"}
	recreatableKinds  = []string{"ClusterRoleBinding", "ConfigMap", "DaemonSet", "Deployment", "Job", "PersistentVolumeClaim", "RoleBinding", "Secret", "Service", "StatefulSet", "StorageClass"}
	ownerTools        = []string{"argocd", "flux", "helmchart"}
	acceptanceForms   = `"remove:KIND/NAME" (KIND StatefulSet or PersistentVolumeClaim), "recreate:KIND/NAME", "owner:TOOL" (flux, argocd or helmchart) and "no-snapshot"`
	acceptanceMembers = map[string][]string{acceptRemove: removableKinds, acceptRecreate: recreatableKinds, acceptOwner: ownerTools}
)

// RemoveWord is the word that accepts the removal of one object.
func RemoveWord(kind, name string) string { return acceptRemove + ":" + kind + "/" + name }

// RecreateWord is the word that accepts that one object is deleted by hand and
// created anew.
func RecreateWord(kind, name string) string { return acceptRecreate + ":" + kind + "/" + name }

// OwnerWord is the word that accepts another tool beside this one.
func OwnerWord(tool string) string { return acceptOwner + ":" + tool }

// NoSnapshotWord accepts a hop without the snapshot that it should have.
const NoSnapshotWord = acceptNoSnapshot

// Accepts says whether one of the words accepts what the given word, which
// names one thing exactly, stands for.
func (a Acceptance) Accepts(word string) bool {
	for _, w := range a {
		if WordAccepts(w, word) {
			return true
		}
	}
	return false
}

// OwnedBy says whether a tool (flux, argocd, helmchart) may manage the release
// too.
func (a Acceptance) OwnedBy(tool string) bool { return a.Accepts(OwnerWord(tool)) }

// NoSnapshot says whether a hop may do without a snapshot that it should have.
func (a Acceptance) NoSnapshot() bool { return a.Accepts(NoSnapshotWord) }

// WordAccepts says whether a word, in which a name may hold the patterns of
// [path.Match], covers the word for one thing exactly.
func WordAccepts(word, exact string) bool {
	ok, err := path.Match(word, exact)
	return err == nil && ok
}

func (x *instance) acceptance(n *node) Acceptance {
	words := x.strings(n, "accept")
	for _, w := range words {
		if why := misspelt(w); why != "" {
			x.fail(x.written(n, "accept"), "Invalid word in accept", fmt.Sprintf("%q is not understood: %s The words are %s.", w, why, acceptanceForms))
			return nil
		}
	}
	return words
}

// misspelt says what is wrong with a word of `accept`, with the nearest word
// that is right; empty when it is well formed.
func misspelt(word string) string {
	if word == acceptNoSnapshot {
		return ""
	}
	verb, rest, _ := strings.Cut(word, ":")
	members, known := acceptanceMembers[verb]
	if !known {
		near := suggest(verb, []string{acceptRemove, acceptRecreate, acceptOwner, acceptNoSnapshot})
		if acceptanceMembers[near] != nil {
			near += ":" + rest
		}
		return "there is no such word." + didYouMeanThis(near)
	}
	member, name, hasName := strings.Cut(rest, "/")
	if !contains(members, member) {
		near := suggest(member, members)
		if near != "" && hasName {
			near += "/" + name
		}
		if near != "" {
			near = verb + ":" + near
		}
		return fmt.Sprintf("after %q comes one of %s.", verb+":", strings.Join(members, ", ")) + didYouMeanThis(near)
	}
	if verb == acceptOwner {
		if hasName {
			return "a tool has no name after it." + didYouMeanThis(verb+":"+member)
		}
		return ""
	}
	if _, err := path.Match(name, ""); err != nil || name == "" || strings.Contains(name, "/") {
		return "after the kind comes the object's name, in which * and ? stand for any characters."
	}
	return ""
}

func didYouMeanThis(near string) string {
	if near == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", near)
}
