// Package deployment makes of a manifest what is sent to a lattice, and refuses
// before anything is sent what could not run: a file that is no component, an
// import that nothing serves, a link to what does not fit.
package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/manifest"
	"latticework/lattice/linkstate"
	"latticework/wit/abi"
)

// Config says what a deployment is made with.
type Config struct {
	// Path is a manifest or a folder that holds one.
	Path string
	// HTTPListen, if set, is where HTTP servers listen instead of where the
	// manifest says.
	HTTPListen string

	Engine *components.Engine
	// Builtins are the interfaces that every component gets; Contracts those
	// that providers serve over links.
	Builtins  []*abi.Interface
	Contracts []*abi.Interface
}

// Plan is an application ready to be deployed.
type Plan struct {
	Application *manifest.Application
	Deploy      linkstate.DeployApplication
	Images      []Image
	// Notices are for the author: what was accepted, but perhaps not meant.
	Notices []string
}

// Image is the bytes of a component.
type Image struct {
	Component string // the name of a component that uses it
	Path      string
	Digest    string
	Data      []byte
}

// Load reads the manifest and its components and checks them.
//
// Errors:
//   - those of [manifest.Load].
//   - errcode.NotFound, errcode.Denied if a component's file cannot be read.
//   - errcode.Invalid if a file is no component, an import is neither built in
//     nor linked, or a link leads to what does not serve it.
//   - errcode.Unsupported if a component needs what is not implemented.
func Load(ctx context.Context, cfg Config) (*Plan, error) {
	app, err := manifest.Load(cfg.Path)
	if err != nil {
		return nil, err
	}
	p := &Plan{Application: app}
	for _, n := range app.Notices {
		p.Notices = append(p.Notices, fmt.Sprintf("line %d: %s: %s", n.Position.Line, n.Path, n.Text))
	}
	digests := map[string]string{} // by path
	var images []Image
	for i := range app.Components {
		c := &app.Components[i]
		if _, ok := digests[c.Image.Path]; ok {
			continue
		}
		data, err := readImage(c)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		digests[c.Image.Path] = "sha256:" + hex.EncodeToString(sum[:])
		images = append(images, Image{Component: c.Name, Path: c.Image.Path, Digest: digests[c.Image.Path], Data: data})
	}
	p.Images = images
	if err := p.check(ctx, cfg); err != nil {
		return nil, err
	}
	return p, p.build(cfg, digests)
}

func readImage(c *manifest.Component) ([]byte, error) {
	data, err := os.ReadFile(c.Image.Path)
	var cause *fs.PathError
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, errcode.New(errcode.NotFound, "component %q: there is no file %s", c.Name, c.Image.Path).
			WithNext("build the component, or correct its image in line %d of the manifest", c.Position.Line)
	case errors.Is(err, fs.ErrPermission):
		return nil, errcode.New(errcode.Denied, "component %q: %w", c.Name, err).WithNext("make the file readable")
	case errors.As(err, &cause):
		err = cause.Err
	}
	return nil, errcode.New(errcode.Invalid, "component %q: read %s: %w", c.Name, c.Image.Path, err)
}

// build makes the records of link state.
func (p *Plan) build(cfg Config, digests map[string]string) error {
	app := p.Application
	d := &p.Deploy
	d.Application = linkstate.Application{Name: app.Name, Version: app.Version, Description: app.Description, Labels: app.Labels}
	for _, c := range app.Configs {
		d.Configs = append(d.Configs, linkstate.Config{Name: c.Name, Values: c.Properties})
	}
	ids := map[string]string{}
	grants, err := granted(cfg, app)
	if err != nil {
		return err
	}
	for i := range app.Components {
		c := &app.Components[i]
		if c.Scale.Instances == 0 {
			return noInstances(&c.Part)
		}
		ids[c.Name] = c.ID
		d.Components = append(d.Components, linkstate.Component{
			Name: c.ID, Image: linkstate.Image{Ref: c.Image.Text, Digest: digests[c.Image.Path]},
			Config: c.Config, Instances: uint32(c.Scale.Instances), Spread: spread(c.Scale), Limits: limits(c), Isolation: isolation(c),
			ReuseInitialized: c.ReuseInitialized, Grants: grants[i],
		})
	}
	for i := range app.Capabilities {
		c := &app.Capabilities[i]
		if c.Scale.Instances == 0 {
			return noInstances(&c.Part)
		}
		ids[c.Name] = c.ID
		d.Providers = append(d.Providers, linkstate.Provider{
			Name: c.ID, Technology: c.Technology.Name, Config: c.Config,
			Instances: uint32(c.Scale.Instances), Spread: spread(c.Scale),
		})
	}
	for _, l := range app.Links {
		d.Links = append(d.Links, link(l, ids))
	}
	if cfg.HTTPListen != "" {
		p.listen(cfg.HTTPListen)
	}
	return nil
}

func noInstances(p *manifest.Part) error {
	return errcode.New(errcode.Unsupported, "component %q: 0 instances", p.Name).
		WithNext("take it out of the manifest until it is to run (line %d)", p.Position.Line)
}

func link(l manifest.Link, ids map[string]string) linkstate.Link {
	id := func(name string) string {
		if id, ok := ids[name]; ok {
			return id
		}
		return name // outside of the application
	}
	return linkstate.Link{
		LinkKey: linkstate.LinkKey{
			Source: id(l.Source), Name: l.Name, Namespace: l.Namespace, Package: l.Package, Interfaces: l.Interfaces,
		},
		Targets:      []linkstate.Target{{Name: id(l.Target), Config: l.TargetConfig}},
		SourceConfig: l.SourceConfig,
	}
}

func spread(s manifest.Scale) []linkstate.Spread {
	var out []linkstate.Spread
	for _, r := range s.Spread {
		out = append(out, linkstate.Spread{Name: r.Name, Weight: uint32(r.Weight), Requirements: r.Requirements})
	}
	return out
}

func limits(c *manifest.Component) linkstate.Limits {
	l := linkstate.Limits{MemoryBytes: uint64(c.Limits.Memory), TimeoutMillis: uint32(c.Limits.Time.Milliseconds()),
		Fuel: uint64(c.Limits.Fuel), StackBytes: uint64(c.Limits.StackBytes), ValueBytes: uint64(c.Limits.ValueBytes),
		MaxInstances: uint32(c.Limits.Instances), Threads: uint32(c.Limits.Threads), Handles: uint32(c.Limits.Handles), OpenFiles: uint32(c.Limits.OpenFiles), Sockets: uint32(c.Limits.Sockets),
		BufferedBytes: uint32(c.Limits.BufferedBytes), Headers: uint32(c.Limits.Headers), HeaderBytes: uint32(c.Limits.HeaderBytes),
		OutgoingRequests: uint32(c.Limits.OutgoingRequests)}
	if c.MaxRequestsPerInstance > 1 {
		l.RequestsPerReuse = uint32(c.MaxRequestsPerInstance)
	}
	return l
}

func isolation(c *manifest.Component) string {
	if c.MaxRequestsPerInstance > 1 {
		return linkstate.IsolationReuse
	}
	return linkstate.IsolationFresh
}
