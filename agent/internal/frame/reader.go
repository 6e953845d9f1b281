package frame

import (
	"bytes"
	"encoding/binary"
)

// Reader turns bytes into frames. Whatever is no whole frame is skipped a byte at a time until one fits, so a stream
// that begins in the middle of something is no error. Use: read into Space(), tell Added(n), call Next until false.
type Reader struct {
	buf        []byte
	start, end int
	skipped    uint64
}

// NewReader makes a reader that holds any frame with room to read on.
func NewReader() *Reader {
	return &Reader{buf: make([]byte, 2*(HeaderBytes+MaxPayload+TrailerBytes))}
}

// Skipped counts the bytes thrown away because they belonged to no frame.
func (r *Reader) Skipped() uint64 { return r.skipped }

// Space is where the next bytes go; it is never empty once Next has returned false.
func (r *Reader) Space() []byte {
	if r.start == r.end {
		r.start, r.end = 0, 0
	} else if len(r.buf)-r.end < len(r.buf)/4 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	return r.buf[r.end:]
}

// Added says that n bytes were written to Space.
func (r *Reader) Added(n int) { r.end += n }

// Next returns the next whole frame, or false when more bytes are needed.
func (r *Reader) Next() (Frame, bool) {
	for r.end-r.start >= HeaderBytes {
		b := r.buf[r.start:r.end]
		n := binary.BigEndian.Uint32(b[20:])
		if binary.BigEndian.Uint32(b) != magic || n > MaxPayload || b[18] != 0 || b[19] != 0 {
			r.skip()
			continue
		}
		total := HeaderBytes + int(n) + TrailerBytes
		if len(b) < total {
			return Frame{}, false
		}
		session := binary.BigEndian.Uint64(b[4:])
		if binary.BigEndian.Uint32(b[total-TrailerBytes:]) != ^uint32(session) {
			r.skip()
			continue
		}
		r.start += total
		return Frame{
			Session: session,
			Stream:  binary.BigEndian.Uint32(b[12:]),
			Kind:    b[16],
			Flags:   b[17],
			Payload: b[HeaderBytes : total-TrailerBytes],
		}, true
	}
	return Frame{}, false
}

// skip moves on to the next byte that could begin a frame.
func (r *Reader) skip() {
	from := r.start + 1
	next := bytes.IndexByte(r.buf[from:r.end], magic>>24)
	if next < 0 {
		next = r.end - from
	}
	r.skipped += uint64(1 + next)
	r.start = from + next
}
