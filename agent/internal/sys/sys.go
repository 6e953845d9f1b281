// Package sys holds the few system calls of the hot path, made without telling the scheduler: every descriptor here
// is non-blocking or in memory, so none of them waits, and the runtime's monitor thread stays asleep.
package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func Read(fd int, p []byte) (int, syscall.Errno) {
	return rw(unix.SYS_READ, fd, p, 0)
}

func Write(fd int, p []byte) (int, syscall.Errno) {
	return rw(unix.SYS_WRITE, fd, p, 0)
}

func WriteAt(fd int, p []byte, at int64) (int, syscall.Errno) {
	return rw(unix.SYS_PWRITE64, fd, p, at)
}

func ReadAt(fd int, p []byte, at int64) (int, syscall.Errno) {
	return rw(unix.SYS_PREAD64, fd, p, at)
}

func Truncate(fd int, size int64) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_FTRUNCATE, uintptr(fd), uintptr(size), 0)
	return errno
}

func Ioctl(fd int, request, arg uintptr) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
	return errno
}

func IoctlPtr(fd int, request uintptr, arg unsafe.Pointer) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno
}

func Close(fd int) {
	syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

func Kill(pid int, signal syscall.Signal) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_KILL, uintptr(pid), uintptr(signal), 0)
	return errno
}

// Now is the monotonic clock. It stands still while a guest is frozen, so deadlines survive a snapshot.
func Now() time.Duration {
	var ts unix.Timespec
	syscall.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

func rw(trap uintptr, fd int, p []byte, at int64) (int, syscall.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	for {
		n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), uintptr(at), 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}

func Stat(path string, st *syscall.Stat_t) syscall.Errno {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return syscall.EINVAL
	}
	at := unix.AT_FDCWD
	_, _, errno := syscall.RawSyscall6(unix.SYS_NEWFSTATAT, uintptr(at), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(st)), 0, 0, 0)
	return errno
}

// Poll waits for one descriptor, at most that long, and says whether something has come up on it. It holds up everything.
func Poll(fd int, events int16, most time.Duration) bool {
	one := unix.PollFd{Fd: int32(fd), Events: events}
	// The kernel leaves in it what is left of it when a signal comes.
	ts := unix.NsecToTimespec(int64(most))
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&one)), 1, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0 && n > 0
		}
	}
}

// Sleep holds up everything; for a moment only.
func Sleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}
