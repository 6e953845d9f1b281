package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/frame"
	"nullspace.dev/agent/internal/wire"
)

func keptPayload(label string, argv ...string) []byte {
	b := append(execPayload(true, argv...), 1, 0, 0, 0, 0, 0)
	return append(wire.AppendStr(b, "id"), wire.AppendStr(nil, label)...)
}

// run starts a kept process that ends at once, and hears of its end.
func (h *host) run(stream uint32, label string, argv ...string) (pid uint32) {
	h.t.Helper()
	h.send(stream, wire.KindExecStart, keptPayload(label, argv...))
	pid = binary.BigEndian.Uint32(h.want(stream, wire.KindExecStarted))
	h.want(stream, wire.KindExit)
	return pid
}

func (h *host) logged(stream, pid uint32) received {
	h.t.Helper()
	ask := append(binary.BigEndian.AppendUint32(nil, pid), byte(wire.AttachLogs))
	h.send(stream, wire.KindAttach, binary.BigEndian.AppendUint32(ask, 1<<20))
	if got := h.next(); got.kind != wire.KindExecStarted {
		return got
	}
	return h.next()
}

// What stood behind another's last word in one turn is said in the next: nothing else may come to wake the agent.
func TestOutputBehindAnEndIsNotForgotten(t *testing.T) {
	h := newHost(t)
	h.hello("")
	dir := t.TempDir()
	go1, go2, said := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "said")
	wait := func(file string) string { return "while ! [ -e " + file + " ]; do sleep 0.01; done; " }
	h.send(1, wire.KindExecStart, execPayload(false, "sh", "-c", wait(go1)+"echo first"))
	pid := binary.BigEndian.Uint32(h.want(1, wire.KindExecStarted))
	h.send(2, wire.KindExecStart, execPayload(true, "sh", "-c", wait(go2)+"echo second; : >"+said+"; read x"))
	h.want(2, wire.KindExecStarted)
	h.send(0, wire.KindQuiesce, nil)
	h.want(0, wire.KindQuiesced)
	for _, file := range []string{go1, go2} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "both have had their say", func() bool {
		_, err := os.Stat(said)
		state, gone := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && (gone != nil || bytes.Contains(state, []byte(") Z ")))
	})
	h.send(0, wire.KindThaw, nil)
	for got := 0; got < 3; got++ {
		h.next()
	}
	h.send(2, wire.KindStdinClose, nil)
	h.want(2, wire.KindExit)
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(5 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("not in time: " + what)
		}
	}
}

// A host that does not read for a while gets everything when it does: the agent hears of the room.
func TestAPortThatWasFullGoesOn(t *testing.T) {
	h := newHost(t)
	h.hello("")
	h.send(1, wire.KindExecStart, execPayload(false, "sh", "-c", "head -c 1000000 /dev/zero; echo end >&2"))
	h.want(1, wire.KindExecStarted)
	until(t, "the port is full", func() bool {
		n, err := unix.IoctlGetInt(h.fd, unix.TIOCINQ)
		before := n
		time.Sleep(20 * time.Millisecond)
		n, _ = unix.IoctlGetInt(h.fd, unix.TIOCINQ)
		return err == nil && n > 100_000 && n == before
	})
	total := 0
	for {
		m := h.next()
		if m.kind != wire.KindStdout {
			break
		}
		total += len(m.payload)
	}
	if total != 1_000_000 {
		t.Fatal(total)
	}
	h.want(1, wire.KindExit)
}

// The last to end are remembered, whenever they began.
func TestThoseThatEndedLastAreRemembered(t *testing.T) {
	h := newHost(t)
	h.hello("")
	h.send(1, wire.KindExecStart, keptPayload("long", "sh", "-c", "read x; exit 7"))
	long := binary.BigEndian.Uint32(h.want(1, wire.KindExecStarted))
	first := h.run(2, "first", "true")
	for i := range uint32(maxEnded) {
		h.run(10+i, "short", "true")
	}
	if got := h.logged(3, first); got.kind != wire.KindFailed {
		t.Fatalf("the first is there: %#x", got.kind)
	}
	h.send(1, wire.KindStdinClose, nil)
	h.want(1, wire.KindExit)
	got := h.logged(4, long)
	if want := wire.AppendLogged(nil, false, wire.Exit{Code: 7}); got.kind != wire.KindLogged || !bytes.Equal(got.payload, want) {
		t.Fatalf("kind %#x %q", got.kind, got.payload)
	}
}

// A list of processes is one message, and none is longer than the host takes.
func TestAListOfLongLabelsIsNoLongerThanAMessage(t *testing.T) {
	h := newHost(t)
	h.hello("")
	label := strings.Repeat("日", 4096)
	const count = 360
	for i := range uint32(count) {
		h.run(10+i, label, "true")
	}
	h.send(2, wire.KindProcesses, nil)
	list := h.want(2, wire.KindProcessList)
	if n := binary.BigEndian.Uint32(list); n != count || len(list) > frame.MaxMessage {
		t.Fatalf("%d processes, %d bytes", n, len(list))
	}
	// The label of the first is behind pid, four fields, exit code and id.
	c := wire.Cursor{B: list[4+4+1+1+2+2+4:]}
	if c.Str() != "id" {
		t.Fatal("no id")
	}
	if got := c.Str(); !strings.HasPrefix(label, got) || len(got) < 3000 {
		t.Fatalf("%d bytes: %.20q", len(got), got)
	}
}

// Who answers line by line is no chatterer.
func TestAConversationIsNotSlowedDown(t *testing.T) {
	var c chatter
	at := time.Duration(0)
	for range 100 {
		c.heard()
		c.moved, at = 10, at+time.Millisecond
		c.rest(at)
		if c.last != at {
			t.Fatal("it rested")
		}
	}
	for range chatterAfter + 2 {
		c.moved, at = 10, at+time.Millisecond
		c.rest(at)
	}
	if c.last == at {
		t.Fatal("it did not rest")
	}
}

// What the port does not take at once waits in the same memory each time.
func TestTheOutboxTakesNoNewMemoryForEachFrame(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	o := outbox{fd: fds[0]}
	scratch := make([]byte, frame.HeaderBytes+frame.MaxPayload+frame.TrailerBytes)
	sink := make([]byte, 1<<20)
	drain := func() (got int) {
		for {
			n, err := unix.Read(fds[1], sink)
			if err == syscall.EAGAIN {
				return got
			}
			got += max(n, 0)
		}
	}
	sent, came := 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 2000 {
		whole := frame.Seal(scratch, 1, 2, wire.KindStdout, 0, outputPayload)
		o.frame(whole)
		sent += len(whole)
		for len(o.queue) > 0 {
			came += drain()
			o.flush()
		}
	}
	came += drain()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 || came != sent {
		t.Fatalf("%d KiB taken for %d frames; %d of %d bytes came", used>>10, 2000, came, sent)
	}
}
