package process

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

// What is printed byte by byte takes no more of the budget than what is printed at once.
func TestALogIsChargedForWhatItHolds(t *testing.T) {
	b := &Budget{}
	l := &log{budget: b}
	for range 200_000 {
		l.append(wire.KindStdout, []byte{'x'})
	}
	if len(l.bytes) != 200_000 || b.used > 200_000+10*partBytes {
		t.Fatalf("%d bytes kept, %d charged", len(l.bytes), b.used)
	}
	for i := range 400_000 {
		l.append(wire.KindStdout+uint8(i%2), []byte{'x'})
	}
	if held := len(l.bytes) + partBytes*len(l.parts); held > LogBytes || b.used != held {
		t.Fatalf("%d bytes held, %d charged", held, b.used)
	}
	l.drop()
	if b.used != 0 {
		t.Fatalf("%d charged for nothing", b.used)
	}
	// One that was given up keeps nothing more: nobody would give that up.
	before := l.cut
	l.append(wire.KindStderr, []byte("abc"))
	if b.used != 0 || l.cut[1] != before[1]+3 {
		t.Fatalf("%d charged, %v cut", b.used, l.cut)
	}
}

// A terminal is charged for what it holds, too, and keeps the last of it whatever it may hold.
func TestAScreenIsChargedForWhatItHolds(t *testing.T) {
	for _, room := range []int{AllLogBytes, 100_000, 0} {
		b := &Budget{used: AllLogBytes - room}
		l := &log{budget: b, screen: true}
		var all []byte
		for i := range 60_000 {
			line := []byte("line " + strconv.Itoa(i) + "\n")
			all = append(all, line...)
			l.append(wire.KindStdout, line)
			if i == 100 && room > 0 && b.used-(AllLogBytes-room) > 4*len(all) {
				t.Fatalf("%d charged for %d bytes", b.used-(AllLogBytes-room), len(all))
			}
		}
		l.append(wire.KindStdout, make([]byte, 32<<10))
		all = append(all, make([]byte, 32<<10)...)
		if l.end() != int64(len(all)) || !bytes.HasSuffix(all, l.bytes) || l.taken > min(room, 2*ScreenBytes) || cap(l.bytes) > l.taken {
			t.Fatalf("room %d: ends at %d of %d, %d bytes in %d, %d charged", room, l.end(), len(all), len(l.bytes), cap(l.bytes), l.taken)
		}
		if least := min(room/4, ScreenBytes) - 1024; len(l.bytes) < least {
			t.Fatalf("room %d: %d bytes", room, len(l.bytes))
		}
	}
}

// A reader whose log is given up under it hears how much it has missed.
func TestALogGivenUpWhileItIsReadIsCounted(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("head -c 100000 /dev/zero; echo end >&2"))
	p.Forget()
	r.until(p, p.Finished)
	p.Attach(2, wire.AttachLogs, 10_000)
	p.Attach(3, wire.AttachFollow, 20_000)
	p.Advance(sys.Now(), r)
	p.DropLog()
	r.until(p, func() bool { return len(r.exits) == 2 })
	for stream, got := range map[uint32]int{2: 10_000, 3: 20_000} {
		if exit := r.exits[stream]; len(r.text(stream)) != got || exit.DroppedStdout != uint64(100_000-got) || exit.DroppedStderr != 4 {
			t.Errorf("%d: %d bytes, %+v", stream, len(r.text(stream)), exit)
		}
	}
}

func pipeBytes(t *testing.T, fd int) int {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPipeThroughWhichMuchComesIsMadeWide(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("echo little; read x; head -c 1000000 /dev/zero; read x"))
	r.until(p, func() bool { return r.text(1) != "" })
	if n := pipeBytes(t, p.out.fd); n >= wideBytes {
		t.Fatalf("%d bytes for a line", n)
	}
	p.Input(1, []byte("\n"))
	r.until(p, func() bool { return len(r.text(1)) == 1_000_007 })
	if n := pipeBytes(t, p.out.fd); n != wideBytes {
		t.Fatalf("%d bytes", n)
	}
	if n := pipeBytes(t, p.err.fd); n >= wideBytes {
		t.Fatalf("%d bytes for nothing", n)
	}
	p.CloseInput()
	r.until(p, func() bool { return r.exit != nil })
}

