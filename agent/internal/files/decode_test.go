package files

import (
	"encoding/binary"

	"nullspace.dev/agent/internal/wire"
)

// What the host does with answers; only tests need it here.

func decodeEntry(b []byte) (entry, []byte) {
	c := wire.Cursor{B: b}
	e := entry{
		path: c.Str(), kind: c.U8(), size: c.U64(), mode: c.U32(), uid: c.U32(), gid: c.U32(), owner: c.Str(), group: c.Str(),
		modifiedNs: int64(c.U64()), target: c.Str(),
	}
	return e, c.B
}

type match struct {
	path    string
	line    uint32
	content string
}

func decodeMatches(list []message) (out []match) {
	for _, m := range list {
		c := wire.Cursor{B: m.payload[4:]}
		for range binary.BigEndian.Uint32(m.payload) {
			out = append(out, match{c.Str(), c.U32(), c.Str()})
		}
	}
	return out
}

func decodeNames(list []message) (out []string) {
	for _, m := range list {
		c := wire.Cursor{B: m.payload[4:]}
		for range binary.BigEndian.Uint32(m.payload) {
			out = append(out, c.Str())
		}
	}
	return out
}
