package process

import (
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

// openTerminal opens a pseudo-terminal: its other end as all three of the child's descriptors, and two of the agent's
// own, for each is watched by itself. It belongs to the user: programs open it by its name, too.
func openTerminal(cols, rows uint16, uid uint32) (s stdio, err error) {
	s.in, s.out, s.err = -1, -1, -1
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return s, err
	}
	var locked, number int32
	for _, ask := range []struct {
		request uintptr
		arg     *int32
	}{{unix.TIOCSPTLCK, &locked}, {unix.TIOCGPTN, &number}} {
		if errno := sys.IoctlPtr(master, ask.request, unsafe.Pointer(ask.arg)); errno != 0 {
			sys.Close(master)
			return s, errno
		}
	}
	child, err := unix.Open("/dev/pts/"+strconv.Itoa(int(number)), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		sys.Close(master)
		return s, err
	}
	if uid != 0 {
		// The group stays: it is the one that lets others write to the terminal.
		unix.Fchown(child, int(uid), -1)
	}
	input, err := unix.FcntlInt(uintptr(master), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		sys.Close(master)
		sys.Close(child)
		return s, err
	}
	resize(master, cols, rows)
	s.in, s.out = input, master
	s.child = [3]uintptr{uintptr(child), uintptr(child), uintptr(child)}
	return s, nil
}

func resize(master int, cols, rows uint16) syscall.Errno {
	size := unix.Winsize{Row: rows, Col: cols}
	return sys.IoctlPtr(master, unix.TIOCSWINSZ, unsafe.Pointer(&size))
}

// Resize tells the programs in the terminal; false when the process has none any more.
func (p *Process) Resize(cols, rows uint16) bool {
	if !p.Terminal || p.out.fd < 0 || resize(p.out.fd, cols, rows) != 0 {
		return false
	}
	p.Cols, p.Rows = cols, rows
	return true
}
