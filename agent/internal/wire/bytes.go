// Package wire is what the frames say: message kinds, their fields in order, and the big-endian cursors that read and
// write them. No reflection: these run on a processor whose code cache is cold.
package wire

import "encoding/binary"

// Cursor reads fields in order. A payload that ends early sets Bad and yields zero values from there on.
type Cursor struct {
	B   []byte
	Bad bool
}

func (c *Cursor) Take(n int) []byte {
	if c.Bad || n < 0 || n > len(c.B) {
		c.Bad = true
		return nil
	}
	out := c.B[:n]
	c.B = c.B[n:]
	return out
}

func (c *Cursor) U8() uint8 {
	if b := c.Take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *Cursor) U16() uint16 {
	if b := c.Take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *Cursor) U32() uint32 {
	if b := c.Take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *Cursor) U64() uint64 {
	if b := c.Take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *Cursor) Str() string { return string(c.Take(int(c.U32()))) }

func (c *Cursor) List() []string {
	n := c.U32()
	// Every entry has at least its length in front: a count that cannot be true must not size an allocation.
	if c.Bad || uint64(n)*4 > uint64(len(c.B)) {
		c.Bad = true
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, c.Str())
	}
	return out
}

func AppendStr(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
