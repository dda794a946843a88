// Package validate checks that a decoded component is valid: that every index
// names something of the right sort, that names are well-formed and unique,
// that types are well-formed, that what is given fits what is asked for, that
// resources keep their identity, and that types which cross a component's
// border have a name there.
//
// It resolves the syntax of package binary to a graph of [Type]: index spaces
// are gone, aliases point to the same node, and each import or export of a
// type is a node of its own, because having a name at the border is a property
// of that node. A resource's identity is a [Resource], shared by all nodes
// that stand for it. Component types and instance types bind the resources
// that they introduce; instantiation and subtyping replace the bound ones, see
// subst.
//
// Function bodies and segments of core modules are not checked here.
package validate
