package lattice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"latticework/internal/errcode"
)

// Blobs are the bytes of images, kept by the control member under their
// digest, so that every host finds what a user pushed from one machine. A
// blob travels in parts; the payload is the part itself.

// The headers of blob.put and blob.get.
const (
	HeaderDigest = "Lw-Digest" // "sha256:" and 64 hex digits
	HeaderOffset = "Lw-Offset" // of the part, in bytes
	HeaderSize   = "Lw-Size"   // of the whole
)

// MaxBlobBytes bounds a blob.
const MaxBlobBytes = 1 << 30

// blobPart is how much of a blob one message carries at most.
const blobPart = 512 << 10

// DigestOf returns the digest of data: "sha256:" and 64 hex digits.
func DigestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ValidDigest reports whether d is "sha256:" and 64 lower-case hex digits.
func ValidDigest(d string) error {
	h, ok := strings.CutPrefix(d, "sha256:")
	if !ok || len(h) != 64 || strings.Trim(h, "0123456789abcdef") != "" {
		return errcode.New(errcode.Invalid, "digest %.100q, want sha256: and 64 hex digits", d)
	}
	return nil
}

// PutBlob gives the control member bytes to keep and returns their digest.
// What it has already is not sent again.
//
// Errors:
//   - ErrExhausted above MaxBlobBytes, or if the control member has no room.
//   - ErrUnsupported if the control member keeps no blobs.
func (c *Client) PutBlob(ctx context.Context, data []byte) (string, error) {
	digest := DigestOf(data)
	if len(data) > MaxBlobBytes {
		return "", errcode.New(errcode.Exhausted, "put blob: bytes: %d > %d", len(data), MaxBlobBytes)
	}
	part := min(blobPart, c.cfg.Bus.MaxPayload()/2)
	at := 0
	for tries := 2*len(data)/part + 8; tries > 0; tries-- {
		end := min(at+part, len(data))
		h := c.header(NewRequestID())
		h[HeaderDigest], h[HeaderOffset], h[HeaderSize] = digest, strconv.Itoa(at), strconv.Itoa(len(data))
		m, err := requestPatiently(ctx, c, OpBlobPut, h, data[at:end])
		if err != nil {
			return "", err
		}
		// The reply says how much is there: all of it, if it was there before.
		next, err := strconv.Atoi(m.Header[HeaderOffset])
		if err != nil || next < 0 || next > len(data) {
			return "", errcode.New(errcode.Internal, "put blob: reply says offset %q of %d", m.Header[HeaderOffset], len(data))
		}
		if next == len(data) {
			return digest, nil
		}
		at = next // not end: somebody else uploads the same bytes, or the upload began anew
	}
	return "", errcode.New(errcode.Conflict, "put blob %s: other uploads of it are in the way", digest).WithNext("try again")
}

// GetBlob returns the bytes of a digest.
//
// Errors:
//   - ErrNotFound if the control member does not have them.
//   - ErrUnsupported if the control member keeps no blobs.
func (c *Client) GetBlob(ctx context.Context, digest string) ([]byte, error) {
	if err := ValidDigest(digest); err != nil {
		return nil, err
	}
	var data []byte
	for {
		h := c.header("")
		h[HeaderDigest], h[HeaderOffset] = digest, strconv.Itoa(len(data))
		m, err := requestPatiently(ctx, c, OpBlobGet, h, nil)
		if err != nil {
			return nil, err
		}
		size, err := strconv.Atoi(m.Header[HeaderSize])
		if err != nil || size < len(data)+len(m.Data) || size > MaxBlobBytes {
			return nil, errcode.New(errcode.Internal, "get blob %s: reply says size %q", digest, m.Header[HeaderSize])
		}
		data = append(data, m.Data...)
		if len(data) == size {
			break
		}
		if len(m.Data) == 0 {
			return nil, errcode.New(errcode.Internal, "get blob %s: empty part at %d of %d", digest, len(data), size)
		}
	}
	if got := DigestOf(data); got != digest {
		return nil, errcode.New(errcode.Internal, "get blob %s: received bytes have digest %s", digest, got)
	}
	return data, nil
}
