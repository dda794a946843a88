package compose

import (
	"strconv"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
)

// Part is a component and what errors call it, such as its file's name.
type Part struct {
	Name string
	Data []byte
}

// Plug returns a component that is socket with plugs in its imports. Errors
// call the parts "socket", "plug 1" and so on; see PlugParts.
func Plug(socket []byte, plugs ...[]byte) ([]byte, error) {
	parts := make([]Part, len(plugs))
	for i, p := range plugs {
		parts[i] = Part{Name: "plug " + strconv.Itoa(i+1), Data: p}
	}
	return PlugParts(Part{Name: "socket", Data: socket}, parts...)
}

// PlugParts returns a component that is socket with plugs in its imports.
//
// An export of a plug goes into the import of the socket that has the same
// name, or else, for interfaces, a version that may stand for it (see
// wit.MatchVersion). What is left of all imports is imported once for each
// name, and once for all versions of an interface that may stand for one
// another, under the highest of them, as long as the types agree. The result
// is a valid component; it holds the parts byte for byte.
//
// Errors:
//   - errcode.Invalid, as *NotComponentError, if a part is not a component, or
//     not a valid one.
//   - errcode.NotFound, as *NothingError, if nothing that a plug exports is
//     imported by the socket.
//   - errcode.Conflict, as *DuplicateError, if two plugs provide one import.
//   - errcode.Invalid, as *MismatchError, if types do not fit.
//   - errcode.Unsupported if an import's type cannot be written again: a core
//     module that uses types of the garbage collection proposal.
func PlugParts(socket Part, plugs ...Part) ([]byte, error) {
	s, err := load(socket)
	if err != nil {
		return nil, err
	}
	s.socket = true
	units := []*unit{s}
	for _, p := range plugs {
		u, err := load(p)
		if err != nil {
			return nil, err
		}
		units = append(units, u)
	}
	links, err := match(s, units[1:])
	if err != nil {
		return nil, err
	}
	groups, classes, err := merge(units, links)
	if err != nil {
		return nil, err
	}
	b := &builder{out: &binary.Component{}, units: units, links: links, groups: groups}
	b.top = newScope(&typeWriter{classes: classes}, nil, b.add)
	return b.build()
}

// unit is a part with what is known about it.
type unit struct {
	Part
	socket bool
	typ    *validate.ComponentType
	// index is its component index in the result, instance that of its
	// instance.
	index, instance uint32
	// args are what its imports get.
	args []binary.Arg
}

func load(p Part) (*unit, error) {
	if !binary.IsComponent(p.Data) {
		return nil, notComponent(p, nil)
	}
	tree, err := binary.Decode(p.Data, binary.Limits{})
	if err != nil {
		return nil, notComponent(p, err)
	}
	info, err := validate.Check(tree, p.Data)
	if err != nil {
		return nil, notComponent(p, err)
	}
	return &unit{Part: p, typ: info.Type}, nil
}
