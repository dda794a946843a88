package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// images finds the bytes of components by digest: in the folder, else in the
// lattice, whose answer is kept.
type images struct {
	dir    string
	client *lattice.Client
}

// Get implements [latticework/host.Images].
//
// Errors:
//   - errcode.Unsupported for an image without a digest.
//   - those of [lattice.Client.GetBlob].
func (s *images) Get(ctx context.Context, image linkstate.Image) ([]byte, error) {
	if image.Digest == "" {
		return nil, errcode.New(errcode.Unsupported, "load image %s: it has no digest", image.Ref).
			WithNext("deploy it with: lattice deploy MANIFEST")
	}
	path := filepath.Join(s.dir, strings.TrimPrefix(image.Digest, "sha256:"))
	data, err := os.ReadFile(path)
	if err == nil && digest(data) == image.Digest {
		return data, nil
	}
	if data, err = s.client.GetBlob(ctx, image.Digest); err != nil {
		return nil, errcode.New(errcode.Of(err), "load image %s: %w", image.Ref, err)
	}
	if err := keep(path, data); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, errcode.New(errcode.Denied, "keep image %s: %w", image.Ref, err)
	}
	return data, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// keep writes a file as a whole or not at all. Two writers of one digest write
// the same.
func keep(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "incoming-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
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
