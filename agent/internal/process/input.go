package process

import (
	"syscall"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/loop"
	"nullspace.dev/agent/internal/sys"
)

// MaxQueuedInput bounds what is kept for a process that does not read its standard input, bytes.
const MaxQueuedInput = 4 << 20

// input feeds a child's standard input without ever waiting for it.
type input struct {
	fd      int // -1 once closed
	queue   []byte
	watched bool
	wide    bool // the pipe has been made larger
	closing bool // close as soon as the queue is empty
}

// write takes bytes for the child; false means that the queue would grow past its bound. What comes after the child
// closed its end is dropped, as a pipe would.
func (in *input) write(l *loop.Loop, h loop.Handler, data []byte) bool {
	if in.fd < 0 || in.closing {
		return true
	}
	if len(in.queue)+len(data) > MaxQueuedInput {
		return false
	}
	if len(in.queue) == 0 {
		n, errno := sys.Write(in.fd, data)
		if n < len(data) && (errno == 0 || errno == syscall.EAGAIN) && in.widen() {
			data = data[n:]
			n, errno = sys.Write(in.fd, data)
		}
		if errno != 0 && errno != syscall.EAGAIN {
			in.close(l)
			return true
		}
		data = data[n:]
	}
	if len(data) > 0 {
		in.queue = append(in.queue, data...)
		// The first edge is reported at once if the pipe has room again by now, so nothing is missed.
		if !in.watched {
			in.watched = true
			l.Add(in.fd, unix.EPOLLOUT, h)
		}
	}
	return true
}

// widen makes more room in the pipe, once: what waits there needs no turn of the agent. False when there is no more.
func (in *input) widen() bool {
	if in.wide {
		return false
	}
	in.wide = true
	_, err := unix.FcntlInt(uintptr(in.fd), unix.F_SETPIPE_SZ, wideBytes)
	return err == nil
}

// flush writes what the pipe takes.
func (in *input) flush(l *loop.Loop) {
	for in.fd >= 0 && len(in.queue) > 0 {
		n, errno := sys.Write(in.fd, in.queue)
		if errno == syscall.EAGAIN {
			return
		}
		if errno != 0 {
			in.close(l)
			return
		}
		in.queue = in.queue[n:]
	}
	in.queue = nil
	if in.closing {
		in.close(l)
	}
}

// finish closes the input behind what is queued.
func (in *input) finish(l *loop.Loop) {
	in.closing = true
	if len(in.queue) == 0 {
		in.close(l)
	}
}

func (in *input) close(l *loop.Loop) {
	if in.fd < 0 {
		return
	}
	if in.watched {
		l.Forget(in.fd)
	}
	sys.Close(in.fd)
	in.fd, in.queue = -1, nil
}
