// Package datafolder is where a host keeps what must survive it: who it is, its
// part of the lattice's state, the data of embedded providers, compiled code.
// One process at a time holds a folder.
package datafolder

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"latticework/internal/errcode"
	"latticework/lattice"
)

// The names below a data folder.
const (
	lockFile     = "lock"
	identityFile = "host.json"
	runningFile  = "running.json"
)

// Role is what a host is to its lattice.
type Role string

// The roles.
const (
	// RoleControl is a host whose process also holds the lattice's state.
	RoleControl Role = "control"
	// RoleMember is a host that joined a lattice whose state is elsewhere.
	RoleMember Role = "member"
)

// Identity is who a host is; it is written once.
type Identity struct {
	Host    lattice.HostID    `json:"host"`
	Lattice string            `json:"lattice"`
	Cluster lattice.ClusterID `json:"cluster"`
	Role    Role              `json:"role"`
}

// Folder is a data folder that this process holds.
type Folder struct {
	path string
	lock *os.File
}

// StateRoot is the folder of all data folders of this user:
// $XDG_STATE_HOME/lattice, by default ~/.local/state/lattice.
func StateRoot() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lattice")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "lattice-state")
	}
	return filepath.Join(home, ".local", "state", "lattice")
}

// Default is the data folder of a lattice where none is named.
func Default(latticeName string) string { return filepath.Join(StateRoot(), latticeName) }

// Open makes the folder if it is absent and takes it for this process. Close
// must follow.
//
// Errors:
//   - errcode.Denied if this user may not write there, or something that is no
//     folder is in its place.
//   - errcode.Conflict if another process holds it.
func Open(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, folderError(path, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, folderError(path, err)
	}
	f, err := takeLock(filepath.Join(path, lockFile))
	if errors.Is(err, errHeld) {
		return nil, held(path)
	}
	if err != nil {
		return nil, folderError(path, err)
	}
	return &Folder{path: path, lock: f}, nil
}

// errHeld is takeLock's answer when another process has the lock.
var errHeld = errors.New("held by another process")

func held(path string) error {
	who := "another process"
	if r, err := ReadRunning(path); err == nil {
		who = "the lattice at " + r.NATS
		if r.Joined {
			who = "a host of " + r.NATS
		}
	}
	return errcode.New(errcode.Conflict, "open data folder %s: %s holds it", path, who).
		WithNext("stop it with `lattice down --data %s`, or choose another folder with --data", path)
}

func folderError(path string, err error) error {
	cause := err
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		cause = errcode.New(errcode.Denied, "%s: %w", pathErr.Path, pathErr.Err)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return errcode.New(errcode.Exhausted, "open data folder %s: %w", path, cause).WithNext("make room on the disk, or choose another folder with --data")
	}
	return errcode.New(errcode.Denied, "open data folder %s: %w", path, cause).
		WithNext("choose a folder that you may write to with --data")
}

// Close gives the folder up. It is idempotent.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	_ = os.Remove(filepath.Join(f.path, runningFile)) // a note for other commands
	err := releaseLock(f.lock)
	f.lock = nil
	return err
}

// Path returns the folder's absolute path.
func (f *Folder) Path() string { return f.path }

// Raft is where the control member keeps its log.
func (f *Folder) Raft() string { return filepath.Join(f.path, "raft") }

// Blobs is where images are kept by digest.
func (f *Folder) Blobs() string { return filepath.Join(f.path, "blobs") }

// Code is where compiled code is kept.
func (f *Folder) Code() string { return filepath.Join(f.path, "cache") }

// Providers is where embedded providers keep their data.
func (f *Folder) Providers() string { return filepath.Join(f.path, "providers") }

// Identity returns who the host of this folder is; a zero Identity if it was
// never used.
//
// Errors:
//   - errcode.Internal if the record is damaged.
func (f *Folder) Identity() (Identity, error) {
	var id Identity
	err := readJSON(filepath.Join(f.path, identityFile), &id)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, nil
	}
	if err == nil {
		err = errors.Join(id.Host.Validate(), id.Cluster.Validate(), lattice.ValidName("lattice", id.Lattice))
	}
	if err != nil {
		return Identity{}, errcode.New(errcode.Internal, "read %s: %w", filepath.Join(f.path, identityFile), err).
			WithNext("the data folder is damaged: restore it, or start with another one")
	}
	return id, nil
}

// SetIdentity records who the host is.
func (f *Folder) SetIdentity(id Identity) error {
	if err := writeJSON(filepath.Join(f.path, identityFile), id); err != nil {
		return folderError(f.path, err)
	}
	return nil
}

func readJSON(path string, to any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}

// writeJSON replaces a file as a whole.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(data, '\n'))
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
