// Package session is the agent's side of the conversation on the port: who the host is at present (session key), what
// it asks for, and the streams that belong to it. It owns the turn: receive, let the processes advance, send, wait.
package session

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/frame"
	"nullspace.dev/agent/internal/loop"
	"nullspace.dev/agent/internal/process"
	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

const (
	// maxProcesses bounds the descriptors and memory that the host can make the agent hold.
	maxProcesses = 1024
	// readsPerTurn lets output and deadlines have their turn while much comes in.
	readsPerTurn = 64
	// outputPayload makes a frame of output exactly the 32 KiB that the kernel takes in one write to a port.
	outputPayload = frame.MaxPayload - frame.HeaderBytes - frame.TrailerBytes
)

// Machine is what the host may change about the guest itself.
type Machine interface {
	Renew(id *wire.Identity) error
	// GrowDisk makes the root filesystem as large as its disk, which has that many bytes, or is about to.
	GrowDisk(bytes uint64) error
	// SetClock puts the wall clock right after the machine stood still; ns since the epoch.
	SetClock(nowNs uint64)
	Stat(into *wire.GuestStat)
}

// Config is given by main; Starts counts the agent processes since the guest booted.
type Config struct {
	Port    int // open, non-blocking
	Version string
	Starts  uint32
	Machine Machine
	// Cgroup is the directory that processes start in; empty = where the agent is.
	Cgroup string
}

type Session struct {
	Config
	loop     *loop.Loop
	spawner  *process.Spawner
	reader   *frame.Reader
	joiner   frame.Joiner
	out      outbox
	readable bool
	// blocked: the port is watched for room, too. Otherwise every frame that the host takes would wake the agent for nothing.
	blocked bool
	// refused: a process was told in this turn that there is no room. When there is, nothing else may come to wake the agent.
	refused bool

	key     uint64
	open    bool // a Hello has been seen
	welcome []byte
	procs   []*process.Process // those that something is to be done for
	table   table
	scratch []byte
	chatter chatter
}

func New(c Config) (*Session, error) {
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	spawner, err := process.NewSpawner(l, c.Cgroup)
	if err != nil {
		return nil, err
	}
	s := &Session{
		Config: c, loop: l, spawner: spawner, reader: frame.NewReader(), readable: true,
		out:     outbox{fd: c.Port},
		scratch: make([]byte, frame.HeaderBytes+frame.MaxPayload+frame.TrailerBytes),
	}
	spawner.Budget.Evict = s.table.evict
	// Under key 0, the one that no host has: whoever is there learns that the agent before this one is gone.
	s.out.message(0, 0, wire.KindReady, wire.AppendReady(nil, c.Starts))
	return s, l.Add(c.Port, unix.EPOLLIN, s)
}

// Ready is called for the port.
func (s *Session) Ready(_ int, events uint32) {
	if events&^unix.EPOLLOUT != 0 {
		s.readable = true
	}
}

// Run never returns but with the error that makes the port useless.
func (s *Session) Run() error {
	for {
		if err := s.turn(); err != nil {
			return err
		}
	}
}

func (s *Session) turn() error {
	if err := s.receive(); err != nil {
		return err
	}
	// Output goes out straight from the pipe if nothing waits in front of it.
	s.out.flush()
	s.refused = false
	until := s.advance()
	s.out.flush()
	if s.out.err != 0 {
		return s.out.err
	}
	if blocked := len(s.out.queue) > 0; blocked != s.blocked {
		if err := s.watch(blocked); err != nil {
			return err
		}
	}
	if s.readable || s.refused && s.out.empty() {
		until = 0
	}
	now := time.Duration(0)
	if until > 0 || s.chatter.moved > 0 {
		now = sys.Now()
		s.chatter.rest(now)
	}
	return s.loop.Wait(now, until)
}

// watch has the loop tell of room in the port, or not.
func (s *Session) watch(blocked bool) error {
	s.blocked = blocked
	events := uint32(unix.EPOLLIN)
	if blocked {
		events |= unix.EPOLLOUT
	}
	return s.loop.Change(s.Port, events)
}

// receive reads and handles what has come. A port without a host reads as its end; the loop tells when one comes.
func (s *Session) receive() error {
	for range readsPerTurn {
		if !s.readable {
			return nil
		}
		n, errno := sys.Read(s.Port, s.reader.Space())
		if errno == syscall.EAGAIN || errno == 0 && n == 0 {
			s.readable = false
			return nil
		}
		if errno != 0 {
			return errno
		}
		s.reader.Added(n)
		for {
			f, ok := s.reader.Next()
			if !ok {
				break
			}
			s.take(f)
		}
	}
	return nil
}

// advance gives every process a turn and returns when the next must come, negative for never.
func (s *Session) advance() time.Duration {
	if len(s.procs) == 0 {
		return -1
	}
	now := sys.Now()
	until := time.Duration(-1)
	for i := 0; i < len(s.procs); {
		again, over := s.procs[i].Advance(now, s)
		if over {
			last := len(s.procs) - 1
			s.table.resting(s.procs[i])
			s.procs[i], s.procs[last] = s.procs[last], nil
			s.procs = s.procs[:last]
			continue
		}
		if again >= 0 && again < 1<<62 && (until < 0 || again < until) {
			until = again
		}
		i++
	}
	return until
}

// Room, Buffer, Output, Moved and Exited make the session the sink of its processes.
func (s *Session) Room() bool {
	room := s.out.empty()
	s.refused = s.refused || !room
	return room
}

func (s *Session) Buffer() []byte {
	return s.scratch[frame.HeaderBytes : frame.HeaderBytes+outputPayload]
}

func (s *Session) Output(stream uint32, kind uint8, n int) {
	s.out.frame(frame.Seal(s.scratch, s.key, stream, kind, 0, n))
}

// Logged and Granted are the rest of it.
func (s *Session) Logged(stream uint32, running bool, exit wire.Exit) {
	var b [32]byte
	s.out.message(s.key, stream, wire.KindLogged, wire.AppendLogged(b[:0], running, exit))
}

func (s *Session) Granted(stream uint32, bytes uint32) {
	var b [4]byte
	s.out.message(s.key, stream, wire.KindInputGranted, wire.AppendBytes(b[:0], bytes))
}

func (s *Session) Moved(n int) { s.chatter.moved += n }

func (s *Session) Exited(stream uint32, exit wire.Exit) {
	var b [32]byte
	s.out.message(s.key, stream, wire.KindExit, exit.Append(b[:0]))
}
