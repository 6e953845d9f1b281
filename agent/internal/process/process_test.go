package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nullspace.dev/agent/internal/loop"
	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

// record is a sink that keeps everything and is never full.
type record struct {
	t       *testing.T
	loop    *loop.Loop
	spawner *Spawner
	scratch [4096]byte
	out     [2]strings.Builder
	exit    *wire.Exit
	// By stream, for those that are attached.
	seen    map[uint32]*strings.Builder
	exits   map[uint32]wire.Exit
	logged  map[uint32]bool
	granted map[uint32]uint32
}

func newRecord(t *testing.T) *record {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSpawner(l, "")
	if err != nil {
		t.Fatal(err)
	}
	return &record{
		t: t, loop: l, spawner: s, seen: map[uint32]*strings.Builder{}, exits: map[uint32]wire.Exit{},
		logged: map[uint32]bool{}, granted: map[uint32]uint32{},
	}
}

func (r *record) Room() bool     { return true }
func (r *record) Buffer() []byte { return r.scratch[:] }
func (r *record) Moved(int)      {}
func (r *record) Output(stream uint32, kind uint8, n int) {
	if r.seen[stream] == nil {
		r.seen[stream] = &strings.Builder{}
	}
	r.seen[stream].Write(r.scratch[:n])
	if stream == 1 {
		r.out[kind-wire.KindStdout].Write(r.scratch[:n])
	}
}
func (r *record) Exited(stream uint32, exit wire.Exit) {
	r.exits[stream] = exit
	if stream == 1 {
		r.exit = &exit
	}
}
func (r *record) Logged(stream uint32, running bool, exit wire.Exit) {
	r.logged[stream], r.exits[stream] = running, exit
}
func (r *record) Granted(stream uint32, bytes uint32) { r.granted[stream] += bytes }

func request(script string) *wire.ExecStart {
	return &wire.ExecStart{Window: 1 << 30, Cwd: "/", Argv: []string{"sh", "-c", script}}
}

func (r *record) start(m *wire.ExecStart) *Process {
	r.t.Helper()
	p, failure := r.spawner.Start(1, m)
	if failure != nil {
		r.t.Fatalf("start: %d %s", failure.Reason, failure.Message)
	}
	return p
}

// until drives the process until the condition holds or it is over; it fails the test after five seconds.
func (r *record) until(p *Process, done func() bool) {
	r.t.Helper()
	limit := sys.Now() + 5*time.Second
	for now := sys.Now(); now < limit; now = sys.Now() {
		again, over := p.Advance(now, r)
		if over || done() {
			return
		}
		if err := r.loop.Wait(now, min(again, limit)); err != nil {
			r.t.Fatal(err)
		}
	}
	r.t.Fatal("not done after five seconds")
}

func (r *record) run(m *wire.ExecStart) wire.Exit {
	r.t.Helper()
	p := r.start(m)
	r.until(p, func() bool { return r.exit != nil })
	return *r.exit
}

func TestOutputAndExitCode(t *testing.T) {
	r := newRecord(t)
	exit := r.run(request("echo out; echo err >&2; exit 7"))
	if exit.Code != 7 || exit.Signal != 0 || r.out[0].String() != "out\n" || r.out[1].String() != "err\n" {
		t.Fatalf("%+v %q %q", exit, r.out[0].String(), r.out[1].String())
	}
}

func TestSignalledEnd(t *testing.T) {
	if exit := newRecord(t).run(request("kill -KILL $$")); exit.Code != 137 || exit.Signal != 9 {
		t.Fatalf("%+v", exit)
	}
}

func TestOutputLimitCountsTheRest(t *testing.T) {
	r, m := newRecord(t), request("head -c 300000 /dev/zero")
	m.OutputLimit, m.Window = 1000, 5000
	if exit := r.run(m); r.out[0].Len() != 1000 || exit.DroppedStdout != 299000 {
		t.Fatalf("%d sent, %+v", r.out[0].Len(), exit)
	}
}

func TestWindowHoldsOutputBack(t *testing.T) {
	r, m := newRecord(t), request("head -c 300000 /dev/zero")
	m.Window = 10
	p := r.start(m)
	limit := sys.Now() + 400*time.Millisecond
	for now := sys.Now(); now < limit; now = sys.Now() {
		p.Advance(now, r)
		r.loop.Wait(now, now+20*time.Millisecond)
	}
	if r.out[0].Len() != 10 || r.exit != nil {
		t.Fatalf("%d bytes came through a window of 10", r.out[0].Len())
	}
	p.Grant(1, 1<<30)
	r.until(p, func() bool { return r.exit != nil })
	if r.out[0].Len() != 300000 {
		t.Fatalf("%d bytes after all", r.out[0].Len())
	}
}

