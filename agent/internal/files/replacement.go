package files

import (
	"bytes"
	"encoding/hex"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// blockBytes of nothing but zeros, at a multiple of themselves, become a hole.
	blockBytes = 64 << 10
	tempPrefix = ".nullspace-"
	tempSuffix = ".tmp"
)

var zeros [blockBytes]byte

// tempName is one that nobody has.
func tempName() string {
	var random [8]byte
	unix.Getrandom(random[:], 0)
	return tempPrefix + hex.EncodeToString(random[:]) + tempSuffix
}

// isTempName says whether this helper may have given a name.
func isTempName(name string) bool {
	return len(name) == len(tempPrefix)+16+len(tempSuffix) && strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix)
}

// replacement is a file without a name, or with one that says nothing, until it is whole.
type replacement struct {
	place *place
	old   *unix.Stat_t // of the file that it replaces; nil when there was none
	mode  uint32

	fd    int
	temp  string // empty while it has no name
	at    int64  // where the next block goes
	block []byte // gathered for it
	hole  bool   // the last block was left out
}

// newReplacement makes one for a place at which there is nothing (nil) or a file that the user may write.
func newReplacement(p *place, old *unix.Stat_t) (*replacement, error) {
	f := &replacement{place: p, old: old, mode: 0o644, fd: -1}
	if old != nil {
		f.mode = old.Mode & 0o7777
		if err := unix.Faccessat(p.dir, p.name, unix.W_OK, 0); err != nil {
			return nil, failed(p.shown, err)
		}
	}
	var err error
	f.fd, err = openUnnamed(p.dir)
	if err == unix.EOPNOTSUPP || err == unix.EISDIR || err == unix.EINVAL || err == unix.ENOENT {
		f.temp = tempName()
		f.fd, err = unix.Openat(p.dir, f.temp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	}
	if err != nil {
		f.temp = ""
		return nil, failed(p.shown, err)
	}
	return f, nil
}

// openUnnamed is what some filesystems cannot do; tests make it one of those.
var openUnnamed = func(dir int) (int, error) {
	return unix.Openat(dir, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
}

func (f *replacement) write(b []byte) error {
	for len(b) > 0 {
		if len(f.block) == 0 && len(b) >= blockBytes {
			if err := f.store(b[:blockBytes]); err != nil {
				return err
			}
			b = b[blockBytes:]
			continue
		}
		if f.block == nil {
			f.block = make([]byte, 0, blockBytes)
		}
		n := min(len(b), blockBytes-len(f.block))
		f.block = append(f.block, b[:n]...)
		b = b[n:]
		if len(f.block) == blockBytes {
			if err := f.store(f.block); err != nil {
				return err
			}
			f.block = f.block[:0]
		}
	}
	return nil
}

func (f *replacement) store(b []byte) error {
	f.hole = len(b) == blockBytes && bytes.Equal(b, zeros[:])
	if f.hole {
		f.at += blockBytes
		return nil
	}
	for len(b) > 0 {
		n, err := unix.Pwrite(f.fd, b, f.at)
		if err != nil && err != unix.EINTR {
			return failed(f.place.shown, err)
		}
		n = max(n, 0)
		f.at += int64(n)
		b = b[n:]
	}
	return nil
}

// finish stores what was gathered and gives it the owner, as far as the user may, and the mode.
func (f *replacement) finish() error {
	if len(f.block) > 0 {
		if err := f.store(f.block); err != nil {
			return err
		}
	}
	if f.hole {
		if err := unix.Ftruncate(f.fd, f.at); err != nil {
			return failed(f.place.shown, err)
		}
	}
	if f.old != nil && !f.chown() {
		// Bits that lend out the owner's rights are not for another owner.
		f.mode &^= unix.S_ISUID | unix.S_ISGID
	}
	if err := unix.Fchmod(f.fd, f.mode); err != nil {
		return failed(f.place.shown, err)
	}
	return nil
}

// chown says whether owner and group are as they were.
func (f *replacement) chown() bool {
	var st unix.Stat_t
	uid, gid := int(f.old.Uid), int(f.old.Gid)
	if unix.Fstat(f.fd, &st) == nil && st.Uid == f.old.Uid && st.Gid == f.old.Gid {
		return true
	}
	if unix.Fchown(f.fd, uid, gid) == nil {
		return true
	}
	unix.Fchown(f.fd, -1, gid)
	return false
}

// commit gives it its name; with exclusive only if nobody has it.
func (f *replacement) commit(exclusive bool) error {
	if err := f.finish(); err != nil {
		return err
	}
	if err := f.publish(exclusive); err != nil {
		return failed(f.place.shown, err)
	}
	return nil
}

func (f *replacement) publish(exclusive bool) error {
	p := f.place
	if f.temp == "" {
		if f.old == nil {
			if err := f.link(p.name); err != unix.EEXIST || exclusive {
				return err
			}
		}
		// A link replaces nothing; a rename does.
		temp := tempName()
		if err := f.link(temp); err != nil {
			return err
		}
		f.temp = temp
	}
	var flags uint
	if exclusive {
		flags = unix.RENAME_NOREPLACE
	}
	if err := unix.Renameat2(p.dir, f.temp, p.dir, p.name, flags); err != nil {
		return err
	}
	f.temp = ""
	return nil
}

func (f *replacement) link(name string) error {
	return unix.Linkat(unix.AT_FDCWD, descriptor(f.fd), f.place.dir, name, unix.AT_SYMLINK_FOLLOW)
}

// close leaves nothing of one that has not been given its name. Once more is no harm.
func (f *replacement) close() {
	if f.temp != "" {
		unix.Unlinkat(f.place.dir, f.temp, 0)
		f.temp = ""
	}
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}
