// Package files is the agent's other role: a helper that runs as one of the guest's users and does what the host asks of
// files, over its standard input and output. It is that user, so the kernel decides what is allowed; only what is
// reserved for the service itself is refused here.
package files

import (
	"encoding/binary"
	"errors"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/frame"
	"nullspace.dev/agent/internal/sys"
)

const (
	// LongestFrame is of kind and payload, bytes.
	LongestFrame = 256 << 10
	// DataBytes is of contents in one frame that goes out. With its head it fills two of the agent's frames, and it fits into
	// a pipe: what is a few bytes longer costs a third frame, and another turn of both.
	DataBytes = 2*(frame.MaxPayload-frame.HeaderBytes-frame.TrailerBytes) - headBytes
	// flushBytes of small messages go out together.
	flushBytes = 64 << 10

	headBytes = 5
	// shortWait is how long the other side is waited for without a word to the scheduler, which takes more of a slow
	// processor than the contents do: its monitor wakes up for every wait, and takes the processor away and gives it back.
	shortWait = 100 * time.Millisecond
)

var (
	errProtocol = errors.New("the host does not speak this protocol")
	// errGone: there is nobody to answer.
	errGone = errors.New("the host is gone")
)

// link is the two pipes to the agent. Reading and writing wait: there is nothing else to do meanwhile.
type link struct {
	in, out int
	space   []byte // what was read and not yet taken is space[from:to]
	from,
	to int
	queue []byte
	// busy: contents are on their way in, so the next of them are not far.
	busy bool
	data [headBytes + DataBytes]byte
}

func newLink(in, out int) *link {
	// Nobody else has that end.
	unix.SetNonblock(out, true)
	return &link{in: in, out: out, space: make([]byte, 4+LongestFrame)}
}

// next gives the next frame; its payload is good until the next call. io.EOF is the end of the stream, also within a frame.
func (l *link) next() (kind uint8, payload []byte, err error) {
	if err := l.fill(4); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(l.space[l.from:])
	if length == 0 || length > LongestFrame {
		return 0, nil, errProtocol
	}
	if err := l.fill(4 + int(length)); err != nil {
		return 0, nil, err
	}
	frame := l.space[l.from+4 : l.from+4+int(length)]
	l.from += 4 + int(length)
	return frame[0], frame[1:], nil
}

// fill reads until so many bytes are there.
func (l *link) fill(n int) error {
	if l.from == l.to {
		l.from, l.to = 0, 0
	}
	if l.from+n > len(l.space) {
		l.to = copy(l.space, l.space[l.from:l.to])
		l.from = 0
	}
	for l.to-l.from < n {
		if l.busy {
			await(l.in, unix.POLLIN)
		}
		got, err := unix.Read(l.in, l.space[l.to:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return errGone
		}
		if got == 0 {
			return io.EOF
		}
		l.to += got
	}
	return nil
}

// put queues a message; what is queued goes out when it is much, or with flush.
func (l *link) put(kind uint8, payload []byte) error {
	l.queue = binary.BigEndian.AppendUint32(l.queue, uint32(1+len(payload)))
	l.queue = append(append(l.queue, kind), payload...)
	if len(l.queue) < flushBytes {
		return nil
	}
	return l.flush()
}

func (l *link) flush() error {
	err := l.write(l.queue)
	l.queue = l.queue[:0]
	return err
}

// buffer is where contents are read to; putData sends its first n bytes, without a copy.
func (l *link) buffer() []byte { return l.data[headBytes:] }

func (l *link) putData(n int) error {
	if len(l.queue) > 0 {
		if err := l.flush(); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint32(l.data[:], uint32(1+n))
	l.data[4] = kindData
	return l.write(l.data[:headBytes+n])
}

func (l *link) write(b []byte) error {
	for len(b) > 0 {
		n, errno := sys.Write(l.out, b)
		if errno == syscall.EAGAIN {
			await(l.out, unix.POLLOUT)
			continue
		}
		if errno != 0 {
			return errGone
		}
		b = b[n:]
	}
	return nil
}

// await waits until there is something to do for a descriptor.
func await(fd int, events int16) {
	if !sys.Poll(fd, events, shortWait) {
		unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1)
	}
}

// incoming is the contents that follow a Started.
type incoming struct {
	link  *link
	rest  []byte
	ended bool
}

// next gives the next bytes, good until the next call; io.EOF when the host has sent all.
func (in *incoming) next() ([]byte, error) {
	if in.ended {
		return nil, io.EOF
	}
	in.link.busy = true
	kind, payload, err := in.link.next()
	in.link.busy = false
	switch {
	case err == io.EOF:
		return nil, errGone
	case err != nil:
		return nil, err
	case kind == kindDataEnd:
		in.ended = true
		return nil, io.EOF
	case kind != kindData:
		return nil, errProtocol
	}
	return payload, nil
}

// Read makes it an io.Reader.
func (in *incoming) Read(p []byte) (int, error) {
	for len(in.rest) == 0 {
		var err error
		if in.rest, err = in.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// drop reads the rest.
func (in *incoming) drop() error {
	for {
		if _, err := in.next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
