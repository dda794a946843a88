package raftstore

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"latticework/internal/errcode"
)

// The data folder's files.
const (
	databaseFile = "raft.db"
	ownerFile    = "owner" // pid of the process that holds the folder
)

// The buckets of the database, and the records of the state bucket. That what
// is few is in one record, and that the last index has one of its own, shows
// when a damaged page loses some of its entries.
var (
	bucketLog   = []byte("log")
	bucketState = []byte("state")
	keyIdentity = []byte("identity")
	keyStable   = []byte("stable") // JSON: name to value
	keyTail     = []byte("tail")   // index of the last log entry, 0 if none, u64 big endian
)

// lockWait is how long an open waits for another process to let go.
const lockWait = 200 * time.Millisecond

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// disk is the bbolt database of a member: raft's log and stable store, and the
// member's identity. Opening it locks the data folder.
type disk struct {
	db  *bbolt.DB
	dir string
	id  identity // Format 0: the folder was never bootstrapped

	mu       sync.Mutex
	stable   map[string][]byte // as on disk; guarded by mu
	voteTerm uint64            // term of a vote whose candidate is not known yet, else 0; guarded by mu
}

// openDisk checks what is in the database, opens or makes it, and takes the
// folder's lock.
//
// Errors:
//   - errcode.Denied if this user may not write there.
//   - errcode.Conflict if another process holds the folder.
//   - errcode.Internal if the database is damaged.
//   - errcode.Unsupported if another version wrote it.
func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, folderError(dir, err)
	}
	d := &disk{dir: dir, stable: map[string][]byte{}}
	path := filepath.Join(dir, databaseFile)
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		if err := d.verify(path); err != nil {
			return nil, err
		}
	}
	// Free pages are found by walking the tree, not read from a list that
	// could be damaged.
	db, err := d.openDatabase(path, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	d.db = db
	if d.id.Format != 0 {
		// Under the lock now: another process may have been here in between.
		err := db.View(func(tx *bbolt.Tx) error { return d.load(tx.Bucket(bucketState).Get) })
		if err != nil {
			_ = db.Close()
			return nil, damaged(path, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ownerFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		_ = db.Close()
		return nil, folderError(dir, err)
	}
	return d, nil
}

func (d *disk) openDatabase(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil { // bbolt, over pages it cannot make sense of
			db, err = nil, damaged(path, fmt.Errorf("%v", p))
		}
	}()
	o.Timeout, o.NoStatistics = lockWait, true
	db, err = bbolt.Open(path, 0o600, o)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, errcode.New(errcode.Conflict, "open data folder %s: %s holds it", d.dir, owner(d.dir)).
			WithNext("stop that process (lattice down), or choose another data folder")
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS):
		return nil, folderError(d.dir, err)
	case err != nil:
		return nil, damaged(path, err)
	}
	return db, nil
}

func (d *disk) close() error {
	_ = os.Remove(filepath.Join(d.dir, ownerFile)) // a note for people only
	if err := d.db.Close(); err != nil {
		return errcode.New(errcode.Internal, "close data folder %s: %w", d.dir, err)
	}
	return nil
}

func owner(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, ownerFile))
	if pid := strings.TrimSpace(string(data)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}

func folderError(dir string, err error) error {
	code := errcode.Unavailable
	if errors.Is(err, os.ErrPermission) {
		code = errcode.Denied
	}
	return errcode.New(code, "open data folder %s: %w", dir, err).
		WithNext("choose a data folder that this user can write to, with space left")
}

func damaged(what string, err error) error {
	return errcode.New(errcode.Internal, "%s is damaged: %w", what, err).
		WithNext("this member must not go on with it: restore the data folder from a backup, or remove it and join again as a new member")
}

// verify reads everything that was ever acknowledged, checks it, and keeps the
// identity and the stable values.
func (d *disk) verify(path string) error {
	lock, err := d.openDatabase(path, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer lock.Close()
	buckets, empty, err := readPages(path)
	switch {
	case errors.Is(err, os.ErrPermission):
		return folderError(d.dir, err)
	case err != nil:
		return damaged(path, err)
	case empty:
		return nil // a bootstrap that did not come to its end
	}
	records := map[string][]byte{}
	for _, it := range buckets[string(bucketState)] {
		records[string(it.key)] = it.value
	}
	if err := d.load(func(key []byte) []byte { return records[string(key)] }); err != nil {
		return damaged(path, err)
	}
	if d.id.Format != formatVersion {
		return errcode.New(errcode.Unsupported, "open data folder %s: format %d, want %d", d.dir, d.id.Format, formatVersion)
	}
	tail, err := unsealRecord(keyTail, records[string(keyTail)])
	if err == nil {
		err = verifyLog(buckets[string(bucketLog)], tail)
	}
	if err != nil {
		return damaged(path, err)
	}
	return nil
}

// load reads the identity and the stable values. A bootstrapped folder has
// both.
func (d *disk) load(get func(key []byte) []byte) error {
	identity, err := unsealRecord(keyIdentity, get(keyIdentity))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(identity, &d.id); err != nil {
		return err
	}
	stable, err := unsealRecord(keyStable, get(keyStable))
	if err != nil {
		return err
	}
	return json.Unmarshal(stable, &d.stable)
}

func unsealRecord(key, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, fmt.Errorf("record %s is missing", key)
	}
	return unseal(key, sealed)
}

// putRecord writes a record of the state bucket.
func putRecord(tx *bbolt.Tx, key, value []byte) error {
	return tx.Bucket(bucketState).Put(key, seal(key, value))
}

// seal returns value with a checksum over it and its key in front.
func seal(key, value []byte) []byte {
	out := make([]byte, 4, 4+len(value))
	out = append(out, value...)
	sum := crc32.Update(crc32.Checksum(key, crcTable), crcTable, value)
	binary.BigEndian.PutUint32(out, sum)
	return out
}

// unseal checks what seal returned and returns the value, a part of sealed.
func unseal(key, sealed []byte) ([]byte, error) {
	if len(sealed) < 4 {
		return nil, fmt.Errorf("value of %x: %w", key, io.ErrUnexpectedEOF)
	}
	value := sealed[4:]
	if sum := crc32.Update(crc32.Checksum(key, crcTable), crcTable, value); sum != binary.BigEndian.Uint32(sealed) {
		return nil, fmt.Errorf("value of %x: checksum %08x, want %08x", key, sum, binary.BigEndian.Uint32(sealed))
	}
	return value, nil
}

// create writes the first content of a data folder in one transaction.
func (d *disk) create(id identity, stable map[string][]byte, entries []*raft.Log) error {
	value, err := json.Marshal(id)
	if err != nil {
		return errcode.New(errcode.Internal, "encode identity: %w", err)
	}
	values, err := json.Marshal(stable)
	if err != nil {
		return errcode.New(errcode.Internal, "encode stable values: %w", err)
	}
	err = d.db.Update(func(tx *bbolt.Tx) error {
		for _, b := range [][]byte{bucketLog, bucketState} {
			if _, err := tx.CreateBucket(b); err != nil {
				return err
			}
		}
		if err := putRecord(tx, keyIdentity, value); err != nil {
			return err
		}
		if err := putRecord(tx, keyStable, values); err != nil {
			return err
		}
		return putEntries(tx, entries)
	})
	if err != nil {
		return folderError(d.dir, err)
	}
	d.id, d.stable = id, stable
	return nil
}
