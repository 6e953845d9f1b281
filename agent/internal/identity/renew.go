package identity

import (
	"encoding/binary"
	"errors"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

// Keeper holds open what a renewal writes.
type Keeper struct {
	random, machineID, bootID int
	hostname, hosts           file
}

// file knows its length: cutting a file is the dearest part of rewriting it, and needed only when the text shrinks.
type file struct {
	fd   int
	size int
}

func Open() (*Keeper, error) {
	k := &Keeper{}
	for _, f := range []struct {
		fd   *int
		path string
	}{
		{&k.random, "/dev/urandom"},
		{&k.machineID, Dir + "/machine-id"},
		{&k.hostname.fd, Dir + "/hostname"},
		{&k.hosts.fd, Dir + "/hosts"},
		{&k.bootID, Dir + "/boot_id"},
	} {
		fd, err := unix.Open(f.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, errors.New(f.path + ": " + err.Error())
		}
		*f.fd = fd
	}
	// Enough to cut whatever stands there at the first renewal by this process.
	k.hostname.size, k.hosts.size = maxHosts, maxHosts
	return k, nil
}

// Renew puts the identity in force, all of it or an error that says which part is not. One without a name is for the same
// machine after it stood still: clock and generator are put right, and whatever tells it from others stays.
func (k *Keeper) Renew(id *wire.Identity) error {
	same := id.Hostname == ""
	if !same && !validHostname(id.Hostname) {
		return errors.New("hostname: not a host name")
	}
	if errno := setClock(id.NowNs); errno != 0 {
		return failed("clock", errno)
	}
	if errno := k.reseed(&id.Seed); errno != 0 {
		return failed("random", errno)
	}
	if same {
		return nil
	}
	// The generator is this machine's own from here on, so what it gives is fit for a boot id.
	var raw [16]byte
	if _, _, errno := syscall.RawSyscall(unix.SYS_GETRANDOM, uintptr(unsafe.Pointer(&raw[0])), uintptr(len(raw)), 0); errno != 0 {
		return failed("boot id", errno)
	}
	var text [64]byte
	if errno := k.fixed(k.bootID, appendUUID(text[:0], raw)); errno != 0 {
		return failed("boot id", errno)
	}
	if errno := k.fixed(k.machineID, append(appendHex(text[:0], id.MachineID[:]), '\n')); errno != 0 {
		return failed("machine id", errno)
	}
	return k.rename(id.Hostname)
}

// SetClock is for a machine that goes on after it stood still; nobody waits to hear of it.
func (k *Keeper) SetClock(nowNs uint64) { setClock(nowNs) }

func setClock(nowNs uint64) syscall.Errno {
	ts := unix.NsecToTimespec(int64(nowNs))
	_, _, errno := syscall.RawSyscall(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, uintptr(unsafe.Pointer(&ts)), 0)
	return errno
}

func (k *Keeper) reseed(seed *[64]byte) syscall.Errno {
	// struct rand_pool_info: bits credited, bytes, the bytes; in the machine's own byte order.
	var info [8 + len(seed)]byte
	binary.NativeEndian.PutUint32(info[:], uint32(8*len(seed)))
	binary.NativeEndian.PutUint32(info[4:], uint32(len(seed)))
	copy(info[8:], seed[:])
	if errno := sys.IoctlPtr(k.random, unix.RNDADDENTROPY, unsafe.Pointer(&info[0])); errno != 0 {
		return errno
	}
	return sys.Ioctl(k.random, unix.RNDRESEEDCRNG, 0)
}

// rename sets the host name in the kernel, /etc/hostname and the own line of /etc/hosts. Nothing else in /etc/hosts is
// touched: what a user wrote there survives a pause.
func (k *Keeper) rename(name string) error {
	b := []byte(name)
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETHOSTNAME, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0); errno != 0 {
		return failed("hostname", errno)
	}
	if errno := k.hostname.write(append(b, '\n')); errno != 0 {
		return failed("hostname file", errno)
	}
	var buf [maxHosts]byte
	n, errno := sys.ReadAt(k.hosts.fd, buf[:], 0)
	if errno != 0 || n == len(buf) {
		return failed("hosts file", errno)
	}
	k.hosts.size = n
	if errno := k.hosts.write([]byte(renameHosts(string(buf[:n]), name))); errno != 0 {
		return failed("hosts file", errno)
	}
	return nil
}

// maxHosts is the largest /etc/hosts that a renewal will touch, bytes.
const maxHosts = 16 << 10

// ownAddress begins the line of /etc/hosts that belongs to the machine's own name.
const ownAddress = "127.0.1.1\t"

func renameHosts(text, name string) string {
	at := strings.Index(text, ownAddress)
	if at < 0 || at > 0 && text[at-1] != '\n' {
		return ownAddress + name + "\n" + text
	}
	head, rest := text[:at], text[at:]
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[end+1:]
	} else {
		rest = ""
	}
	return head + ownAddress + name + "\n" + rest
}

// fixed overwrites a file whose length never changes.
func (k *Keeper) fixed(fd int, text []byte) syscall.Errno {
	_, errno := sys.WriteAt(fd, text, 0)
	return errno
}

func (f *file) write(text []byte) syscall.Errno {
	if _, errno := sys.WriteAt(f.fd, text, 0); errno != 0 {
		return errno
	}
	if len(text) < f.size {
		if errno := sys.Truncate(f.fd, int64(len(text))); errno != 0 {
			return errno
		}
	}
	f.size = len(text)
	return 0
}

func failed(what string, errno syscall.Errno) error {
	return errors.New(what + ": " + errno.Error())
}

func validHostname(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return name[0] != '-' && name[0] != '.'
}

func appendHex(b, raw []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range raw {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// appendUUID writes a random (version 4) UUID and a line end, as the kernel does for boot_id.
func appendUUID(b []byte, raw [16]byte) []byte {
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	for i, n := range [...]int{4, 2, 2, 2, 6} {
		if i > 0 {
			b = append(b, '-')
		}
		start := [...]int{0, 4, 6, 8, 10}[i]
		b = appendHex(b, raw[start:start+n])
	}
	return append(b, '\n')
}
