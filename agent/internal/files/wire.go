package files

import (
	"encoding/binary"

	"nullspace.dev/agent/internal/wire"
)

// Kinds of message.
const (
	kindStat     = 0x01
	kindList     = 0x02
	kindRead     = 0x03
	kindWrite    = 0x04
	kindMakeDir  = 0x05
	kindRename   = 0x06
	kindRemove   = 0x07
	kindChmod    = 0x08
	kindFind     = 0x09
	kindSearch   = 0x0a
	kindReplace  = 0x0b
	kindWatch    = 0x0c
	kindPack     = 0x0d
	kindUnpack   = 0x0e
	kindData     = 0x10
	kindDataEnd  = 0x11
	kindEntry    = 0x40
	kindEntries  = 0x41
	kindMatches  = 0x42
	kindNames    = 0x43
	kindReplaced = 0x44
	kindUnpacked = 0x45
	kindEvent    = 0x46
	kindStarted  = 0x47
	kindDone     = 0x4e
	kindRefused  = 0x4f
)

// Types of what a path leads to.
const (
	typeFile uint8 = iota
	typeDir
	typeSymlink
	typeOther
)

// Events of a watch.
const (
	eventCreate uint8 = iota
	eventWrite
	eventRemove
	eventRename
	eventChmod
	eventOverflow
)

// Why a file was left alone.
const (
	skipNone uint8 = iota
	skipBinary
	skipMissing
	skipDenied
	skipTooLarge
	skipNotAFile
)

// What to do with a target that is there.
const (
	conflictMerge uint8 = iota
	conflictReplace
	conflictError
)

// request is the union of all fields; each kind has its own few.
type request struct {
	path, to             string
	follow, append       bool
	exclusive, recursive bool
	dryRun               bool
	depth, mode, limit   uint32
	offset, length       uint64
	pattern, replacement string
	paths                []string
	conflict             uint8
}

// decode gives false for a payload that ends early and for a kind that is no request. Bytes past the last field are ignored.
func decode(kind uint8, payload []byte) (m request, ok bool) {
	c := wire.Cursor{B: payload}
	flag := func() bool { return c.U8() == 1 }
	if kind != kindReplace {
		m.path = c.Str()
	}
	switch kind {
	case kindStat:
		m.follow = flag()
	case kindList:
		m.depth = c.U32()
	case kindRead:
		m.offset, m.length = c.U64(), c.U64()
	case kindWrite:
		m.append, m.mode, m.exclusive = flag(), c.U32(), flag()
	case kindMakeDir, kindRemove, kindPack:
	case kindRename:
		m.to = c.Str()
	case kindChmod:
		m.mode = c.U32()
	case kindFind, kindSearch:
		m.pattern, m.limit = c.Str(), c.U32()
	case kindReplace:
		m.paths = c.List()
		m.pattern, m.replacement, m.dryRun = c.Str(), c.Str(), flag()
	case kindWatch:
		m.recursive = flag()
	case kindUnpack:
		m.conflict = c.U8()
		// What is not known is the one that changes nothing.
		if m.conflict > conflictError {
			m.conflict = conflictError
		}
	default:
		return m, false
	}
	return m, !c.Bad
}

// isRequest says whether a kind is one that decode knows.
func isRequest(kind uint8) bool { return kind >= kindStat && kind <= kindUnpack }

// entry is what is told of a file.
type entry struct {
	path           string
	kind           uint8
	size           uint64
	mode, uid, gid uint32
	owner, group   string
	modifiedNs     int64
	target         string
}

func (e *entry) append(b []byte) []byte {
	b = append(wire.AppendStr(b, e.path), e.kind)
	b = binary.BigEndian.AppendUint64(b, e.size)
	b = binary.BigEndian.AppendUint32(b, e.mode)
	b = binary.BigEndian.AppendUint32(b, e.uid)
	b = binary.BigEndian.AppendUint32(b, e.gid)
	b = wire.AppendStr(wire.AppendStr(b, e.owner), e.group)
	b = binary.BigEndian.AppendUint64(b, uint64(e.modifiedNs))
	return wire.AppendStr(b, e.target)
}

func appendMatch(b []byte, path string, line uint32, content string) []byte {
	b = binary.BigEndian.AppendUint32(wire.AppendStr(b, path), line)
	return wire.AppendStr(b, content)
}

func appendReplaced(b []byte, path string, replacements uint64, skipped uint8) []byte {
	return append(binary.BigEndian.AppendUint64(wire.AppendStr(b, path), replacements), skipped)
}

func appendUnpacked(b []byte, bytes, files uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, bytes), files)
}

func appendEvent(b []byte, event uint8, path string) []byte {
	return wire.AppendStr(append(b, event), path)
}

// batch gathers entries of a list until they fill a frame.
type batch struct {
	link  *link
	kind  uint8
	count uint32
	body  []byte // the count's four bytes, and the entries
}

// add takes the entry that write appends.
func (b *batch) add(write func([]byte) []byte) error {
	if len(b.body) == 0 {
		b.body = make([]byte, 4, DataBytes)
	}
	before := len(b.body)
	b.body = write(b.body)
	if len(b.body) > DataBytes && b.count > 0 {
		last := append([]byte(nil), b.body[before:]...)
		b.body = b.body[:before]
		if err := b.flush(); err != nil {
			return err
		}
		b.body = append(b.body, last...)
	}
	b.count++
	return nil
}

func (b *batch) flush() error {
	if b.count == 0 {
		return nil
	}
	binary.BigEndian.PutUint32(b.body, b.count)
	err := b.link.put(b.kind, b.body)
	b.body, b.count = b.body[:4], 0
	return err
}