func TestInputThatDoesNotFitMakesThePipeWide(t *testing.T) {
	r := newRecord(t)
	p := r.start(kept("read x; cat"))
	data := []byte("go\n" + strings.Repeat("0123456789", 30_000))
	p.Input(1, data[:1000])
	if n := pipeBytes(t, p.in.fd); n >= wideBytes {
		t.Fatalf("%d bytes for a few", n)
	}
	p.Input(1, data[1000:])
	if n := pipeBytes(t, p.in.fd); n != wideBytes {
		t.Fatalf("%d bytes", n)
	}
	p.CloseInput()
	r.until(p, func() bool { return r.exit != nil })
	if r.text(1) != string(data[3:]) {
		t.Fatalf("%d bytes of %d", len(r.text(1)), len(data)-3)
	}
}

// A terminal belongs to the user in it, as one that was logged in at: programs open it by its name.
func TestATerminalIsTheUsers(t *testing.T) {
	who, err := user.Lookup("nobody")
	if err != nil || os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	r, m := newRecord(t), kept("stat -c %u $(tty); echo by name > $(tty); echo done")
	m.Terminal, m.User = true, who.Username
	p := r.start(m)
	limit := time.Now().Add(5 * time.Second)
	r.until(p, func() bool { return r.exit != nil || time.Now().After(limit) })
	if text := r.text(1); text != who.Uid+"\r\nby name\r\ndone\r\n" {
		t.Fatalf("%q", text)
	}
}

// What a relative path leads to is seen from the process's directory, not from the agent's: here there is such a file.
func TestAMissingProgramIsMissingWhereItWasLookedFor(t *testing.T) {
	r := newRecord(t)
	m := &wire.ExecStart{Cwd: t.TempDir(), Argv: []string{"./log.go"}}
	if _, failure := r.spawner.Start(1, m); failure == nil || failure.Reason != wire.ProgramNotFound || failure.Message != "no program ./log.go" {
		t.Fatalf("%+v", failure)
	}
}

// crowd is a sink that says no at random, and keeps what each stream was allowed and got.
type crowd struct {
	*record
	rnd     *rand.Rand
	allowed map[uint32]int
	got     map[uint32]*strings.Builder
}

func (c *crowd) Room() bool { return c.rnd.IntN(4) > 0 }

func (c *crowd) Output(stream uint32, kind uint8, n int) {
	if c.allowed[stream] -= n; c.allowed[stream] < 0 {
		c.t.Fatalf("%d bytes more than stream %d allowed", -c.allowed[stream], stream)
	}
	if c.got[stream] == nil {
		c.got[stream] = &strings.Builder{}
	}
	for _, b := range c.scratch[:n] {
		c.got[stream].Write([]byte{kind, b})
	}
}

// Whoever comes and goes, and however little they take: nobody gets more than was granted, those who stay to the end see all
// of it in one order, and nothing stands still.
func TestManyViewersSeeTheSame(t *testing.T) {
	for seed := range uint64(6) {
		c := &crowd{record: newRecord(t), rnd: rand.New(rand.NewPCG(seed, 1)), allowed: map[uint32]int{1: 1 << 30}, got: map[uint32]*strings.Builder{}}
		p := c.start(kept("i=0; while [ $i -lt 300 ]; do echo out $i; head -c 1000 /dev/zero; echo err $i >&2; i=$((i+1)); done"))
		live, next := []uint32{1}, uint32(2)
		for limit := sys.Now() + 20*time.Second; len(live) > 0; {
			now := sys.Now()
			if now > limit {
				t.Fatalf("seed %d: %d viewers wait for ever", seed, len(live))
			}
			again, over := p.Advance(now, c)
			if over {
				break
			}
			if len(live) < 5 && next < 12 && c.rnd.IntN(10) == 0 {
				window := c.rnd.IntN(3000)
				c.allowed[next] = window
				if !p.Attach(next, wire.AttachFollow, uint32(window)) {
					t.Fatal("refused")
				}
				live = append(live, next)
				next++
			}
			one := live[c.rnd.IntN(len(live))]
			if one != 1 && next < 12 && c.rnd.IntN(40) == 0 {
				p.Detach(one)
				delete(c.got, one)
				live = slices.DeleteFunc(live, func(s uint32) bool { return s == one })
				continue
			}
			more := c.rnd.IntN(20_000)
			if next == 12 {
				more = 1 << 20
			}
			c.allowed[one] += more
			p.Grant(one, uint32(more))
			c.loop.Wait(now, min(again, now+time.Millisecond))
		}
		for stream, got := range c.got {
			if got.String() != c.got[1].String() {
				t.Fatalf("seed %d: stream %d got %d bytes, the first %d", seed, stream, got.Len()/2, c.got[1].Len()/2)
			}
		}
		if len(c.got) < 2 || c.exits[1].Code != 0 {
			t.Fatalf("seed %d: %d viewers, %+v", seed, len(c.got), c.exits[1])
		}
	}
}
