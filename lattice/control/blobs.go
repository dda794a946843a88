package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// blobs keeps blobs as files named by their digest. One upload of a blob is
// under way at a time; its file ends in ".part" until it is whole and checked.
type blobs struct {
	dir string
	mu  sync.Mutex // held while a part is written
}

// part is a request's digest and numbers.
type part struct {
	digest       string
	path         string // of the whole blob
	offset, size int64
}

func (s *Service) blobPart(m *lattice.Message) (part, error) {
	if err := lattice.CheckCluster(m.Header, s.cluster); err != nil {
		return part{}, err
	}
	if s.blobs.dir == "" {
		return part{}, errcode.New(errcode.Unsupported, "this control member keeps no blobs")
	}
	p := part{digest: m.Header[lattice.HeaderDigest]}
	if err := lattice.ValidDigest(p.digest); err != nil {
		return p, err
	}
	p.path = filepath.Join(s.blobs.dir, strings.TrimPrefix(p.digest, "sha256:"))
	for name, to := range map[string]*int64{lattice.HeaderOffset: &p.offset, lattice.HeaderSize: &p.size} {
		text := m.Header[name]
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > lattice.MaxBlobBytes {
			return p, errcode.New(errcode.Invalid, "blob %s: header %s %q, want 0 to %d", p.digest, name, text, lattice.MaxBlobBytes)
		}
		*to = n
	}
	return p, nil
}

// putBlob takes a part of a blob and says how much of it is there.
func (s *Service) putBlob(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
	p, err := s.blobPart(m)
	if err != nil {
		return lattice.Reply{}, err
	}
	s.blobs.mu.Lock()
	defer s.blobs.mu.Unlock()
	have := p.size
	now := time.Now()
	if err := os.Chtimes(p.path, now, now); err != nil { // there already: it is wanted again
		if have, err = s.blobs.write(p, m.Data); err != nil {
			return lattice.Reply{}, err
		}
	}
	return lattice.Reply{Header: lattice.Header{lattice.HeaderOffset: strconv.FormatInt(have, 10)}}, nil
}

// write appends a part. A part at the beginning begins anew.
func (b *blobs) write(p part, data []byte) (have int64, err error) {
	if p.offset+int64(len(data)) > p.size {
		return 0, errcode.New(errcode.Invalid, "blob %s: part ends at %d of %d", p.digest, p.offset+int64(len(data)), p.size)
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return 0, blobError(p, err)
	}
	mode := os.O_WRONLY
	if p.offset == 0 {
		mode |= os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(p.path+".part", mode, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil // the part before is gone: begin anew
	}
	if err != nil {
		return 0, blobError(p, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, blobError(p, err)
	}
	if info.Size() != p.offset {
		return info.Size(), nil
	}
	if _, err := f.WriteAt(data, p.offset); err != nil {
		return 0, blobError(p, err)
	}
	have = p.offset + int64(len(data))
	if have < p.size {
		return have, nil
	}
	return have, finish(f, p)
}

// finish checks a whole blob and gives it its name.
func finish(f *os.File, p part) error {
	r, err := os.Open(f.Name())
	if err != nil {
		return blobError(p, err)
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return blobError(p, err)
	}
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); got != p.digest {
		_ = os.Remove(f.Name())
		return errcode.New(errcode.Invalid, "blob %s: received bytes have digest %s", p.digest, got)
	}
	if err := f.Sync(); err != nil {
		return blobError(p, err)
	}
	if err := os.Rename(f.Name(), p.path); err != nil {
		return blobError(p, err)
	}
	return nil
}

func blobError(p part, err error) error {
	return errcode.New(errcode.Unavailable, "keep blob %s: %w", p.digest, err).
		WithNext("see that the control member's data folder can be written to and has space left")
}

// unusedFor is how long a blob is kept that no component or provider names: it
// may have been pushed for a deployment that is still to come.
const unusedFor = 24 * time.Hour

// collect removes blobs, and uploads that were given up, that nothing names.
func (s *Service) collect(v *linkstate.View, now time.Time) {
	if s.blobs.dir == "" {
		return
	}
	used := map[string]bool{}
	for _, c := range v.Components() {
		used[strings.TrimPrefix(c.Image.Digest, "sha256:")] = true
	}
	for _, p := range v.Providers() {
		used[strings.TrimPrefix(p.Image.Digest, "sha256:")] = true
	}
	s.blobs.mu.Lock()
	defer s.blobs.mu.Unlock()
	files, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		return // none yet
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() || used[f.Name()] || now.Sub(info.ModTime()) < unusedFor {
			continue
		}
		if err := os.Remove(filepath.Join(s.blobs.dir, f.Name())); err != nil {
			s.log.Warn("unused blob not removed", "blob", f.Name(), "error", err)
		}
	}
}

// getBlob answers with a part of a blob.
func (s *Service) getBlob(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
	p, err := s.blobPart(m)
	if err != nil {
		return lattice.Reply{}, err
	}
	f, err := os.Open(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return lattice.Reply{}, errcode.New(errcode.NotFound, "blob %s is not kept here", p.digest).
			WithNext("deploy the application again from where its files are")
	}
	if err != nil {
		return lattice.Reply{}, blobError(p, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return lattice.Reply{}, blobError(p, err)
	}
	if p.offset > info.Size() {
		return lattice.Reply{}, errcode.New(errcode.Invalid, "blob %s: offset %d > %d", p.digest, p.offset, info.Size())
	}
	data := make([]byte, min(int64(s.bus.MaxPayload()/2), info.Size()-p.offset))
	if _, err := f.ReadAt(data, p.offset); err != nil {
		return lattice.Reply{}, blobError(p, err)
	}
	return lattice.Reply{Header: lattice.Header{lattice.HeaderSize: strconv.FormatInt(info.Size(), 10)}, Data: data}, nil
}
