package process

import (
	"syscall"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

// stdio is both ends of a child's standard descriptors: the child's in order, and the agent's (-1 for no input).
type stdio struct {
	child        [3]uintptr
	in, out, err int
}

func openStdio(withInput bool, null int) (s stdio, err error) {
	s.in, s.out, s.err = -1, -1, -1
	s.child[0] = uintptr(null)
	var pipes [3][2]int
	for i := range pipes {
		if i == 0 && !withInput {
			continue
		}
		if err = unix.Pipe2(pipes[i][:], unix.O_CLOEXEC); err != nil {
			for _, opened := range pipes[:i] {
				if opened[1] != 0 {
					sys.Close(opened[0])
					sys.Close(opened[1])
				}
			}
			return s, err
		}
	}
	if withInput {
		s.child[0], s.in = uintptr(pipes[0][0]), pipes[0][1]
		nonblock(s.in)
	}
	s.out, s.child[1] = pipes[1][0], uintptr(pipes[1][1])
	s.err, s.child[2] = pipes[2][0], uintptr(pipes[2][1])
	// Only the agent's ends: a child that finds its own output non-blocking loses what it prints.
	nonblock(s.out)
	nonblock(s.err)
	return s, nil
}

func (s *stdio) closeChild(null int) {
	for i, fd := range s.child {
		if int(fd) != null && (i == 0 || fd != s.child[0]) {
			sys.Close(int(fd))
		}
	}
}

func (s *stdio) closeOwn() {
	for _, fd := range []int{s.in, s.out, s.err} {
		if fd >= 0 {
			sys.Close(fd)
		}
	}
}

func nonblock(fd int) {
	syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFL, unix.O_NONBLOCK)
}
