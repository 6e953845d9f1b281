package wire

// Generation counts the forms of the protocol. The agent of a running guest is never upgraded under it, so the host
// speaks every generation, and so does this agent: each one has only added to the one before.
const (
	Generation    = 3
	MinGeneration = 1
)

// Kinds of message.
const (
	KindHello    = 0x01
	KindWelcome  = 0x02
	KindPing     = 0x03
	KindPong     = 0x04
	KindQuiesce  = 0x05
	KindQuiesced = 0x06
	KindThaw     = 0x07
	KindSetClock = 0x09
	KindReady    = 0x08

	KindExecStart   = 0x10
	KindExecStarted = 0x11
	KindStdout      = 0x12
	KindStderr      = 0x13
	KindExit        = 0x14
	KindFailed      = 0x15
	KindStdin       = 0x16
	KindStdinClose  = 0x17
	KindSignal      = 0x18
	KindWindow      = 0x19

	KindGrowDisk        = 0x20
	KindDone            = 0x21
	KindGuestStat       = 0x22
	KindGuestStatResult = 0x23

	KindProcesses    = 0x30
	KindProcessList  = 0x31
	KindAttach       = 0x32
	KindDetach       = 0x33
	KindLogged       = 0x34
	KindResize       = 0x35
	KindInputGranted = 0x36
)

// Reason says why a stream failed.
type Reason uint8

const (
	ProgramNotFound Reason = 1 + iota
	NotExecutable
	BadCwd
	BadUser
	NoResources
	Unsupported
	Lost
	IO
	NoProcess
)
