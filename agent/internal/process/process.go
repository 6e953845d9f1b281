// Package process is the life of one process that the host asked for: start, output under the host's window, input,
// deadline, end. One goroutine drives all of them; nothing here blocks.
package process

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/loop"
	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

const (
	// drainTime is how long descendants that hold the output open are listened to after the process has ended.
	drainTime = 250 * time.Millisecond
	// groupPoll is the pause between two looks at a group that was killed, groupWait the end of the patience with it.
	groupPoll = 10 * time.Millisecond
	groupWait = 2 * time.Second

	never = time.Duration(1<<63 - 1)
)

// Sink is where a process tells its story.
type Sink interface {
	// Room says whether an Output may be handed over now.
	Room() bool
	// Buffer is where output is read to; Output sends its first n bytes.
	Buffer() []byte
	Output(stream uint32, kind uint8, n int)
	// Moved counts every read, for the host or not.
	Moved(n int)
	Exited(stream uint32, exit wire.Exit)
	// Logged ends the answer to a question for the log.
	Logged(stream uint32, running bool, exit wire.Exit)
	// Granted lets a stream send as many bytes of standard input more.
	Granted(stream uint32, bytes uint32)
}

type Process struct {
	Pid int
	// Kept says that the host may ask for it later, by its pid: its output is kept, as far as the bounds go, and how it
	// ended. Label and ID are the host's names for it.
	Kept       bool
	guided     bool
	Label, ID  string
	Terminal   bool
	Cols, Rows uint16

	loop     *loop.Loop
	pidfd    int
	in       input
	out, err output
	limit    uint64
	viewers  []viewer
	log      *log
	// finished: it has ended, and all that it had to say has been read.
	finished   bool
	finishedAt time.Duration

	deadline, grace      time.Duration
	killAt, giveUpAt     time.Duration
	timedOut, killed     bool
	ended, exited, empty bool // pidfd fired; status known; group has no members
	drainBy              time.Duration
	status               syscall.WaitStatus
}

func newProcess(l *loop.Loop, budget *Budget, stream uint32, m *wire.ExecStart) *Process {
	p := &Process{
		Kept: m.Keep, guided: m.Guided, Label: m.Label, ID: m.ID, Terminal: m.Terminal, Cols: m.Cols, Rows: m.Rows,
		loop: l, pidfd: -1,
		in:       input{fd: -1},
		out:      output{kind: wire.KindStdout, fd: -1, rest: -1},
		err:      output{kind: wire.KindStderr, fd: -1, rest: -1},
		viewers:  []viewer{{stream: stream, mode: wire.AttachFollow, window: uint64(m.Window)}},
		limit:    uint64(m.OutputLimit),
		deadline: never, killAt: never, giveUpAt: never, drainBy: never,
		grace: time.Duration(m.GraceMs) * time.Millisecond,
	}
	if m.Keep {
		p.log = &log{budget: budget, screen: m.Terminal}
	}
	if m.TimeoutMs > 0 {
		p.deadline = sys.Now() + time.Duration(m.TimeoutMs)*time.Millisecond
	}
	return p
}

// adopt takes over the agent's ends after a successful start.
func (p *Process) adopt(s stdio) error {
	p.in.fd, p.out.fd, p.err.fd = s.in, s.out, s.err
	p.err.done = s.err < 0
	for _, fd := range [...]int{s.out, s.err, p.pidfd} {
		if fd < 0 {
			continue
		}
		if err := p.loop.Add(fd, unix.EPOLLIN, p); err != nil {
			return err
		}
	}
	return nil
}

// Ready notes what the loop found.
func (p *Process) Ready(fd int, _ uint32) {
	switch fd {
	case p.out.fd:
		p.out.ready = true
	case p.err.fd:
		p.err.ready = true
	case p.pidfd:
		p.ended = true
	case p.in.fd:
		p.in.flush(p.loop)
	}
}

// Advance does all that can be done now. It returns when to be called again at the latest, and whether there is
// nothing left to do for this process ever.
func (p *Process) Advance(now time.Duration, sink Sink) (again time.Duration, over bool) {
	if p.ended && !p.exited {
		p.reap(now)
	}
	p.enforce(now)
	more := p.replay(sink)
	more = p.out.pump(p, sink) || more
	more = p.err.pump(p, sink) || more
	p.grantInput(sink)
	if p.exited && !p.finished {
		if now >= p.drainBy {
			p.out.lastCall()
			p.err.lastCall()
		}
		p.finished = p.out.done && p.err.done && (!p.timedOut || p.empty)
		p.finishedAt = now
	}
	if p.finished {
		p.tellEnd(sink)
		if len(p.viewers) == 0 && p.out.fd < 0 && p.err.fd < 0 {
			p.in.close(p.loop)
			return never, true
		}
	}
	if more {
		return now, false
	}
	return p.nextTime(now), false
}

