package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/frame"
	"nullspace.dev/agent/internal/wire"
)

// fakeMachine counts what it is asked for.
type fakeMachine struct {
	renewed []string
	grown   uint64
	clock   atomic.Uint64
	err     error
}

func (m *fakeMachine) Renew(id *wire.Identity) error {
	m.renewed = append(m.renewed, id.Hostname)
	return m.err
}

func (m *fakeMachine) Stat(into *wire.GuestStat) { into.CPUs = 7 }

func (m *fakeMachine) SetClock(nowNs uint64) { m.clock.Store(nowNs) }

func (m *fakeMachine) GrowDisk(bytes uint64) error {
	m.grown = bytes
	return m.err
}

// host is the other end of a session that runs on a goroutine of its own until the test ends.
type host struct {
	t       *testing.T
	fd      int
	key     uint64
	machine *fakeMachine
	reader  *frame.Reader
	joiner  frame.Joiner
}

type received struct {
	stream  uint32
	kind    uint8
	payload []byte
}

func newHost(t *testing.T) *host {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(fds[1], true)
	m := &fakeMachine{}
	s, err := New(Config{Port: fds[1], Version: "v", Starts: 3, Machine: m})
	if err != nil {
		t.Fatal(err)
	}
	// A closed socket reads as the end, as a port without a host does, so this one waits until the tests are over.
	go s.Run()
	tv := unix.NsecToTimeval(int64(5 * time.Second))
	unix.SetsockoptTimeval(fds[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	h := &host{t: t, fd: fds[0], key: 0xabc, machine: m, reader: frame.NewReader()}
	t.Cleanup(func() { unix.Close(fds[0]) })
	return h
}

func (h *host) send(stream uint32, kind uint8, payload []byte) {
	h.raw(frame.AppendMessage(nil, h.key, stream, kind, payload))
}

func (h *host) raw(b []byte) {
	h.t.Helper()
	for len(b) > 0 {
		n, err := unix.Write(h.fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			h.t.Fatal(err)
		}
		b = b[n:]
	}
}

func (h *host) next() received {
	h.t.Helper()
	for {
		for {
			f, ok := h.reader.Next()
			if !ok {
				break
			}
			if f.Session != h.key {
				continue
			}
			if payload, whole := h.joiner.Add(f); whole {
				return received{f.Stream, f.Kind, bytes.Clone(payload)}
			}
		}
		n, err := unix.Read(h.fd, h.reader.Space())
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			h.t.Fatalf("nothing came: %v", err)
		}
		h.reader.Added(n)
	}
}

// want receives and checks stream and kind.
func (h *host) want(stream uint32, kind uint8) []byte {
	h.t.Helper()
	got := h.next()
	if got.stream != stream || got.kind != kind {
		h.t.Fatalf("got kind %#x on stream %d (%q), want %#x on %d", got.kind, got.stream, got.payload, kind, stream)
	}
	return got.payload
}

func helloPayload(renew string) []byte {
	b := []byte{0, 1, 0, 1}
	if renew == "" {
		return append(b, 0)
	}
	b = append(b, 1)
	b = append(b, make([]byte, 8+16+64)...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(renew))), renew...)
}

func (h *host) hello(renew string) []byte {
	h.t.Helper()
	h.send(0, wire.KindHello, helloPayload(renew))
	return h.want(0, wire.KindWelcome)
}

func execPayload(stdin bool, argv ...string) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 8), 1<<20)
	b = append(b, 0, 0, 0, 0, 0)
	if stdin {
		b[16] = 1
	}
	for _, s := range []string{"/", ""} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(argv)))
	for _, s := range argv {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return append(b, 0, 0, 0, 0)
}

func TestHelloRenewsOnceAndRepeatsTheAnswer(t *testing.T) {
	h := newHost(t)
	first := h.hello("one")
	again := h.hello("one")
	if !bytes.Equal(first, again) || len(h.machine.renewed) != 1 {
		t.Fatalf("%q then %q, renewed %v", first, again, h.machine.renewed)
	}
	want := wire.Welcome{Generation: 1, Renewed: true, Starts: 3, Version: "v"}.Append(nil)
	if !bytes.Equal(first, want) {
		t.Fatalf("%x, want %x", first, want)
	}
	h.machine.err = errors.New("clock: no")
	h.key = 5
	if got, want := h.hello("two"), (wire.Welcome{Generation: 1, Starts: 3, Version: "v", Error: "clock: no"}).Append(nil); !bytes.Equal(got, want) {
		t.Fatalf("%x, want %x", got, want)
	}
}

