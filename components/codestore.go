package components

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"unsafe"

	"github.com/tetratelabs/wazero"
)

// codeCache is what wazero asks for compiled code by a key of 32 bytes and
// gives it to: its own interface for it, which it does not export.
type codeCache interface {
	Get(key [32]byte) (content io.ReadCloser, ok bool, err error)
	Add(key [32]byte, content io.Reader) error
	Delete(key [32]byte) error
}

// codeStore is the code cache in a folder. wazero's own reads a file in as many
// pieces as it has functions, and allocates what a damaged one says. Here files
// are wazero's with a checksum at the end of all but the machine code, for which
// wazero has one.
type codeStore struct {
	dir string
	// strict says that what is not in the folder must not be compiled here: Get
	// fails with errNotKept.
	strict bool
}

// Get implements codeCache. What is damaged is removed and not there.
func (s *codeStore) Get(key [32]byte) (io.ReadCloser, bool, error) {
	path := s.path(key)
	f, err := os.Open(path)
	if err == nil {
		if r := openCode(f, path); r != nil {
			return r, true, nil
		}
		_ = f.Close()
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	if s.strict {
		return nil, false, errNotKept
	}
	return nil, false, nil
}

// Add implements codeCache.
func (s *codeStore) Add(key [32]byte, content io.Reader) error {
	data, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	size := int64(len(data)) + sumBytes
	head := headLength(data, size)
	code, ok := codeLength(data, head, size)
	if !ok { // of an engine that writes otherwise
		return nil
	}
	path := s.path(key)
	f, err := os.CreateTemp(s.dir, filepath.Base(path)+".*"+unfinishedSuffix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		sum := codeSum(data[:head], data[head+code:])
		_, err = f.Write(binary.LittleEndian.AppendUint32(nil, sum))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Delete implements codeCache.
func (s *codeStore) Delete(key [32]byte) error {
	if err := os.Remove(s.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *codeStore) path(key [32]byte) string {
	return filepath.Join(s.dir, hex.EncodeToString(key[:]))
}

// A file of compiled code begins with codeMagic and the engine's version, which
// has its length before it. There follow the number of functions in 4 bytes, 8
// bytes for each, and the length of the machine code in 8; then that code and
// what else there is; last the checksum.
const (
	codeMagic = "WAZEVO"
	sumBytes  = 4
	// usualHead is how much of a file is read first: more than what comes before
	// the code of a module of 500 functions.
	usualHead = 4 << 10
)

// headLength returns how many bytes come before the machine code in a file of
// size bytes that begins with data, -1 if data cannot be such a beginning.
func headLength(data []byte, size int64) int64 {
	at := len(codeMagic) + 1
	if len(data) < at || string(data[:at-1]) != codeMagic {
		return -1
	}
	at += int(data[at-1])
	if len(data) < at+4 {
		return -1
	}
	n := int64(at) + 4 + 8*int64(binary.LittleEndian.Uint32(data[at:])) + 8
	if n > size-sumBytes {
		return -1
	}
	return n
}

// codeLength returns how long the machine code is in a file of size bytes that
// begins with data, in which head bytes come before it.
func codeLength(data []byte, head, size int64) (n int64, ok bool) {
	if head < 0 || head > int64(len(data)) {
		return 0, false
	}
	u := binary.LittleEndian.Uint64(data[head-8:])
	return int64(u), u <= uint64(size-sumBytes-head)
}

// codeSum is the checksum of what comes before and after the machine code.
func codeSum(head, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, sealed), sealed, rest)
}

// codeReader reads a file of compiled code as the engine wrote it.
type codeReader struct {
	io.Reader
	f          *os.File
	path       string
	head, code int64 // how long what comes before the code is, and the code
	rest       *bytes.Reader
}

// openCode returns a reader of f, the file at path, nil if f is damaged.
func openCode(f *os.File, path string) *codeReader {
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	size := info.Size()
	data := make([]byte, min(size, usualHead))
	if _, err := f.ReadAt(data, 0); err != nil {
		return nil
	}
	head := headLength(data, size)
	if n := int64(len(data)); head > n {
		data = append(data, make([]byte, head-n)...)
		if _, err := f.ReadAt(data[n:], n); err != nil {
			return nil
		}
	}
	code, ok := codeLength(data, head, size)
	if !ok {
		return nil
	}
	rest := make([]byte, size-head-code)
	if _, err := f.ReadAt(rest, head+code); err != nil {
		return nil
	}
	sum := binary.LittleEndian.Uint32(rest[len(rest)-sumBytes:])
	rest = rest[:len(rest)-sumBytes]
	if codeSum(data[:head], rest) != sum {
		return nil
	}
	after := bytes.NewReader(rest)
	r := io.MultiReader(bytes.NewReader(data[:head]), io.NewSectionReader(f, head, code), after)
	return &codeReader{r, f, path, head, code, after}
}

// Close implements [io.Closer]. If the engine read no further than the code and
// its checksum because that is not the code's, the file is removed: it may as
// well have found no memory for the code, or not been let execute it.
func (r *codeReader) Close() error {
	damaged := r.rest.Size()-int64(r.rest.Len()) == sumBytes && r.damaged()
	err := r.f.Close()
	if damaged {
		_ = os.Remove(r.path)
	}
	return err
}

// damaged reports whether the machine code is another than its checksum says.
func (r *codeReader) damaged() bool {
	sum := crc32.New(sealed) // wazero's is of the same kind
	if _, err := io.Copy(sum, io.NewSectionReader(r.f, r.head, r.code)); err != nil {
		return false
	}
	var want [sumBytes]byte
	_, err := r.rest.ReadAt(want[:], 0)
	return err == nil && binary.LittleEndian.Uint32(want[:]) != sum.Sum32()
}

// codeCapture is a code cache that holds nothing and notes what it is given.
type codeCapture struct {
	keys     [][32]byte
	contents [][]byte
}

func (*codeCapture) Get([32]byte) (io.ReadCloser, bool, error) { return nil, false, nil }

func (c *codeCapture) Add(key [32]byte, content io.Reader) error {
	data, err := io.ReadAll(content)
	c.keys, c.contents = append(c.keys, key), append(c.contents, data)
	return err
}

func (*codeCapture) Delete([32]byte) error { return nil }

// codeCacheOf returns where c keeps its code cache, invalid for an engine that
// has another way with it.
func codeCacheOf(c wazero.CompilationCache) reflect.Value {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return reflect.Value{}
	}
	slot := v.Elem().FieldByName("fileCache")
	if !slot.IsValid() || slot.Kind() != reflect.Interface || !reflect.TypeFor[codeCache]().Implements(slot.Type()) {
		return reflect.Value{}
	}
	return reflect.NewAt(slot.Type(), unsafe.Pointer(slot.UnsafeAddr())).Elem()
}
