package process

import (
	"syscall"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

// output is one of a child's two output pipes.
type output struct {
	kind    uint8
	fd      int  // -1 once closed
	ready   bool // a read may give something
	sent    uint64
	dropped uint64
	// full counts reads in a row that took all they could; wide: the pipe has been made larger for that.
	full int
	wide bool
	// rest counts down what may still be read for the host after the drain time; -1 = no such bound yet.
	rest int
	done bool // nothing more of it is for the host
}

const (
	// stepsPerTurn bounds how long one pipe may hold up the others.
	stepsPerTurn = 8
	// wideBytes is the length of a pipe through which much comes, after so many full reads: the process and the agent then
	// wake each other less often.
	wideBytes = 256 << 10
	wideAfter = 4
)

// pump reads until the pipe is dry, the host's window is used up, or the turn is over. It returns whether it stopped
// for the turn only.
func (o *output) pump(p *Process, sink Sink) (more bool) {
	for range stepsPerTurn {
		if o.fd < 0 || !o.ready {
			return false
		}
		buf := sink.Buffer()
		orphan := !p.Kept && len(p.viewers) == 0
		drop := orphan || o.done || p.limit > 0 && o.sent >= p.limit
		if !drop {
			most := p.allowed()
			if most == 0 || len(p.viewers) > 0 && !sink.Room() {
				return false
			}
			buf = buf[:min(uint64(len(buf)), most)]
			if p.limit > 0 {
				buf = buf[:min(uint64(len(buf)), p.limit-o.sent)]
			}
		}
		if o.rest >= 0 && !o.done {
			buf = buf[:min(len(buf), o.rest)]
		}
		n, errno := sys.Read(o.fd, buf)
		switch {
		case errno == syscall.EAGAIN:
			o.ready = false
			o.done = o.done || o.rest >= 0
			return false
		case errno != 0 || n == 0:
			p.loop.Forget(o.fd)
			sys.Close(o.fd)
			o.fd, o.done = -1, true
			return false
		}
		o.widen(n == len(buf))
		sink.Moved(n)
		switch {
		case drop && !o.done && !orphan:
			o.dropped += uint64(n)
		case !drop:
			o.sent += uint64(n)
			p.show(o.kind, n, sink)
		}
		if o.rest >= 0 && !o.done {
			o.rest -= n
			o.done = o.rest == 0
		}
	}
	return o.fd >= 0 && o.ready
}

// widen notes a read, and whether it took all it could. A terminal is no pipe and stays as it is.
func (o *output) widen(full bool) {
	if !full {
		o.full = 0
		return
	}
	if o.full++; o.full == wideAfter && !o.wide {
		o.wide = true
		unix.FcntlInt(uintptr(o.fd), unix.F_SETPIPE_SZ, wideBytes)
	}
}

// lastCall bounds what is still read for the host to what stands in the pipe now.
func (o *output) lastCall() {
	if o.done || o.rest >= 0 {
		return
	}
	o.rest, _ = unix.IoctlGetInt(o.fd, unix.TIOCINQ)
	if o.rest <= 0 {
		o.rest, o.done = 0, true
	}
}
