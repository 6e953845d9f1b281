package wire

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"testing"
)

// The vectors are shared with the host's implementation.
const vectorFile = "../../../packages/guest-protocol/vectors/messages.json"

type vector struct {
	Message, Name, Hex string
	Kind               uint8
	Added              int // bytes at the end that another generation does not send
	Value              json.RawMessage
}

// value is the union of all fields, by the host's names; bytes are in hex, 64-bit numbers in decimal.
type value struct {
	MinGeneration, MaxGeneration uint16
	Renew                        *struct {
		NowNs, MachineID, Seed, Hostname string
		Disconnect                       bool
	}
	Generation                   uint16
	Renewed                      bool
	AgentStarts                  uint32
	AgentVersion, Error          string
	NowNs, DiskBytes             string
	TimeoutMs, GraceMs           uint32
	Window, OutputLimit          uint32
	Stdin                        bool
	Cwd, User                    string
	Argv, Env                    []string
	Pid                          int
	ExitCode                     int32
	Signal                       uint8
	TimedOut                     bool
	DroppedStdout, DroppedStderr string
	Reason, Message              string
	Bytes                        uint32
	Kept                         *kept
	Guided                       bool
	Mode                         string
	Cols, Rows                   uint16
	Running                      bool
	Exit                         *value
	Processes                    []struct {
		kept
		Pid      uint32
		Running  bool
		ExitCode int32
	}

	CPUTotalTicks, CPUIdleTicks      string
	CPUCount                         uint32
	MemTotalBytes, MemAvailableBytes string
	DiskTotalBytes, DiskUsedBytes    string
	NetRxBytes, NetTxBytes           string
}

type kept struct {
	Terminal  *Size
	ID, Label string
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var reasons = map[string]Reason{
	"program_not_found": ProgramNotFound, "not_executable": NotExecutable, "bad_cwd": BadCwd, "bad_user": BadUser,
	"no_resources": NoResources, "unsupported": Unsupported, "lost": Lost, "io": IO, "no_process": NoProcess,
}

func TestVectors(t *testing.T) {
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Message+"/"+v.Name, func(t *testing.T) {
			payload, err := hex.DecodeString(v.Hex)
			if err != nil {
				t.Fatal(err)
			}
			var want value
			if err := json.Unmarshal(v.Value, &want); err != nil {
				t.Fatal(err)
			}
			check(t, v, payload, want)
		})
	}
}

