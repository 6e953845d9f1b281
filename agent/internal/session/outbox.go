package session

import (
	"encoding/binary"
	"syscall"

	"nullspace.dev/agent/internal/frame"
	"nullspace.dev/agent/internal/sys"
)

// outbox is what waits to be written to the port. It always knows where the frame ends that is half written: that one
// must be finished, the rest may be dropped.
type outbox struct {
	fd    int
	queue []byte // begins with the frame that is being written
	space []byte // what the queue began in when it was last empty; kept for the next time
	off   int    // bytes of that frame that are out
	quiet bool   // asked to say nothing more
	held  []byte // what came up meanwhile
	err   syscall.Errno
}

// empty says whether a frame would go out at once.
func (o *outbox) empty() bool { return len(o.queue) == 0 && !o.quiet }

// message queues a message.
func (o *outbox) message(session uint64, stream uint32, kind uint8, payload []byte) {
	if o.quiet {
		o.held = frame.AppendMessage(o.held, session, stream, kind, payload)
	} else {
		o.keep(frame.AppendMessage(o.queue, session, stream, kind, payload))
	}
}

// frame writes one whole frame; what the port does not take, or what stands behind others, is copied to the queue.
func (o *outbox) frame(whole []byte) {
	if len(o.queue) > 0 {
		o.keep(append(o.queue, whole...))
		return
	}
	n := o.write(whole)
	if n < len(whole) {
		o.keep(append(o.queue, whole...))
		o.off = n
	}
}

// keep takes the longer queue. Its memory is used again if it is not much: else a stream that the host takes slowly would
// leave as much behind as it is long.
func (o *outbox) keep(queue []byte) {
	if len(o.queue) == 0 && cap(queue) <= keptBytes {
		o.space = queue[:0]
	}
	o.queue = queue
}

// keptBytes hold a frame of output, and a few small ones behind it.
const keptBytes = 64 << 10

// flush writes what the port takes.
func (o *outbox) flush() {
	for len(o.queue) > 0 {
		n := o.write(o.queue[o.off:])
		if n == 0 {
			return
		}
		o.off += n
		for len(o.queue) > 0 && o.off >= frameLen(o.queue) {
			size := frameLen(o.queue)
			o.queue, o.off = o.queue[size:], o.off-size
		}
	}
	o.queue = o.space
}

// reset drops everything but the frame that is half out.
func (o *outbox) reset() {
	o.held, o.quiet = nil, false
	if o.off > 0 {
		o.queue = o.queue[:frameLen(o.queue)]
	} else {
		o.queue = o.queue[:0]
	}
}

// hush makes the queue, with the given message at its end, the last that is said until speak.
func (o *outbox) hush(session uint64, kind uint8) {
	if !o.quiet {
		o.message(session, 0, kind, nil)
		o.quiet = true
	}
}

func (o *outbox) speak() {
	o.quiet = false
	o.keep(append(o.queue, o.held...))
	o.held = nil
}

func (o *outbox) write(b []byte) int {
	n, errno := sys.Write(o.fd, b)
	if errno != 0 && errno != syscall.EAGAIN {
		o.err = errno
	}
	return n
}

func frameLen(b []byte) int {
	return frame.HeaderBytes + int(binary.BigEndian.Uint32(b[20:])) + frame.TrailerBytes
}
