package preview1

import (
	"context"
	"crypto/rand"
	"io"

	"latticework/components"
	"latticework/components/wasi"
	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/cli"
	"latticework/components/wasi/clocks"
	"latticework/components/wasi/filesystem"
)

// guest is what one instance sees. It is used by one call at a time.
type guest struct {
	in     *components.CoreInstance
	call   call // the one under way
	args   list
	env    list
	clock  clocks.Clock
	random io.Reader
	files  *filesystem.System
	// fds are the open descriptors by number; nil for a number that is free.
	fds []*descriptor
}

// descriptor is an open file, folder or stream.
type descriptor struct {
	file wasifs.Descriptor // nil for a standard stream
	// in and out are those of standard streams, or made at first use for what
	// is not a regular file. appends is likewise for a file that is appended to.
	in           wasiio.InputStream
	out, appends wasiio.OutputStream

	kind             byte // file type
	base, inheriting rights
	flags            uint16
	offset           uint64 // of a regular file
	preopen          string // the guest path of a granted folder, else ""
	listing          *listing
}

func (d *descriptor) folder() bool { return d.kind == typeDirectory }

// newGuest opens what cfg grants.
//
// Errors: those of [wasi.Config.Validate] and [filesystem.Open].
func newGuest(ctx context.Context, cfg wasi.Config) (*guest, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &guest{clock: cfg.Clock, random: cfg.Random}
	g.call.guest = g
	if g.clock == nil {
		g.clock = clocks.System()
	}
	if g.random == nil {
		g.random = rand.Reader
	}
	for _, a := range cfg.Args {
		g.args.add(a)
	}
	for _, e := range cfg.Env {
		g.env.add(e.Name + "=" + e.Value)
	}
	files, err := filesystem.Open(filesystem.Config{Preopens: cfg.Preopens, MaxOpen: cfg.MaxOpenFiles, Limited: cfg.Limited, Now: g.clock.Wall})
	if err != nil {
		return nil, err
	}
	g.files = files
	g.openStdio(ctx, cfg)
	granted, _ := files.GetDirectories(ctx) // it has no way to fail
	for _, p := range granted {
		g.fds = append(g.fds, &descriptor{
			file: p.F0, kind: typeDirectory, preopen: p.F1,
			base: folderRights, inheriting: folderRights | fileRights,
		})
	}
	return g, nil
}

// openStdio makes descriptors 0, 1 and 2.
func (g *guest) openStdio(ctx context.Context, cfg wasi.Config) {
	stdio := cli.NewStdio(cfg.Stdin, cfg.Stdout, cfg.Stderr)
	in, _ := stdio.GetStdin(ctx) // none of the three has a way to fail
	out, _ := stdio.GetStdout(ctx)
	errs, _ := stdio.GetStderr(ctx)
	kind := func(terminal bool) byte {
		if terminal {
			return typeCharacter
		}
		return typeUnknown
	}
	g.fds = append(g.fds,
		&descriptor{in: in, kind: kind(cfg.Terminals.Stdin), base: stdioRights | rightFdRead},
		&descriptor{out: out, kind: kind(cfg.Terminals.Stdout), base: stdioRights | rightFdWrite},
		&descriptor{out: errs, kind: kind(cfg.Terminals.Stderr), base: stdioRights | rightFdWrite},
	)
}

// close drops all that is open.
func (g *guest) close(ctx context.Context) error {
	for i, d := range g.fds {
		if d != nil {
			d.close(ctx)
			g.fds[i] = nil
		}
	}
	return g.files.Close()
}

func (d *descriptor) close(ctx context.Context) {
	d.endListing(ctx)
	if d.in != nil {
		d.in.Drop(ctx)
	}
	if d.out != nil {
		d.out.Drop(ctx)
	}
	d.endAppends(ctx)
	if d.file != nil {
		d.file.Drop(ctx)
	}
}

func (g *guest) ctx() context.Context { return g.in.Context() }

// fd returns an open descriptor.
//
// Errors: errBadf.
func (g *guest) fd(n uint32) (*descriptor, error) {
	if uint64(n) >= uint64(len(g.fds)) || g.fds[n] == nil {
		return nil, errBadf
	}
	return g.fds[n], nil
}

// fdWith returns an open descriptor with all of need.
//
// Errors: errBadf for one that is not open, or not for reading or writing;
// errNotdir for a right that only folders have, errNotcapable for others.
func (g *guest) fdWith(n uint32, need rights) (*descriptor, error) {
	d, err := g.fd(n)
	if err != nil {
		return nil, err
	}
	missing := need &^ d.base
	switch {
	case missing == 0:
		return d, nil
	case !d.folder() && missing&folderRights&^fileRights != 0:
		return nil, errNotdir
	case d.folder() && missing&fileRights&^folderRights != 0:
		return nil, errBadf
	case missing&(rightFdRead|rightFdWrite) != 0:
		return nil, errBadf
	case d.file == nil && missing&(rightFdSeek|rightFdTell) != 0:
		return nil, errSpipe
	}
	return nil, errNotcapable
}

// add gives d the lowest free number.
func (g *guest) add(d *descriptor) uint32 {
	for i, other := range g.fds {
		if other == nil {
			g.fds[i] = d
			return uint32(i)
		}
	}
	g.fds = append(g.fds, d)
	return uint32(len(g.fds) - 1)
}