func TestReadyIsSaidOnceAtTheStart(t *testing.T) {
	h := newHost(t)
	key := h.key
	h.key = 0
	if got := h.want(0, wire.KindReady); !bytes.Equal(got, wire.AppendReady(nil, 3)) {
		t.Fatalf("%x", got)
	}
	h.key = key
	h.hello("")
}

func TestGenerationIsTheHighestThatBothKnow(t *testing.T) {
	h := newHost(t)
	for highest, want := range map[byte]byte{1: 1, 2: 2, 3: 3, 9: 3} {
		h.key++
		h.send(0, wire.KindHello, []byte{0, 1, 0, highest, 0})
		if got := h.want(0, wire.KindWelcome); got[0] != 0 || got[1] != want {
			t.Fatalf("host speaks 1 to %d: %x", highest, got)
		}
	}
}

func TestUnknownGeneration(t *testing.T) {
	h := newHost(t)
	h.send(0, wire.KindHello, []byte{0, 7, 0, 9, 0})
	if got := h.want(0, wire.KindWelcome); got[0] != 0 || got[1] != 0 {
		t.Fatalf("%x", got)
	}
}

func TestExec(t *testing.T) {
	h := newHost(t)
	h.hello("")
	h.send(1, wire.KindExecStart, execPayload(true, "sh", "-c", "cat; echo done >&2; exit 3"))
	h.want(1, wire.KindExecStarted)
	h.send(1, wire.KindStdin, []byte("in"))
	if got := h.want(1, wire.KindStdout); string(got) != "in" {
		t.Fatalf("%q", got)
	}
	h.send(1, wire.KindStdinClose, nil)
	if got := h.want(1, wire.KindStderr); string(got) != "done\n" {
		t.Fatalf("%q", got)
	}
	want := wire.Exit{Code: 3}.Append(nil)
	if got := h.want(1, wire.KindExit); !bytes.Equal(got, want) {
		t.Fatalf("%x", got)
	}
}

func TestLargeRequestAndOutput(t *testing.T) {
	h := newHost(t)
	h.hello("")
	long := strings.Repeat("y", 100_000)
	h.send(9, wire.KindExecStart, execPayload(false, "sh", "-c", "printf %s \"$1\"", "sh", long))
	h.want(9, wire.KindExecStarted)
	var got []byte
	for {
		m := h.next()
		if m.kind != wire.KindStdout {
			break
		}
		got = append(got, m.payload...)
	}
	if string(got) != long {
		t.Fatalf("%d bytes", len(got))
	}
}

func TestSignalAndFailure(t *testing.T) {
	h := newHost(t)
	h.hello("")
	h.send(1, wire.KindExecStart, execPayload(false, "sleep", "30"))
	h.want(1, wire.KindExecStarted)
	h.send(1, wire.KindSignal, []byte{15})
	if got := h.want(1, wire.KindExit); !bytes.Equal(got, wire.Exit{Code: 143, Signal: 15}.Append(nil)) {
		t.Fatalf("%x", got)
	}
	h.send(2, wire.KindExecStart, execPayload(false, "no-such-program"))
	if got := h.want(2, wire.KindFailed); got[0] != byte(wire.ProgramNotFound) {
		t.Fatalf("%x", got)
	}
	h.send(3, 0x7f, nil)
	if got := h.want(3, wire.KindFailed); got[0] != byte(wire.Unsupported) {
		t.Fatalf("%x", got)
	}
	h.send(4, wire.KindGrowDisk, []byte{0, 0, 0, 2, 0, 0, 0, 0})
	h.want(4, wire.KindDone)
	if h.machine.grown != 8<<30 {
		t.Fatalf("grown to %d bytes", h.machine.grown)
	}
	h.send(5, wire.KindGuestStat, nil)
	if got, want := h.want(5, wire.KindGuestStatResult), (&wire.GuestStat{CPUs: 7}).Append(nil); !bytes.Equal(got, want) {
		t.Fatalf("%x, want %x", got, want)
	}
}

