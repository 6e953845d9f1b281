package wire

import "encoding/binary"

// AttachMode is what a stream wants of a process that is kept.
type AttachMode uint8

const (
	// AttachWait hears of the end only.
	AttachWait AttachMode = iota
	// AttachFollow gets what was printed so far, what is printed from then on, and the end.
	AttachFollow
	// AttachLogs gets what was printed so far and whether it runs.
	AttachLogs
)

// Attach makes a stream one of the process's.
type Attach struct {
	Pid    uint32
	Mode   AttachMode
	Window uint32
}

func DecodeAttach(b []byte) (m Attach, ok bool) {
	c := Cursor{B: b}
	m.Pid, m.Mode, m.Window = c.U32(), AttachMode(c.U8()), c.U32()
	return m, !c.Bad && m.Mode <= AttachLogs
}

// Size of a terminal.
type Size struct{ Cols, Rows uint16 }

func DecodeSize(b []byte) (m Size, ok bool) {
	c := Cursor{B: b}
	m.Cols, m.Rows = c.U16(), c.U16()
	return m, !c.Bad
}

// ProcessInfo is one entry of the answer to a question for all that are kept.
type ProcessInfo struct {
	Pid        uint32
	Running    bool
	Terminal   bool
	Cols, Rows uint16
	Code       int32 // of one that has ended
	ID, Label  string
}

// Append writes the entry behind b.
func (m ProcessInfo) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, m.Pid)
	b = appendBool(appendBool(b, m.Running), m.Terminal)
	b = binary.BigEndian.AppendUint16(b, m.Cols)
	b = binary.BigEndian.AppendUint16(b, m.Rows)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Code))
	return AppendStr(AppendStr(b, m.ID), m.Label)
}

// AppendLogged writes the payload of Logged.
func AppendLogged(b []byte, running bool, exit Exit) []byte {
	return exit.Append(appendBool(b, running))
}

// AppendBytes writes the payload of a grant.
func AppendBytes(b []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(b, n) }