// check decodes what the host sends and encodes what the guest sends.
func check(t *testing.T, v vector, payload []byte, want value) {
	same := func(kind uint8, got, expected any) {
		t.Helper()
		if kind != v.Kind || !reflect.DeepEqual(got, expected) {
			t.Fatalf("kind %#x (want %#x)\n got %+v\nwant %+v", kind, v.Kind, got, expected)
		}
	}
	cut := func(decode func([]byte) bool) {
		t.Helper()
		for n := range len(payload) - v.Added {
			if decode(payload[:n]) {
				t.Fatalf("the first %d bytes of %d were taken for a whole message", n, len(payload))
			}
		}
	}
	switch v.Message {
	case "Hello":
		got, ok := DecodeHello(payload)
		expected := Hello{MinGeneration: want.MinGeneration, MaxGeneration: want.MaxGeneration}
		if r := want.Renew; r != nil {
			expected.Renew = &Identity{NowNs: number(t, r.NowNs), Hostname: r.Hostname, Disconnect: r.Disconnect}
			hex.Decode(expected.Renew.MachineID[:], []byte(r.MachineID))
			hex.Decode(expected.Renew.Seed[:], []byte(r.Seed))
		}
		same(KindHello, got, expected)
		same(KindHello, ok, true)
		cut(func(b []byte) bool { _, ok := DecodeHello(b); return ok })
	case "ExecStart":
		got, ok := DecodeExecStart(payload)
		expected := ExecStart{
			TimeoutMs: want.TimeoutMs, GraceMs: want.GraceMs, Window: want.Window, OutputLimit: want.OutputLimit,
			Stdin: want.Stdin, Cwd: want.Cwd, User: want.User, Argv: want.Argv, Env: want.Env, Guided: want.Guided,
		}
		if k := want.Kept; k != nil {
			expected.Keep, expected.ID, expected.Label = true, k.ID, k.Label
			if k.Terminal != nil {
				expected.Terminal, expected.Cols, expected.Rows = true, k.Terminal.Cols, k.Terminal.Rows
			}
		}
		same(KindExecStart, got, expected)
		same(KindExecStart, ok, true)
		cut(func(b []byte) bool {
			m, ok := DecodeExecStart(b)
			return ok && m.Keep == expected.Keep && m.Guided == expected.Guided
		})
	case "Attach":
		got, ok := DecodeAttach(payload)
		modes := map[string]AttachMode{"wait": AttachWait, "follow": AttachFollow, "logs": AttachLogs}
		same(KindAttach, got, Attach{Pid: uint32(want.Pid), Mode: modes[want.Mode], Window: want.Window})
		same(KindAttach, ok, true)
		cut(func(b []byte) bool { _, ok := DecodeAttach(b); return ok })
	case "Resize":
		got, _ := DecodeSize(payload)
		same(KindResize, got, Size{Cols: want.Cols, Rows: want.Rows})
		cut(func(b []byte) bool { _, ok := DecodeSize(b); return ok })
	case "ProcessList":
		got := binary.BigEndian.AppendUint32(nil, uint32(len(want.Processes)))
		for _, p := range want.Processes {
			info := ProcessInfo{Pid: p.Pid, Running: p.Running, Code: p.ExitCode, ID: p.ID, Label: p.Label}
			if p.Terminal != nil {
				info.Terminal, info.Cols, info.Rows = true, p.Terminal.Cols, p.Terminal.Rows
			}
			got = info.Append(got)
		}
		same(KindProcessList, got, payload)
	case "Logged":
		e := want.Exit
		exit := Exit{
			Code: e.ExitCode, Signal: e.Signal, TimedOut: e.TimedOut,
			DroppedStdout: number(t, e.DroppedStdout), DroppedStderr: number(t, e.DroppedStderr),
		}
		same(KindLogged, AppendLogged(nil, want.Running, exit), payload)
	case "InputGranted":
		same(KindInputGranted, AppendBytes(nil, want.Bytes), payload)
	case "Signal":
		got, _ := DecodeSignal(payload)
		same(KindSignal, got, want.Signal)
		cut(func(b []byte) bool { _, ok := DecodeSignal(b); return ok })
	case "SetClock":
		got, _ := DecodeSetClock(payload)
		same(KindSetClock, got, number(t, want.NowNs))
		cut(func(b []byte) bool { _, ok := DecodeSetClock(b); return ok })
	case "GrowDisk":
		got, _ := DecodeGrowDisk(payload)
		same(KindGrowDisk, got, number(t, want.DiskBytes))
		cut(func(b []byte) bool { _, ok := DecodeGrowDisk(b); return ok })
	case "Window":
		got, _ := DecodeWindow(payload)
		same(KindWindow, got, want.Bytes)
		cut(func(b []byte) bool { _, ok := DecodeWindow(b); return ok })
	case "Welcome":
		m := Welcome{Generation: want.Generation, Renewed: want.Renewed, Starts: want.AgentStarts, Version: want.AgentVersion, Error: want.Error}
		same(KindWelcome, m.Append(nil), payload)
	case "Ready":
		same(KindReady, AppendReady(nil, want.AgentStarts), payload)
	case "ExecStarted":
		same(KindExecStarted, AppendStarted(nil, want.Pid), payload)
	case "Exit":
		m := Exit{
			Code: want.ExitCode, Signal: want.Signal, TimedOut: want.TimedOut,
			DroppedStdout: number(t, want.DroppedStdout), DroppedStderr: number(t, want.DroppedStderr),
		}
		same(KindExit, m.Append(nil), payload)
	case "GuestStatResult":
		m := GuestStat{
			CPUTotalTicks: number(t, want.CPUTotalTicks), CPUIdleTicks: number(t, want.CPUIdleTicks), CPUs: want.CPUCount,
			MemTotalBytes: number(t, want.MemTotalBytes), MemAvailableBytes: number(t, want.MemAvailableBytes),
			DiskTotalBytes: number(t, want.DiskTotalBytes), DiskUsedBytes: number(t, want.DiskUsedBytes),
			NetReceivedBytes: number(t, want.NetRxBytes), NetSentBytes: number(t, want.NetTxBytes),
		}
		same(KindGuestStatResult, m.Append(nil), payload)
	case "Failed":
		m := Failure{Reason: reasons[want.Reason], Message: want.Message}
		same(KindFailed, m.Append(nil), payload)
	default:
		kind, known := map[string]uint8{
			"Ping": KindPing, "Pong": KindPong, "Quiesce": KindQuiesce, "Quiesced": KindQuiesced, "Thaw": KindThaw,
			"StdinClose": KindStdinClose, "Done": KindDone, "GuestStat": KindGuestStat,
			"Processes": KindProcesses, "Detach": KindDetach,
		}[v.Message]
		if !known {
			t.Fatal("this test does not know the message")
		}
		same(kind, len(payload), 0)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 0})
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01/\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		DecodeHello(b)
		DecodeSignal(b)
		DecodeWindow(b)
		DecodeAttach(b)
		DecodeSize(b)
		if m, ok := DecodeExecStart(b); ok && len(m.Argv)+len(m.Env) > len(b) {
			t.Fatalf("%d strings out of %d bytes", len(m.Argv)+len(m.Env), len(b))
		}
	})
}
