// Package loop waits for the agent's descriptors: one goroutine, one epoll set, no locks. All descriptors are
// edge-triggered: a handler remembers that its descriptor is ready until a read or write says otherwise, so flow
// control is a matter of not reading and needs no system call.
//
// Edge triggering is also what lets a parked guest sleep: a virtio port without a host reports end-of-file and hang-up
// for ever, but its edges come only when the host connects, disconnects or sends.
package loop

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Handler is told which of unix.EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR have come up on a descriptor.
type Handler interface {
	Ready(fd int, events uint32)
}

type Loop struct {
	epoll    int
	handlers []Handler // by descriptor
	events   [32]unix.EpollEvent
}

func New() (*Loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &Loop{epoll: fd, handlers: make([]Handler, 64)}, nil
}

// Add watches a descriptor for the events given.
func (l *Loop) Add(fd int, events uint32, h Handler) error {
	for fd >= len(l.handlers) {
		l.handlers = append(l.handlers, nil)
	}
	l.handlers[fd] = h
	ev := unix.EpollEvent{Events: events | unix.EPOLLET, Fd: int32(fd)}
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev)
}

// Change watches a descriptor for other events from now on; those that are up by now are reported.
func (l *Loop) Change(fd int, events uint32) error {
	ev := unix.EpollEvent{Events: events | unix.EPOLLET, Fd: int32(fd)}
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, fd, &ev)
}

// Forget stops watching a descriptor that is about to be closed. Closing it would do if no child could hold a copy.
func (l *Loop) Forget(fd int) {
	l.handlers[fd] = nil
	unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
}

// Wait delivers what is ready. It blocks until something is, at most until `until` on the monotonic clock; a negative
// `until` has no end, and one in the past does not block.
func (l *Loop) Wait(now, until time.Duration) error {
	ms := -1
	if until >= 0 {
		ms = int(max(0, until-now+time.Millisecond-1) / time.Millisecond)
	}
	n, err := unix.EpollWait(l.epoll, l.events[:], ms)
	if err != nil && err != syscall.EINTR {
		return err
	}
	for i := range max(n, 0) {
		ev := &l.events[i]
		if h := l.handlers[ev.Fd]; h != nil {
			h.Ready(int(ev.Fd), ev.Events)
		}
	}
	return nil
}
