package files

import (
	"golang.org/x/sys/unix"
)

func (s *server) remove(m request) error {
	p, err := s.paths.resolve(m.path, how{})
	if err != nil {
		return err
	}
	defer p.close()
	if p.name == "." {
		return refuse(invalid, p.shown, "the root of all is not removed")
	}
	var st unix.Stat_t
	if err := p.stat(&st); err != nil {
		return failed(p.shown, err)
	}
	if s.paths.guard.holds(idOf(&st)) {
		return refuse(reserved, p.shown, "it holds what is reserved")
	}
	r := remover{guard: &s.paths.guard}
	return r.remove(p.dir, p.name, p.shown, 0)
}

// remover removes trees. It never goes through a symlink, nor into what is mounted: that is not in the tree.
type remover struct {
	guard *guard
	// force makes directories writable first: of trees that the helper itself has made.
	force bool
}

// remove takes a name out of an open directory, with all that is below it; shown is what it is called in a refusal.
func (r *remover) remove(dir int, name, shown string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == nil {
		return nil
	}
	// A directory says EISDIR; some filesystems say EPERM, and so does the kernel to whom it refuses something else.
	if err != unix.EISDIR && err != unix.EPERM {
		return failed(shown, err)
	}
	fd, openErr := openChild(dir, name)
	if openErr == unix.EACCES && r.force {
		unix.Fchmodat(dir, name, 0o700, 0)
		fd, openErr = openChild(dir, name)
	}
	switch {
	case openErr == unix.ENOTDIR || openErr == unix.ELOOP:
		return failed(shown, err)
	case openErr == unix.EACCES:
		// One that is empty goes all the same.
		if unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) == nil {
			return nil
		}
		return failed(shown, openErr)
	case openErr != nil:
		return failed(shown, openErr)
	}
	defer unix.Close(fd)
	return r.directory(dir, fd, name, shown, depth)
}

func (r *remover) directory(dir, fd int, name, shown string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return failed(shown, err)
	}
	switch {
	case r.guard.is(idOf(&st)):
		return refuse(reserved, shown, "the path is reserved")
	case isMountRoot(fd):
		return failed(shown, unix.EBUSY)
	case depth > deepest:
		return failed(shown, unix.ENAMETOOLONG)
	}
	if r.force {
		unix.Fchmod(fd, 0o700)
	}
	// What others put in meanwhile goes too, within reason.
	for try := 0; ; try++ {
		if err := r.contents(fd, &st, shown, depth); err != nil {
			return err
		}
		err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		if err == nil {
			return nil
		}
		if err != unix.ENOTEMPTY && err != unix.EEXIST || try == 3 {
			return failed(shown, err)
		}
		if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
			return failed(shown, err)
		}
	}
}

func (r *remover) contents(fd int, st *unix.Stat_t, shown string, depth int) error {
	d := dirReader{fd: fd}
	for {
		one, more, err := d.next()
		if err != nil {
			return failed(shown, err)
		}
		if !more {
			return nil
		}
		below := join(shown, one.name)
		if r.guard.names(idOf(st), one.name) {
			return refuse(reserved, below, "the path is reserved")
		}
		err = r.remove(fd, one.name, below, depth+1)
		if gone, ok := err.(*refusal); err != nil && !(ok && gone.code == notFound) {
			return err
		}
	}
}

// isMountRoot says whether something else is mounted where an open directory is.
func isMountRoot(fd int) bool {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
