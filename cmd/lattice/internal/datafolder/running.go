package datafolder

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
)

// Running says which process holds a data folder and how to reach it.
type Running struct {
	PID     int               `json:"pid"`
	NATS    string            `json:"nats"`
	Lattice string            `json:"lattice"`
	Cluster lattice.ClusterID `json:"cluster"`
	Host    lattice.HostID    `json:"host"`
	Joined  bool              `json:"joined,omitempty"` // it runs no NATS of its own
	Data    string            `json:"data"`             // the folder
}

// contextFile names, in the state root, what ran last.
const contextFile = "context.json"

// SetRunning records what this process is, for other commands: in the folder,
// and as what ran last.
func (f *Folder) SetRunning(r Running) error {
	r.Data = f.path
	if err := writeJSON(filepath.Join(f.path, runningFile), r); err != nil {
		return folderError(f.path, err)
	}
	// Only a convenience: a folder elsewhere must not fail for want of a home.
	_ = writeLast(r)
	return nil
}

func writeLast(r Running) error {
	root := StateRoot()
	if err := mkdirPrivate(root); err != nil {
		return err
	}
	return writeJSON(filepath.Join(root, contextFile), r)
}

// ReadRunning returns what the process said that holds the folder, or held it
// when it was killed.
//
// Errors:
//   - fs.ErrNotExist if there is no such note.
func ReadRunning(path string) (Running, error) {
	var r Running
	err := readJSON(filepath.Join(path, runningFile), &r)
	return r, err
}

// Last returns what ran last for this user, if it still does.
func Last() (Running, bool) {
	var last Running
	if err := readJSON(filepath.Join(StateRoot(), contextFile), &last); err != nil {
		return Running{}, false
	}
	now, err := ReadRunning(last.Data)
	return now, err == nil
}

// Stop asks the process that holds the folder to end, and waits until it has.
//
// Errors:
//   - errcode.NotFound if none does.
//   - errcode.Denied if it belongs to another user.
//   - errcode.Deadline if it still holds the folder when ctx ends.
func Stop(ctx context.Context, path string) (Running, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Running{}, folderError(path, err)
	}
	lock := filepath.Join(path, lockFile)
	if free, err := isFree(lock); err != nil || free {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return Running{}, errcode.New(errcode.NotFound, "stop the lattice of data folder %s: none runs there", path).
				WithNext("name its folder with --data, or start one: lattice up")
		}
		return Running{}, folderError(path, err)
	}
	r, err := ReadRunning(path)
	if err != nil {
		return r, errcode.New(errcode.Unavailable, "stop the lattice of data folder %s: it is just starting or ending", path).WithNext("try again")
	}
	if err := terminate(r.PID); err != nil {
		var coded *errcode.Error
		if errors.As(err, &coded) {
			return r, err
		}
		return r, errcode.New(errcode.Denied, "stop process %d: %w", r.PID, err).WithNext("run the command as the user that started it")
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if free, err := isFree(lock); err == nil && free {
			return r, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return r, errcode.New(errcode.Deadline, "stop process %d: it was told to end and still finishes what it accepted", r.PID).
				WithNext("wait longer with --timeout, or end it at once with a second `lattice down`")
		}
	}
}
