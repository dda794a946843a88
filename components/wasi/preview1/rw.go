package preview1

import (
	"context"
	"math"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/filesystem"
)

// moved notes that n bytes were read or written, of which the guest is told.
// A failure after some bytes comes to light at the next call.
func moved(out []byte, n int, err error) error {
	if err != nil && n == 0 {
		return err
	}
	if _, fatal := errnoOf(err); fatal != nil {
		return fatal
	}
	put32(out, uint32(n))
	return nil
}

// buffers is what all reads and writes take: a descriptor, buffers, and where
// to tell how many bytes were moved, the last parameter.
func buffers(c *call, need rights, result int) (d *descriptor, v vectors, out []byte, err error) {
	if d, err = c.fdWith(c.u32(0), need); err != nil {
		return nil, v, nil, err
	}
	if v, err = c.mem.vectors(c.p[1], c.p[2]); err != nil {
		return nil, v, nil, err
	}
	out, err = c.mem.place(c.p[result], 4)
	return d, v, out, err
}

func fdRead(c *call) error {
	d, v, out, err := buffers(c, rightFdRead, 3)
	if err != nil {
		return err
	}
	if d.kind == typeRegular {
		n, err := c.readAt(d, &v, d.offset)
		d.offset += uint64(n)
		return moved(out, n, err)
	}
	n, err := c.readStream(d, &v)
	return moved(out, n, err)
}

func fdPread(c *call) error {
	d, v, out, err := buffers(c, rightFdRead|rightFdSeek, 4)
	if err != nil {
		return err
	}
	if d.kind != typeRegular {
		return errSpipe
	}
	n, err := c.readAt(d, &v, c.p[3])
	return moved(out, n, err)
}

// readAt fills buffers from a regular file, in place and in steps.
func (g *guest) readAt(d *descriptor, v *vectors, offset uint64) (done int, err error) {
	file, ok := d.file.(filesystem.IntoReader)
	if !ok {
		return 0, errNotsup
	}
	for b := v.next(); b != nil; b = v.next() {
		for len(b) > 0 {
			n, end, err := file.ReadInto(b[:min(len(b), step)], offset+uint64(done))
			b, done = b[n:], done+n
			if err != nil || end || n == 0 {
				return done, err
			}
			if err := g.in.Overdue(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// readStream waits for bytes of a standard stream or a device and gives what
// is there. The end is 0 bytes.
func (g *guest) readStream(d *descriptor, v *vectors) (int, error) {
	in, err := d.input(g.ctx())
	if err != nil {
		return 0, err
	}
	b := v.next()
	if b == nil {
		return 0, nil
	}
	read := in.BlockingRead
	if d.flags&flagNonblock != 0 {
		read = in.Read
	}
	got, err := read(g.ctx(), uint64(len(b)))
	switch {
	case isClosed(err):
		return 0, nil
	case err != nil:
		return 0, err
	case len(got) == 0:
		return 0, errAgain
	}
	return copy(b, got), nil
}

// input returns the stream of what is not a regular file.
func (d *descriptor) input(ctx context.Context) (wasiio.InputStream, error) {
	if d.in == nil {
		in, err := d.file.ReadViaStream(ctx, 0)
		if err != nil {
			return nil, err
		}
		d.in = in
	}
	return d.in, nil
}

func fdWrite(c *call) error {
	d, v, out, err := buffers(c, rightFdWrite, 3)
	if err != nil {
		return err
	}
	switch {
	case d.kind != typeRegular:
		stream, err := d.output(c.ctx())
		if err != nil {
			return err
		}
		n, err := c.writeStream(stream, &v)
		return moved(out, n, err)
	case d.flags&flagAppend != 0:
		n, err := c.appendTo(d, &v)
		return moved(out, n, err)
	}
	n, err := c.writeAt(d, &v, d.offset)
	d.offset += uint64(n)
	return moved(out, n, err)
}

// fdPwrite writes at an offset, also to a file that is open for appending.
func fdPwrite(c *call) error {
	d, v, out, err := buffers(c, rightFdWrite|rightFdSeek, 4)
	if err != nil {
		return err
	}
	if d.kind != typeRegular {
		return errSpipe
	}
	n, err := c.writeAt(d, &v, c.p[3])
	return moved(out, n, err)
}

// step is how much is read or written before the time is looked at again; it
// is within what streams take in one piece.
const step = 1 << 20

func (g *guest) writeAt(d *descriptor, v *vectors, offset uint64) (int, error) {
	return g.write(v, func(b []byte, done int) (int, error) {
		if offset > math.MaxInt64-maxTransfer {
			return 0, errFbig
		}
		n, err := d.file.Write(g.ctx(), b, offset+uint64(done))
		return int(n), err
	})
}

// write has do write all buffers, in steps.
func (g *guest) write(v *vectors, do func(b []byte, done int) (int, error)) (done int, err error) {
	for b := v.next(); b != nil; b = v.next() {
		for len(b) > 0 {
			n, err := do(b[:min(len(b), step)], done)
			b, done = b[n:], done+n
			if err != nil || n == 0 {
				return done, err
			}
			if err := g.in.Overdue(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// writeStream writes to a standard stream or a device, waiting as long as it
// takes nothing.
func (g *guest) writeStream(out wasiio.OutputStream, v *vectors) (int, error) {
	done, err := g.write(v, func(b []byte, _ int) (int, error) {
		for {
			free, err := out.CheckWrite(g.ctx())
			if err != nil {
				return 0, err
			}
			if n := min(int(min(free, step)), len(b)); n > 0 {
				if err := out.Write(g.ctx(), b[:n]); err != nil {
					return 0, err
				}
				return n, nil
			}
			if err := waitFor(g.ctx(), out); err != nil {
				return 0, err
			}
		}
	})
	if err == nil {
		err = out.BlockingFlush(g.ctx())
	}
	return done, err
}

// waitFor waits until out takes something.
func waitFor(ctx context.Context, out wasiio.OutputStream) error {
	p, err := out.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer p.Drop(ctx)
	return p.Block(ctx)
}

// output returns the stream to what is not a regular file.
func (d *descriptor) output(ctx context.Context) (wasiio.OutputStream, error) {
	if d.out == nil {
		out, err := d.file.WriteViaStream(ctx, 0)
		if err != nil {
			return nil, err
		}
		d.out = out
	}
	return d.out, nil
}

// appendTo writes at the end of a file, where the offset is afterwards.
func (g *guest) appendTo(d *descriptor, v *vectors) (int, error) {
	if d.appends == nil {
		out, err := d.file.AppendViaStream(g.ctx())
		if err != nil {
			return 0, err
		}
		d.appends = out
	}
	n, err := g.writeStream(d.appends, v)
	if err != nil {
		d.endAppends(g.ctx()) // a stream that failed stays closed, a file does not
	}
	if st, serr := d.file.Stat(g.ctx()); serr == nil {
		d.offset = st.Size
	}
	return n, err
}

func (d *descriptor) endAppends(ctx context.Context) {
	if d.appends != nil {
		d.appends.Drop(ctx)
		d.appends = nil
	}
}