// reap takes the status; the pipes are looked at once more, for their last words are in them by now.
func (p *Process) reap(now time.Duration) {
	if pid, err := syscall.Wait4(p.Pid, &p.status, syscall.WNOHANG, nil); err == nil && pid != p.Pid {
		p.ended = false
		return
	}
	p.exited = true
	p.loop.Forget(p.pidfd)
	sys.Close(p.pidfd)
	p.pidfd = -1
	p.out.ready, p.err.ready = true, true
	p.drainBy = now + drainTime
	p.in.close(p.loop)
}

// enforce carries out the deadline: SIGTERM, SIGKILL after the grace, and no end before the group is empty.
func (p *Process) enforce(now time.Duration) {
	if !p.exited && !p.timedOut && now >= p.deadline {
		p.timedOut = true
		p.signal(syscall.SIGTERM)
		p.killAt = now + p.grace
	}
	if !p.timedOut || p.empty {
		return
	}
	if p.exited && sys.Kill(-p.Pid, 0) == syscall.ESRCH {
		p.empty = true
		return
	}
	if !p.killed && now >= p.killAt {
		p.killed = true
		p.signal(syscall.SIGKILL)
		p.giveUpAt = now + groupWait
	}
	p.empty = p.exited && now >= p.giveUpAt
}

func (p *Process) nextTime(now time.Duration) time.Duration {
	next := never
	if !p.exited && !p.timedOut {
		next = p.deadline
	}
	if p.timedOut && !p.empty {
		if !p.killed {
			next = min(next, p.killAt)
		}
		if p.exited {
			next = min(next, now+groupPoll)
		}
	}
	if p.exited && !p.finished && now < p.drainBy {
		next = min(next, p.drainBy)
	}
	return next
}

// report is the end as one viewer knows it; of a process that runs it says only what was dropped.
func (p *Process) report(v *viewer) wire.Exit {
	exit := wire.Exit{TimedOut: p.timedOut, DroppedStdout: p.out.dropped + v.missed[0], DroppedStderr: p.err.dropped + v.missed[1]}
	if !p.exited {
		return exit
	}
	if p.status.Signaled() {
		exit.Signal = uint8(p.status.Signal())
		exit.Code = 128 + int32(exit.Signal)
	} else {
		exit.Code = int32(p.status.ExitStatus())
	}
	return exit
}

// Forget cuts the process off from the host that was there. It lives on, its deadline still counts; one that is kept
// waits for the next host.
func (p *Process) Forget() {
	p.viewers = nil
	if !p.Kept {
		p.in.finish(p.loop)
	}
}

// Finished says whether it has ended and everything was read.
func (p *Process) Finished() bool { return p.finished }

// FinishedAt is when, on the monotonic clock.
func (p *Process) FinishedAt() time.Duration { return p.finishedAt }

// TimedOut, and the exit code of a finished one.
func (p *Process) ExitCode() int32 { return p.report(&viewer{}).Code }

// DropLog gives the memory of its log back. Who is in the middle of it has missed the rest.
func (p *Process) DropLog() {
	for i := range p.viewers {
		if v := &p.viewers[i]; v.mode != wire.AttachWait {
			until := p.log.end()
			if v.mode == wire.AttachLogs {
				until = min(until, v.until)
			}
			rest := p.log.behind(v.place, until)
			v.missed[0] += rest[0]
			v.missed[1] += rest[1]
		}
	}
	p.log.drop()
}

// HasLog says whether there is memory to be given back.
func (p *Process) HasLog() bool { return p.log != nil && p.log.taken > 0 }

// Grant widens the window of a stream.
func (p *Process) Grant(stream, bytes uint32) {
	if v := p.viewer(stream); v != nil {
		v.window += uint64(bytes)
	}
}

// Input takes bytes for standard input; false when too many are waiting already.
func (p *Process) Input(stream uint32, data []byte) bool {
	if v := p.viewer(stream); v != nil {
		v.owed += uint32(len(data))
	}
	return p.in.write(p.loop, p, data)
}

// CloseInput ends standard input behind what is queued.
func (p *Process) CloseInput() { p.in.finish(p.loop) }

// Signal goes to the whole group, as long as the number is sure to be this group's.
func (p *Process) Signal(signal uint8) {
	if !p.exited && signal > 0 && signal <= 64 {
		p.signal(syscall.Signal(signal))
	}
}

func (p *Process) signal(signal syscall.Signal) { sys.Kill(-p.Pid, signal) }
