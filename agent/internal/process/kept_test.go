package process

import (
	"strings"
	"testing"
	"time"

	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

func kept(script string) *wire.ExecStart {
	m := request(script)
	m.Keep, m.Stdin = true, true
	return m
}

func (r *record) text(stream uint32) string {
	if r.seen[stream] == nil {
		return ""
	}
	return r.seen[stream].String()
}

// attached drives the process until the stream has its answer.
func (r *record) attached(p *Process, stream uint32, mode wire.AttachMode) {
	r.t.Helper()
	if !p.Attach(stream, mode, 1<<30) {
		r.t.Fatal("refused")
	}
	r.until(p, func() bool { _, told := r.exits[stream]; return told })
}

func TestKeptOutputCanBeReadAgainAndAgain(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("echo out; sleep 0.1; echo err >&2; sleep 0.1; echo more; exit 3"))
	p.Detach(1)
	r.until(p, p.Finished)
	if !p.Finished() || p.ExitCode() != 3 {
		t.Fatalf("finished %v, %d", p.Finished(), p.ExitCode())
	}
	for stream := uint32(2); stream < 5; stream++ {
		r.attached(p, stream, wire.AttachLogs)
		if r.logged[stream] || r.exits[stream].Code != 3 || r.text(stream) != "out\nerr\nmore\n" {
			t.Fatalf("%v %+v %q", r.logged[stream], r.exits[stream], r.text(stream))
		}
	}
	r.attached(p, 9, wire.AttachFollow)
	if r.text(9) != "out\nerr\nmore\n" || r.exits[9].Code != 3 {
		t.Fatalf("%q %+v", r.text(9), r.exits[9])
	}
}

func TestAttachedInTheMiddleMissesNothing(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.02; done"))
	r.until(p, func() bool { return strings.Contains(r.text(1), "4\n") })
	p.Attach(2, wire.AttachFollow, 1<<20)
	p.Attach(3, wire.AttachWait, 0)
	p.Detach(1)
	r.until(p, func() bool { return len(r.exits) == 2 })
	if r.text(2) != "1\n2\n3\n4\n5\n6\n7\n8\n" || r.text(3) != "" {
		t.Fatalf("%q %q", r.text(2), r.text(3))
	}
}

func TestASlowViewerHoldsTheProcess(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("head -c 3000000 /dev/zero"))
	p.Attach(2, wire.AttachFollow, 10)
	limit := sys.Now() + 200*time.Millisecond
	for now := sys.Now(); now < limit; now = sys.Now() {
		p.Advance(now, r)
		r.loop.Wait(now, now+20*time.Millisecond)
	}
	if len(r.text(1)) != 10 || len(r.text(2)) != 10 {
		t.Fatalf("%d %d", len(r.text(1)), len(r.text(2)))
	}
	p.Detach(2)
	r.until(p, func() bool { return r.exit != nil })
	if len(r.text(1)) != 3000000 {
		t.Fatal(len(r.text(1)))
	}
	// The first so many bytes stay, the rest is counted.
	r.attached(p, 4, wire.AttachLogs)
	if got := len(r.text(4)); got < LogBytes-100 || got > LogBytes || r.exits[4].DroppedStdout != uint64(3000000-got) {
		t.Fatalf("%d kept, %+v", got, r.exits[4])
	}
}

func TestNobodyLooksAndItRunsOn(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("yes | head -c 5000000; echo done >&2"))
	p.Forget()
	r.until(p, p.Finished)
	r.attached(p, 2, wire.AttachLogs)
	if !p.Finished() || !strings.HasSuffix(r.text(2), "y\ny\n") || r.exits[2].DroppedStdout == 0 {
		t.Fatalf("%v %d %+v", p.Finished(), len(r.text(2)), r.exits[2])
	}
}

func TestLogsShareABudget(t *testing.T) {
	r := newRecord(t)
	var ended []*Process
	evicted := 0
	r.spawner.Budget.Evict = func() bool {
		for _, p := range ended {
			if p.HasLog() {
				p.DropLog()
				evicted++
				return true
			}
		}
		return false
	}
	for range 10 {
		p := r.start(kept("head -c 2000000 /dev/zero"))
		p.Forget()
		r.until(p, p.Finished)
		ended = append(ended, p)
	}
	if r.spawner.Budget.used > AllLogBytes || evicted == 0 {
		t.Fatalf("%d used, %d evicted", r.spawner.Budget.used, evicted)
	}
	r.attached(ended[0], 5, wire.AttachLogs)
	if r.text(5) != "" || r.exits[5].DroppedStdout != 2000000 {
		t.Fatalf("%d %+v", len(r.text(5)), r.exits[5])
	}
}

