package raftstore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"latticework/internal/errcode"
)

// disk is a raft.LogStore. An entry's key is its index, big endian; its value
// is sealed:
//
//	term u64 | type u8 | appended at, Unix ns i64 | length of data u32 | data | extensions
var _ raft.LogStore = (*disk)(nil)

const entryHeader = 8 + 1 + 8 + 4

func indexKey(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }

func encodeEntry(l *raft.Log) []byte {
	v := make([]byte, entryHeader, entryHeader+len(l.Data)+len(l.Extensions))
	binary.BigEndian.PutUint64(v, l.Term)
	v[8] = byte(l.Type)
	var at int64
	if !l.AppendedAt.IsZero() {
		at = l.AppendedAt.UnixNano()
	}
	binary.BigEndian.PutUint64(v[9:], uint64(at))
	binary.BigEndian.PutUint32(v[17:], uint32(len(l.Data)))
	v = append(v, l.Data...)
	v = append(v, l.Extensions...)
	return seal(indexKey(l.Index), v)
}

func decodeEntry(index uint64, sealed []byte, l *raft.Log) error {
	v, err := unseal(indexKey(index), sealed)
	if err != nil {
		return fmt.Errorf("log entry %d: %w", index, err)
	}
	if len(v) < entryHeader || uint64(len(v)-entryHeader) < uint64(binary.BigEndian.Uint32(v[17:])) {
		return fmt.Errorf("log entry %d: %w", index, io.ErrUnexpectedEOF)
	}
	n := int(binary.BigEndian.Uint32(v[17:]))
	rest := append([]byte(nil), v[entryHeader:]...) // v is gone with the transaction
	*l = raft.Log{Index: index, Term: binary.BigEndian.Uint64(v), Type: raft.LogType(v[8]), Data: rest[:n:n]}
	if len(rest) > n {
		l.Extensions = rest[n:]
	}
	if at := int64(binary.BigEndian.Uint64(v[9:])); at != 0 {
		l.AppendedAt = time.Unix(0, at)
	}
	return nil
}

// verifyLog checks every entry, and that none is missing in between or at the
// end; tail is the noted index of the last.
func verifyLog(entries []item, tail []byte) error {
	var l raft.Log
	last, term := uint64(0), uint64(0)
	for _, e := range entries {
		if len(e.key) != 8 {
			return fmt.Errorf("log: key %x is not an index", e.key)
		}
		index := binary.BigEndian.Uint64(e.key)
		if last != 0 && index != last+1 {
			return fmt.Errorf("log: entry %d follows %d", index, last)
		}
		if err := decodeEntry(index, e.value, &l); err != nil {
			return err
		}
		if l.Term < term {
			return fmt.Errorf("log entry %d: term %d after %d", index, l.Term, term)
		}
		last, term = index, l.Term
	}
	if len(tail) != 8 || binary.BigEndian.Uint64(tail) != last {
		return fmt.Errorf("log: the last entry is %d, want %x", last, tail)
	}
	return nil
}

// FirstIndex returns the index of the first entry, 0 if there is none.
func (d *disk) FirstIndex() (uint64, error) { return d.edge((*bbolt.Cursor).First) }

// LastIndex returns the index of the last entry, 0 if there is none.
func (d *disk) LastIndex() (uint64, error) { return d.edge((*bbolt.Cursor).Last) }

func (d *disk) edge(move func(*bbolt.Cursor) (k, v []byte)) (index uint64, err error) {
	err = d.db.View(func(tx *bbolt.Tx) error {
		if k, _ := move(tx.Bucket(bucketLog).Cursor()); k != nil {
			index = binary.BigEndian.Uint64(k)
		}
		return nil
	})
	return index, err
}

