package wire

import "encoding/binary"

// Hello opens a session.
type Hello struct {
	MinGeneration, MaxGeneration uint16
	// Renew is nil when the guest keeps the identity it has.
	Renew *Identity
}

// Identity makes a guest a machine of its own. Without a Hostname it is the same machine that goes on after it stood
// still, and MachineID says nothing.
type Identity struct {
	NowNs     uint64 // wall clock, ns since the epoch
	MachineID [16]byte
	Seed      [64]byte
	Hostname  string
	// Disconnect ends the TCP connections that came along in memory.
	Disconnect bool
}

// Welcome answers a Hello.
type Welcome struct {
	Generation uint16
	Renewed    bool
	Starts     uint32 // of the agent process since the guest booted
	Version    string
	Error      string // empty when nothing failed
}

// ExecStart asks for a process. Times are in milliseconds, sizes in bytes; 0 is "none" for the timeout and the limit.
type ExecStart struct {
	TimeoutMs, GraceMs  uint32
	Window, OutputLimit uint32
	Stdin               bool
	Cwd, User           string
	Argv, Env           []string
	// Guided says that its input is granted as that of a kept process. It ends with its stream.
	Guided bool
	// Keep makes it one that can be asked for by its pid; with a Terminal it has one of that size.
	Keep, Terminal bool
	Cols, Rows     uint16
	ID, Label      string
}

// Exit ends a stream whose process has ended.
type Exit struct {
	Code                         int32 // 128 + signal when a signal ended it
	Signal                       uint8
	TimedOut                     bool
	DroppedStdout, DroppedStderr uint64
}

// GuestStat is what the guest has used since its boot. What could not be read is 0.
type GuestStat struct {
	CPUTotalTicks, CPUIdleTicks      uint64 // 1/100 s over all CPUs; idle has the time waiting for a disk in it
	CPUs                             uint32
	MemTotalBytes, MemAvailableBytes uint64
	DiskTotalBytes, DiskUsedBytes    uint64 // of the root filesystem
	NetReceivedBytes, NetSentBytes   uint64 // all interfaces but loopback
}

// Failure ends a stream that could not do what was asked. It is an error, so that code below can return it as one.
type Failure struct {
	Reason  Reason
	Message string
}

func (f *Failure) Error() string { return f.Message }

// DecodeHello and its siblings return false for a payload that ends early. Bytes past the last field are ignored.
func DecodeHello(b []byte) (m Hello, ok bool) {
	c := Cursor{B: b}
	m.MinGeneration, m.MaxGeneration = c.U16(), c.U16()
	if c.U8() == 1 {
		m.Renew = &Identity{NowNs: c.U64()}
		copy(m.Renew.MachineID[:], c.Take(16))
		copy(m.Renew.Seed[:], c.Take(64))
		m.Renew.Hostname = c.Str()
		m.Renew.Disconnect = !c.Bad && len(c.B) > 0 && c.U8() == 1
	}
	return m, !c.Bad
}

func DecodeExecStart(b []byte) (m ExecStart, ok bool) {
	c := Cursor{B: b}
	m.TimeoutMs, m.GraceMs, m.Window, m.OutputLimit = c.U32(), c.U32(), c.U32(), c.U32()
	m.Stdin = c.U8() == 1
	m.Cwd, m.User = c.Str(), c.Str()
	m.Argv, m.Env = c.List(), c.List()
	// Hosts of generation 1 and 2 end here.
	if !c.Bad && len(c.B) > 0 {
		switch c.U8() {
		case 1:
			m.Keep, m.Terminal = true, c.U8() == 1
			m.Cols, m.Rows = c.U16(), c.U16()
			m.ID, m.Label = c.Str(), c.Str()
		case 2:
			m.Guided = true
		}
	}
	return m, !c.Bad
}

func DecodeSignal(b []byte) (uint8, bool) {
	c := Cursor{B: b}
	return c.U8(), !c.Bad
}

// DecodeSetClock gives ns since the epoch.
func DecodeSetClock(b []byte) (uint64, bool) {
	c := Cursor{B: b}
	return c.U64(), !c.Bad
}

// DecodeGrowDisk gives the disk's size in bytes.
func DecodeGrowDisk(b []byte) (uint64, bool) {
	c := Cursor{B: b}
	return c.U64(), !c.Bad
}

func DecodeWindow(b []byte) (uint32, bool) {
	c := Cursor{B: b}
	return c.U32(), !c.Bad
}

// Append writes the message's payload behind b.
func (m Welcome) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, m.Generation)
	b = appendBool(b, m.Renewed)
	b = binary.BigEndian.AppendUint32(b, m.Starts)
	return AppendStr(AppendStr(b, m.Version), m.Error)
}

func (m Exit) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(m.Code))
	b = appendBool(append(b, m.Signal), m.TimedOut)
	b = binary.BigEndian.AppendUint64(b, m.DroppedStdout)
	return binary.BigEndian.AppendUint64(b, m.DroppedStderr)
}

// GuestStatBytes is the length of the payload of GuestStatResult.
const GuestStatBytes = 8*8 + 4

func (m *GuestStat) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, m.CPUTotalTicks)
	b = binary.BigEndian.AppendUint64(b, m.CPUIdleTicks)
	b = binary.BigEndian.AppendUint32(b, m.CPUs)
	b = binary.BigEndian.AppendUint64(b, m.MemTotalBytes)
	b = binary.BigEndian.AppendUint64(b, m.MemAvailableBytes)
	b = binary.BigEndian.AppendUint64(b, m.DiskTotalBytes)
	b = binary.BigEndian.AppendUint64(b, m.DiskUsedBytes)
	b = binary.BigEndian.AppendUint64(b, m.NetReceivedBytes)
	return binary.BigEndian.AppendUint64(b, m.NetSentBytes)
}

func (f *Failure) Append(b []byte) []byte {
	return AppendStr(append(b, uint8(f.Reason)), f.Message)
}

// AppendStarted writes the payload of ExecStarted.
func AppendStarted(b []byte, pid int) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(pid))
}

// AppendReady writes the payload of Ready.
func AppendReady(b []byte, starts uint32) []byte {
	return binary.BigEndian.AppendUint32(b, starts)
}
