// Package wit reads, resolves and prints WIT, the interface language of the
// component model.
//
// The syntax and the rules are those of WIT.md in the component-model
// repository. [ParseFS] and [ParseText] turn text into a [Resolve]: packages
// whose names all point to what they mean. [Type] is the shape of a value
// with every alias gone; [TypeDef] is the definition that the source wrote.
// Nothing here does I/O other than through the fs.FS it is given.
package wit