// GetLog reads an entry and checks it.
func (d *disk) GetLog(index uint64, l *raft.Log) error {
	return d.db.View(func(tx *bbolt.Tx) error {
		sealed := tx.Bucket(bucketLog).Get(indexKey(index))
		if sealed == nil {
			return raft.ErrLogNotFound
		}
		if err := decodeEntry(index, sealed, l); err != nil {
			return damaged(d.db.Path(), err)
		}
		return nil
	})
}

// StoreLog writes an entry.
func (d *disk) StoreLog(l *raft.Log) error { return d.StoreLogs([]*raft.Log{l}) }

// StoreLogs writes entries in one transaction and syncs it.
func (d *disk) StoreLogs(logs []*raft.Log) error {
	return d.db.Update(func(tx *bbolt.Tx) error { return putEntries(tx, logs) })
}

func putEntries(tx *bbolt.Tx, logs []*raft.Log) error {
	b := tx.Bucket(bucketLog)
	b.FillPercent = 0.9 // entries come in order
	for _, l := range logs {
		if err := b.Put(indexKey(l.Index), encodeEntry(l)); err != nil {
			return err
		}
	}
	return putTail(tx)
}

// putTail notes the index of the last entry.
func putTail(tx *bbolt.Tx) error {
	last := indexKey(0)
	if k, _ := tx.Bucket(bucketLog).Cursor().Last(); k != nil {
		last = append([]byte(nil), k...)
	}
	return putRecord(tx, keyTail, last)
}

// DeleteRange removes the entries from lo to hi.
func (d *disk) DeleteRange(lo, hi uint64) error {
	return d.db.Update(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketLog).Cursor()
		for k, _ := c.Seek(indexKey(lo)); k != nil && binary.BigEndian.Uint64(k) <= hi; k, _ = c.Next() {
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return putTail(tx)
	})
}

// disk is also a raft.StableStore. raft writes a vote in two steps, its term
// and then its candidate; the first is held back and both are written as one
// value, so that a crash in between leaves the vote before.
var _ raft.StableStore = (*disk)(nil)

// raft's names for the parts of a vote, and ours for the whole.
const (
	raftVoteTerm = "LastVoteTerm"
	raftVoteCand = "LastVoteCand"
	raftTerm     = "CurrentTerm"
	keyVote      = "vote" // term u64 big endian, candidate
)

// Set writes a value; the candidate of a vote is written with its term.
func (d *disk) Set(key, value []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if string(key) != raftVoteCand {
		return d.putLocked(string(key), value)
	}
	if d.voteTerm == 0 {
		return errcode.New(errcode.Internal, "write vote: candidate without a term")
	}
	if err := d.putLocked(keyVote, append(indexKey(d.voteTerm), value...)); err != nil {
		return err
	}
	d.voteTerm = 0
	return nil
}

// Get reads a value, nil if absent.
func (d *disk) Get(key []byte) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if string(key) != raftVoteCand {
		return d.stable[string(key)], nil
	}
	if vote := d.stable[keyVote]; len(vote) >= 8 {
		return vote[8:], nil
	}
	return nil, nil
}

// SetUint64 writes a number; the term of a vote waits for its candidate.
func (d *disk) SetUint64(key []byte, value uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if string(key) == raftVoteTerm {
		d.voteTerm = value
		return nil
	}
	return d.putLocked(string(key), indexKey(value))
}

// GetUint64 reads a number, 0 if absent.
func (d *disk) GetUint64(key []byte) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := string(key)
	if name == raftVoteTerm {
		name = keyVote
	}
	value := d.stable[name]
	if len(value) < 8 {
		return 0, nil
	}
	return binary.BigEndian.Uint64(value), nil
}

// putLocked writes the stable values with one of them changed.
func (d *disk) putLocked(name string, value []byte) error {
	next := maps.Clone(d.stable)
	next[name] = bytes.Clone(value)
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := d.db.Update(func(tx *bbolt.Tx) error { return putRecord(tx, keyStable, data) }); err != nil {
		return err
	}
	d.stable = next
	return nil
}