func TestDeadlineKillsTheGroupThatIgnoresTerm(t *testing.T) {
	r, m := newRecord(t), request("trap '' TERM; sleep 30 & sleep 30; sleep 30")
	// Long enough for a shell to set its trap on a busy machine.
	m.TimeoutMs, m.GraceMs = 1000, 100
	p := r.start(m)
	r.until(p, func() bool { return r.exit != nil })
	if !r.exit.TimedOut || r.exit.Signal != 9 {
		t.Fatalf("%+v", r.exit)
	}
	// All were killed at once; whose parent is gone is a zombie until its reaper comes by.
	limit := time.Now().Add(5 * time.Second)
	for sys.Kill(-p.Pid, 0) == 0 {
		if time.Now().After(limit) {
			t.Fatal("the group still has members")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestDeadlineWithinGrace(t *testing.T) {
	r, m := newRecord(t), request("sleep 30")
	m.TimeoutMs, m.GraceMs = 50, 4000
	if exit := r.run(m); !exit.TimedOut || exit.Signal != 15 {
		t.Fatalf("%+v", exit)
	}
}

func TestBackgroundChildDoesNotHoldTheExit(t *testing.T) {
	r := newRecord(t)
	// It lives for longer than this test waits.
	p := r.start(request("sleep 60 & echo started"))
	r.until(p, func() bool { return r.exit != nil })
	if r.out[0].String() != "started\n" {
		t.Fatalf("%q", r.out[0].String())
	}
	p.signal(9)
	r.until(p, func() bool { return false })
}

func TestInput(t *testing.T) {
	r, m := newRecord(t), request("cat")
	m.Stdin = true
	p := r.start(m)
	data := []byte(strings.Repeat("0123456789", 100_000))
	if !p.Input(1, data) {
		t.Fatal("refused")
	}
	p.CloseInput()
	r.until(p, func() bool { return r.exit != nil })
	if r.out[0].String() != string(data) {
		t.Fatalf("%d bytes came back of %d", r.out[0].Len(), len(data))
	}
}

func TestInputIsBoundedAndSurvivesAClosedReader(t *testing.T) {
	r, m := newRecord(t), request("exec sleep 30")
	m.Stdin = true
	p := r.start(m)
	piece := make([]byte, 1<<20)
	taken := 0
	for p.Input(1, piece) && taken < 100 {
		taken++
	}
	if taken < 3 || taken > 5 {
		t.Fatalf("%d MiB were taken", taken)
	}
	p.Signal(9)
	r.until(p, func() bool { return r.exit != nil })

	r, m = newRecord(t), request("exec <&-; sleep 0.2")
	m.Stdin = true
	p = r.start(m)
	time.Sleep(50 * time.Millisecond)
	p.Input(1, piece)
	r.until(p, func() bool { return r.exit != nil })
	if r.exit.Code != 0 {
		t.Fatalf("%+v", r.exit)
	}
}

func TestStartFailures(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		m    wire.ExecStart
		want wire.Reason
	}{
		"no argv":         {wire.ExecStart{Cwd: "/"}, wire.ProgramNotFound},
		"empty name":      {wire.ExecStart{Cwd: "/", Argv: []string{""}}, wire.ProgramNotFound},
		"not in PATH":     {wire.ExecStart{Cwd: "/", Argv: []string{"no-such-program"}}, wire.ProgramNotFound},
		"no such file":    {wire.ExecStart{Cwd: "/", Argv: []string{"/no/such"}}, wire.ProgramNotFound},
		"no interpreter":  {wire.ExecStart{Cwd: "/", Argv: []string{file("i", "#!/no/such\n", 0o755)}}, wire.ProgramNotFound},
		"not executable":  {wire.ExecStart{Cwd: "/", Argv: []string{file("n", "text", 0o644)}}, wire.NotExecutable},
		"not in PATH x":   {wire.ExecStart{Cwd: "/", Argv: []string{"n"}, Env: []string{"PATH=" + dir}}, wire.NotExecutable},
		"no format":       {wire.ExecStart{Cwd: "/", Argv: []string{file("f", "echo hi\n", 0o755)}}, wire.NotExecutable},
		"a directory":     {wire.ExecStart{Cwd: "/", Argv: []string{dir}}, wire.NotExecutable},
		"relative cwd":    {wire.ExecStart{Cwd: "tmp", Argv: []string{"sh"}}, wire.BadCwd},
		"missing cwd":     {wire.ExecStart{Cwd: dir + "/none", Argv: []string{"sh"}}, wire.BadCwd},
		"cwd is a file":   {wire.ExecStart{Cwd: file("d", "", 0o644), Argv: []string{"sh"}}, wire.BadCwd},
		"no such user":    {wire.ExecStart{Cwd: "/", User: "nobody-here", Argv: []string{"sh"}}, wire.BadUser},
		"zero in program": {wire.ExecStart{Cwd: "/", Argv: []string{"a\x00b"}}, wire.ProgramNotFound},
		"zero in args":    {wire.ExecStart{Cwd: "/", Argv: []string{"sh", "a\x00b"}}, wire.ProgramNotFound},
	} {
		before := openFiles(t)
		p, failure := newRecord(t).spawner.Start(1, &c.m)
		if p != nil || failure.Reason != c.want {
			t.Errorf("%s: got %+v, want reason %d", name, failure, c.want)
		}
		// The loop and /dev/null of this record.
		if after := openFiles(t); after != before+2 {
			t.Errorf("%s: %d descriptors before, %d after", name, before, after)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
