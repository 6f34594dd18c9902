//go:build linux

package realnode

// What tests of leftovers look at.
var SweepCgroups = sweepCgroups

// Cgroup is the path of the node's control group in each hierarchy.
func (n *Node) Cgroup() string { return n.cgroup }

// Link is the name of the machine's end of its link to the node.
func (n *Node) Link() string { return n.network.name }

// Dir is the node's folder.
func (n *Node) Dir() string { return n.dir }