func TestNewSessionForgetsStreams(t *testing.T) {
	h := newHost(t)
	h.hello("")
	h.send(1, wire.KindExecStart, execPayload(false, "sh", "-c", "sleep 0.3; echo late"))
	h.want(1, wire.KindExecStarted)
	old := h.key
	h.key = 0xdef
	h.hello("")
	// Of the old session nothing is answered, and its process is silent.
	h.raw(frame.AppendMessage(nil, old, 0, wire.KindPing, nil))
	h.send(1, wire.KindExecStart, execPayload(false, "sh", "-c", "sleep 0.6; echo new"))
	h.want(1, wire.KindExecStarted)
	if got := h.want(1, wire.KindStdout); string(got) != "new\n" {
		t.Fatalf("%q", got)
	}
	h.want(1, wire.KindExit)
}

func TestAGuidedProcessIsNotListedAndEndsWithTheSession(t *testing.T) {
	h := newHost(t)
	h.hello("")
	ended := filepath.Join(t.TempDir(), "ended")
	h.send(1, wire.KindExecStart, append(execPayload(true, "sh", "-c", "echo up; cat >/dev/null; : > \"$1\"", "sh", ended), 2))
	pid := h.want(1, wire.KindExecStarted)
	h.want(1, wire.KindStdout)
	h.send(1, wire.KindStdin, []byte("some"))
	if got := h.want(1, wire.KindInputGranted); !bytes.Equal(got, []byte{0, 0, 0, 4}) {
		t.Fatalf("%x", got)
	}
	h.send(2, wire.KindProcesses, nil)
	if got := h.want(2, wire.KindProcessList); !bytes.Equal(got, []byte{0, 0, 0, 0}) {
		t.Fatalf("%x", got)
	}
	h.send(3, wire.KindAttach, append(append(pid, byte(wire.AttachFollow)), 0, 0, 0, 9))
	if got := h.want(3, wire.KindFailed); got[0] != byte(wire.NoProcess) {
		t.Fatalf("%x", got)
	}
	h.key = 0xdef
	h.hello("")
	for limit := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ended); err == nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("its input was not closed")
		}
	}
	h.send(2, wire.KindProcesses, nil)
	if got := h.want(2, wire.KindProcessList); !bytes.Equal(got, []byte{0, 0, 0, 0}) {
		t.Fatalf("%x", got)
	}
}

func TestQuiesceIsSilentUntilThaw(t *testing.T) {
	h := newHost(t)
	h.hello("")
	h.send(1, wire.KindExecStart, execPayload(false, "sh", "-c", "sleep 0.2; echo late"))
	h.want(1, wire.KindExecStarted)
	h.send(0, wire.KindQuiesce, nil)
	h.want(0, wire.KindQuiesced)
	tv := unix.NsecToTimeval(int64(700 * time.Millisecond))
	unix.SetsockoptTimeval(h.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	var b [1]byte
	for {
		n, err := unix.Read(h.fd, b[:])
		if err == unix.EINTR {
			continue
		}
		if n > 0 {
			t.Fatal("something was said")
		}
		break
	}
	h.send(0, wire.KindThaw, nil)
	h.send(0, wire.KindSetClock, []byte{0, 0, 0, 0, 0, 0, 1, 2})
	h.want(1, wire.KindStdout)
	h.want(1, wire.KindExit)
	until(t, "the clock is set", func() bool { return h.machine.clock.Load() == 258 })
}

func TestGarbageDoesNoHarm(t *testing.T) {
	h := newHost(t)
	h.hello("")
	rnd := rand.New(rand.NewPCG(3, 4))
	for kind := range uint8(0x30) {
		if kind == wire.KindHello || kind == wire.KindQuiesce {
			continue
		}
		for range 20 {
			junk := make([]byte, rnd.IntN(60))
			for i := range junk {
				junk[i] = byte(rnd.IntN(256))
			}
			h.send(rnd.Uint32N(4), kind, junk)
		}
		if _, ok := wire.DecodeHello([]byte{0, 1}); ok {
			t.Fatal("half a Hello was taken")
		}
	}
	h.raw(frame.AppendMessage(nil, h.key, 1, wire.KindStdin, make([]byte, 100_000))[:30_000])
	h.raw(make([]byte, 40<<10))
	h.key = 77
	h.hello("")
}
