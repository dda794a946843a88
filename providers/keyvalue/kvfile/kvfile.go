// Package kvfile serves wasi:keyvalue from one file of the host's disk, with
// nothing else installed. Data survives restarts.
package kvfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/keyvalue"
)

// Name is how manifests call the technology.
const Name = "keyvalue-file"

// lockWait is how long Open waits for another process to let go of the file.
const lockWait = time.Second

// Technology describes it for a registry.
func Technology() providers.Technology {
	return providers.Technology{
		Name:       Name,
		Summary:    "key-value buckets in a file of the host's disk, kept over restarts",
		Interfaces: keyvalue.Interfaces(),
		New:        func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// Provider keeps buckets in a file.
type Provider struct {
	name string
	path string
	sync bool

	db     *bbolt.DB // set by Open
	writer *writer   // set by Open
}

// New returns a provider that keeps its data in the file NAME.keyvalue of the
// data folder. Its setting is "sync": "always", the default, answers a write
// when it is on the disk; "never" leaves that to the operating system, which
// is faster, survives the end of the process, and may damage the file when
// the machine loses power.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong, and without a
//     data folder.
func New(s providers.Setup) (*Provider, error) {
	c := providers.ReadSettings("provider "+s.Name, s.Config)
	p := &Provider{name: s.Name}
	p.sync = c.OneOf("sync", "always", "always", "never") == "always"
	if s.DataFolder == "" {
		c.Fail("the host has no data folder to keep the file in")
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	p.path = filepath.Join(s.DataFolder, fileName(s.Name)+".keyvalue")
	return p, nil
}

// fileName makes a name that no file system objects to, different for
// different provider names also where case does not count.
func fileName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.name, Technology: Name, Interfaces: keyvalue.Interfaces()}
}

// Path returns where the file is.
func (p *Provider) Path() string { return p.path }

// Open opens the file, or makes it with its folder, for this process alone.
//
// Errors:
//   - errcode.Conflict if another process has the file open.
//   - errcode.Denied if the folder or file may not be read and written.
//   - errcode.Invalid if the file is something else, or cut short;
//     errcode.Internal if it is damaged elsewhere.
//   - errcode.Unsupported if a newer version wrote it.
//   - errcode.Unavailable for other troubles with the disk.
func (p *Provider) Open(context.Context) (err error) {
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return p.fileError(err)
	}
	if err := checkSize(p.path); err != nil {
		return err
	}
	defer damaged(&err, p.path, watchFaults())
	db, err := bbolt.Open(p.path, 0o600, &bbolt.Options{
		Timeout: lockWait, NoSync: !p.sync, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return p.fileError(err)
	}
	if err := checkFormat(db, p.path); err != nil {
		return errors.Join(err, db.Close())
	}
	p.db, p.writer = db, startWriter(db, p.path)
	return nil
}

func (p *Provider) fileError(err error) error {
	doing := "open data file " + p.path
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return errcode.New(errcode.Conflict, "%s: another process has it open", doing).
			WithNext("stop the other host that uses %s, or start this one with another data folder", filepath.Dir(p.path))
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return errcode.New(errcode.Invalid, "%s: it is not a data file of this version, or it is damaged: %w", doing, err).
			WithNext("restore it from a backup, or move it away to start empty")
	case errors.Is(err, fs.ErrPermission):
		return errcode.New(errcode.Denied, "%s: %w", doing, err).WithNext("give this user read and write permission on it")
	}
	return errcode.New(errcode.Unavailable, "%s: %w", doing, err)
}

// Health implements [providers.Provider]: the file must still be in its place.
func (p *Provider) Health(context.Context) error {
	if _, err := os.Stat(p.path); err != nil {
		return errcode.New(errcode.Unavailable, "check data file: %w", err)
	}
	return nil
}

// Close finishes the commit in progress and closes the file.
func (p *Provider) Close(context.Context) error {
	if p.db == nil {
		return nil
	}
	p.writer.close()
	err := p.db.Sync()
	return errors.Join(err, p.db.Close())
}

// Link implements [providers.Provider]. Settings are those of
// [keyvalue.Options].
//
// Errors:
//   - errcode.Invalid for settings that are unknown or out of range.
//   - errcode.Unsupported for an interface that is not served.
func (p *Provider) Link(_ context.Context, l providers.Link) (providers.Session, error) {
	c := providers.ReadSettings("link "+l.String(), l.Config)
	o := keyvalue.ReadOptions(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return keyvalue.NewSession(l, &backend{provider: p, namespace: o.Namespace}, o)
}

// backend is one link's view.
type backend struct {
	provider  *Provider
	namespace string
}

func (b *backend) Open(_ context.Context, bucket string) (keyvalue.Keys, error) {
	return &table{name: tableName(b.namespace, bucket), db: b.provider.db, writer: b.provider.writer, path: b.provider.path}, nil
}

func (b *backend) Probe(ctx context.Context) error { return b.provider.Health(ctx) }

func (b *backend) Close(context.Context) error { return nil }
