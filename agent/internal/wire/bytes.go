// Package wire is what the frames say: message kinds, their fields in order, and the big-endian cursors that read and
// write them. No reflection: these run on a processor whose code cache is cold.
package wire

import "encoding/binary"

// cursor reads fields in order. A payload that ends early sets bad and yields zero values from there on.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) str() string { return string(c.take(int(c.u32()))) }

func (c *cursor) list() []string {
	n := c.u32()
	// Every entry has at least its length in front: a count that cannot be true must not size an allocation.
	if c.bad || uint64(n)*4 > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, c.str())
	}
	return out
}

func appendStr(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendList(b []byte, list []string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
	for _, s := range list {
		b = appendStr(b, s)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
