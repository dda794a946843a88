package memory

import (
	"slices"

	"latticework/components/internal/corewasm"
)

// image is what a new memory holds: runs of bytes, by offset, that do not
// overlap. It is immutable.
type image struct {
	runs []corewasm.Segment
	end  uint64 // where the last one ends
	file imageFile
}

// newImage copies segments, of which a later one covers what an earlier one
// wrote.
func newImage(segments []corewasm.Segment) *image {
	im := &image{}
	sorted := make([]int, len(segments))
	for i := range sorted {
		sorted[i] = i
	}
	slices.SortStableFunc(sorted, func(a, b int) int {
		return int(int64(segments[a].Offset) - int64(segments[b].Offset))
	})
	for len(sorted) > 0 {
		n, end := 1, endOf(segments[sorted[0]])
		for n < len(sorted) && uint64(segments[sorted[n]].Offset) <= end {
			end = max(end, endOf(segments[sorted[n]]))
			n++
		}
		group := sorted[:n]
		start := segments[group[0]].Offset
		run := corewasm.Segment{Offset: start, Data: make([]byte, end-uint64(start))}
		slices.Sort(group) // in the order in which they are written
		for _, i := range group {
			copy(run.Data[segments[i].Offset-start:], segments[i].Data)
		}
		im.runs, im.end = append(im.runs, run), end
		sorted = sorted[n:]
	}
	im.file.make(im)
	return im
}

func endOf(s corewasm.Segment) uint64 { return uint64(s.Offset) + uint64(len(s.Data)) }

// copyTo lays the image into b, which is zero.
func (im *image) copyTo(b []byte) {
	for _, s := range im.runs {
		copy(b[s.Offset:], s.Data)
	}
}

// restore sets b, the bytes of a memory from off on, to what a new memory holds
// there.
func (im *image) restore(b []byte, off uint64) {
	end := off + uint64(len(b))
	i, _ := slices.BinarySearchFunc(im.runs, off, func(s corewasm.Segment, off uint64) int {
		if endOf(s) <= off {
			return -1
		}
		return 1
	})
	at := off
	for ; i < len(im.runs) && uint64(im.runs[i].Offset) < end; i++ {
		s := im.runs[i]
		from := max(uint64(s.Offset), off)
		to := min(endOf(s), end)
		clear(b[at-off : from-off])
		copy(b[from-off:to-off], s.Data[from-uint64(s.Offset):])
		at = to
	}
	clear(b[at-off:])
}

// close frees what the image holds of the system.
func (im *image) close() { im.file.close() }
