// Package stat reads what the guest has used. Its files are opened once and read at their beginning: a question costs a
// few system calls and allocates nothing.
package stat

import (
	"bytes"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

// Reader holds open what is read. A descriptor of -1 belongs to a file that is not there.
type Reader struct {
	cpu, memory, network, root int
	buf                        [16 << 10]byte
}

func Open() *Reader {
	return &Reader{
		cpu: open("/proc/stat", 0), memory: open("/proc/meminfo", 0), network: open("/proc/self/net/dev", 0),
		root: open("/", unix.O_PATH),
	}
}

func open(path string, flags int) int {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return -1
	}
	return fd
}

// Read fills in what there is.
func (r *Reader) Read(into *wire.GuestStat) {
	into.CPUTotalTicks, into.CPUIdleTicks, into.CPUs = parseCPU(r.start(r.cpu))
	into.MemTotalBytes, into.MemAvailableBytes = parseMemory(r.start(r.memory))
	into.NetReceivedBytes, into.NetSentBytes = parseNetwork(r.all(r.network))
	var st unix.Statfs_t
	if _, _, errno := syscall.RawSyscall(unix.SYS_FSTATFS, uintptr(r.root), uintptr(unsafe.Pointer(&st)), 0); errno == 0 {
		into.DiskTotalBytes = st.Blocks * uint64(st.Bsize)
		into.DiskUsedBytes = (st.Blocks - st.Bfree) * uint64(st.Bsize)
	}
}

// start reads as much as the kernel gives at once, which of a file that it makes as a whole is all that there is room for.
func (r *Reader) start(fd int) []byte {
	n, _ := sys.ReadAt(fd, r.buf[:], 0)
	return r.buf[:n]
}

// all reads a file that the kernel gives in several pieces. What there is no room for is cut at a line's end.
func (r *Reader) all(fd int) []byte {
	n := 0
	for n < len(r.buf) {
		got, errno := sys.ReadAt(fd, r.buf[n:], int64(n))
		if errno != 0 || got == 0 {
			return r.buf[:n]
		}
		n += got
	}
	return r.buf[:bytes.LastIndexByte(r.buf[:n], '\n')+1]
}

// parseCPU sums the first line of /proc/stat and counts the lines below it that are one CPU's. The fields are user, nice,
// system, idle, iowait, irq, softirq, steal; guest and guest_nice after them are in user and nice already.
func parseCPU(text []byte) (total, idle uint64, cpus uint32) {
	line, rest, _ := bytes.Cut(text, newline)
	line, ok := bytes.CutPrefix(line, cpuName)
	if !ok {
		return 0, 0, 0
	}
	for field := range 8 {
		var n uint64
		n, line = number(line)
		total += n
		if field == 3 || field == 4 {
			idle += n
		}
	}
	for bytes.HasPrefix(rest, cpuName) {
		cpus++
		_, rest, _ = bytes.Cut(rest, newline)
	}
	return total, idle, cpus
}

func parseMemory(text []byte) (total, available uint64) {
	return kilobytes(text, memTotal), kilobytes(text, memAvailable)
}

func kilobytes(text, name []byte) uint64 {
	at := bytes.Index(text, name)
	if at < 0 {
		return 0
	}
	n, _ := number(text[at+len(name):])
	return n << 10
}

// parseNetwork sums the lines of /proc/net/dev, "name: received-bytes 7 others sent-bytes ...", below the two of titles.
func parseNetwork(text []byte) (received, sent uint64) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, newline)
		name, counters, ok := bytes.Cut(line, colon)
		if !ok || bytes.Equal(bytes.TrimLeft(name, " "), loopback) {
			continue
		}
		for field := range 9 {
			var n uint64
			n, counters = number(counters)
			switch field {
			case 0:
				received += n
			case 8:
				sent += n
			}
		}
	}
	return received, sent
}

var (
	newline, colon         = []byte("\n"), []byte(":")
	cpuName, loopback      = []byte("cpu"), []byte("lo")
	memTotal, memAvailable = []byte("MemTotal:"), []byte("MemAvailable:")
)

// number reads a decimal behind blanks, and returns what stands behind it.
func number(b []byte) (n uint64, rest []byte) {
	i := 0
	for i < len(b) && b[i] == ' ' {
		i++
	}
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		n = n*10 + uint64(b[i]-'0')
		i++
	}
	return n, b[i:]
}