func TestInputIsGrantedAgain(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("head -c 300000 >/dev/null; cat"))
	piece := make([]byte, 100_000)
	for sent := 0; sent < 3; sent++ {
		p.Input(1, piece)
		r.until(p, func() bool { return r.granted[1] == uint32(100_000*(sent+1)) })
	}
	if r.granted[1] != 300_000 {
		t.Fatal(r.granted[1])
	}
	p.Input(1, []byte("end"))
	p.CloseInput()
	r.until(p, func() bool { return r.exit != nil })
	if r.text(1) != "end" {
		t.Fatalf("%q", r.text(1))
	}
}

func guided(script string) *wire.ExecStart {
	m := request(script)
	m.Guided, m.Stdin = true, true
	return m
}

func TestGuidedInputIsGrantedAndNothingIsKept(t *testing.T) {
	r := newRecord(t)
	p := r.start(guided("head -c 300000 >/dev/null; cat"))
	piece := make([]byte, 100_000)
	for sent := 0; sent < 3; sent++ {
		p.Input(1, piece)
		r.until(p, func() bool { return r.granted[1] == uint32(100_000*(sent+1)) })
	}
	if r.granted[1] != 300_000 || p.Kept || p.HasLog() || r.spawner.Budget.used != 0 {
		t.Fatalf("%d granted, kept %v, %d bytes of logs", r.granted[1], p.Kept, r.spawner.Budget.used)
	}
	p.Input(1, []byte("end"))
	p.CloseInput()
	r.until(p, func() bool { return r.exit != nil })
	if r.text(1) != "end" || p.HasLog() {
		t.Fatalf("%q", r.text(1))
	}
}

func TestGuidedOutputWaitsForItsWindow(t *testing.T) {
	r, m := newRecord(t), guided("head -c 300000 /dev/zero")
	m.Window = 10
	p := r.start(m)
	limit := sys.Now() + 200*time.Millisecond
	for now := sys.Now(); now < limit; now = sys.Now() {
		p.Advance(now, r)
		r.loop.Wait(now, now+20*time.Millisecond)
	}
	if len(r.text(1)) != 10 || r.exit != nil {
		t.Fatalf("%d bytes came through a window of 10", len(r.text(1)))
	}
	p.Grant(1, 1<<20)
	r.until(p, func() bool { return r.exit != nil })
	if len(r.text(1)) != 300000 {
		t.Fatal(len(r.text(1)))
	}
}

// Both ends of a stream: its host is replaced, or lets go of it.
func TestAGuidedProcessSeesTheEndOfItsStream(t *testing.T) {
	for name, end := range map[string]func(*Process){"forgotten": (*Process).Forget, "detached": func(p *Process) { p.Detach(1) }} {
		t.Run(name, func(t *testing.T) {
			r := newRecord(t)
			p := r.start(guided("cat >/dev/null; exit 7"))
			p.Input(1, []byte("some"))
			end(p)
			r.until(p, p.Finished)
			if !p.Finished() || p.ExitCode() != 7 {
				t.Fatalf("finished %v, %d", p.Finished(), p.ExitCode())
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	r, m := newRecord(t), kept("stty size; tty; read x; stty size; echo got $x; exit 4")
	m.Terminal, m.Cols, m.Rows = true, 90, 20
	p := r.start(m)
	r.until(p, func() bool { return strings.Count(r.text(1), "\n") == 2 })
	if text := r.text(1); !strings.HasPrefix(text, "20 90\r\n/dev/pts/") {
		t.Fatalf("%q", text)
	}
	if !p.Resize(100, 30) || p.Cols != 100 {
		t.Fatal("not resized")
	}
	p.Input(1, []byte("hello\r"))
	r.until(p, func() bool { return r.exit != nil })
	if text := r.text(1); !strings.HasSuffix(text, "30 100\r\ngot hello\r\n") || r.exit.Code != 4 {
		t.Fatalf("%q %+v", text, r.exit)
	}
	r.attached(p, 2, wire.AttachFollow)
	if r.text(2) != r.text(1) {
		t.Fatalf("%q", r.text(2))
	}
	if p.Resize(1, 1) {
		t.Fatal("a terminal that is gone was resized")
	}
}

func TestAScreenKeepsItsEnd(t *testing.T) {
	r, m := newRecord(t), kept("seq 1 200000")
	m.Terminal = true
	p := r.start(m)
	p.Forget()
	r.until(p, p.Finished)
	r.attached(p, 2, wire.AttachFollow)
	if text := r.text(2); !strings.HasSuffix(text, "199999\r\n200000\r\n") || len(text) > 2*ScreenBytes || len(text) < ScreenBytes {
		t.Fatalf("%d bytes", len(text))
	}
}
