package manifest

import (
	"path/filepath"
	"strings"

	"latticework/internal/errcode"
)

// Image is where a part comes from.
type Image struct {
	Text string // as written
	// Path is the file of a component, joined to the manifest's folder if
	// relative; "" for a capability.
	Path string
}

// imageKind is what an image's text looks like.
type imageKind int

const (
	imageUnclear    imageKind = iota
	imageFile                 // a path or file://
	imageTechnology           // lattice://
	imageRegistry             // an OCI reference
	imageRemote               // another URL
)

// classify tells the forms apart by text alone. A path without ./ before it is
// taken for one unless its first part looks like a host name.
func classify(text string) (kind imageKind, rest string) {
	scheme, after, found := strings.Cut(text, "://")
	switch {
	case found && scheme == "file":
		return imageFile, after
	case found && scheme+"://" == Scheme:
		return imageTechnology, after
	case found && scheme == "oci":
		return imageRegistry, after
	case found:
		return imageRemote, after
	}
	if strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") || strings.HasPrefix(text, "/") {
		return imageFile, text
	}
	first, _, hasSlash := strings.Cut(text, "/")
	switch {
	case hasSlash && strings.ContainsAny(first, ".:"):
		return imageRegistry, text
	case strings.HasSuffix(text, ".wasm"):
		return imageFile, text
	}
	return imageUnclear, text
}

// componentImage reads the image of a component.
func (d *decoder) componentImage(c cursor, text string) Image {
	image := Image{Text: text}
	switch kind, rest := classify(text); kind {
	case imageFile:
		if rest == "" || strings.HasSuffix(rest, "/") {
			d.invalid(c, "%q names no file", text)
			break
		}
		path := filepath.FromSlash(rest)
		if !filepath.IsAbs(path) {
			path = filepath.Join(d.folder, path)
		}
		image.Path = filepath.Clean(path)
	case imageTechnology:
		d.invalid(c, "%q is a capability", text).next("set type: capability, or name a .wasm file")
	case imageRegistry, imageRemote:
		d.unsupported(c, "image %q: components are read from files only", text).
			next("download it and name the file: image: file://./NAME.wasm")
	default:
		d.invalid(c, "%q is not the name of a component's file", text).next("write file://./NAME.wasm")
	}
	return image
}

// capabilityImage reads the image of a capability.
func (d *decoder) capabilityImage(c cursor, text string) (Image, Technology) {
	image := Image{Text: text}
	switch kind, rest := classify(text); kind {
	case imageTechnology:
		if t, ok := technologyNamed(rest); ok {
			return image, t
		}
		d.report(c, errcode.Unsupported, "no provider %q in this binary", text).nextOneOf(text, technologyNames()...)
	case imageRegistry:
		if t, ok := technologyReplacing(text); ok {
			d.notice(c, "%s stands for %s%s, which runs instead", text, Scheme, t.Name)
			return image, t
		}
		d.unsupported(c, "image %q: providers are those inside the binary", text).nextOneOf(text, technologyNames()...)
	case imageFile, imageRemote:
		d.unsupported(c, "image %q: providers as programs of their own", text).nextOneOf(text, technologyNames()...)
	default:
		d.invalid(c, "%q is not a provider", text).nextOneOf(text, technologyNames()...)
	}
	return image, Technology{}
}
