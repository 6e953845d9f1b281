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
	return r.remove(p.dir, p.name, p.shown)
}

// remover removes trees. It never goes through a symlink, nor into what is mounted: that is not in the tree.
type remover struct {
	guard *guard
	// force makes directories writable first: of trees that the helper itself has made.
	force bool

	// path is what it is at, as a refusal calls it; one for all levels, however long their names are.
	path []byte
	buf  []byte
}

// remove takes a name out of an open directory, with all that is below it; shown is what it is called in a refusal.
func (r *remover) remove(dir int, name, shown string) error {
	r.path = append(r.path[:0], shown...)
	return r.one(dir, name, 0)
}

func (r *remover) failed(err error) error { return failed(string(r.path), err) }

// one removes what the path leads to.
func (r *remover) one(dir int, name string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == nil {
		return nil
	}
	// A directory says EISDIR; some filesystems say EPERM, and so does the kernel to whom it refuses something else.
	if err != unix.EISDIR && err != unix.EPERM {
		return r.failed(err)
	}
	fd, openErr := openChild(dir, name)
	if openErr == unix.EACCES && r.force {
		makeOwn(dir, name)
		fd, openErr = openChild(dir, name)
	}
	switch {
	case openErr == unix.ENOTDIR || openErr == unix.ELOOP:
		return r.failed(err)
	case openErr == unix.EACCES:
		// One that is empty goes all the same.
		if unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) == nil {
			return nil
		}
		return r.failed(openErr)
	case openErr != nil:
		return r.failed(openErr)
	}
	defer unix.Close(fd)
	return r.directory(dir, fd, name, depth)
}

func (r *remover) directory(dir, fd int, name string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return r.failed(err)
	}
	switch {
	case r.guard.is(idOf(&st)):
		return refuse(reserved, string(r.path), "the path is reserved")
	case isMountRoot(fd):
		return r.failed(unix.EBUSY)
	case depth > deepest:
		return r.failed(unix.ENAMETOOLONG)
	}
	if r.force {
		unix.Fchmod(fd, 0o700)
	}
	// What others put in meanwhile goes too, within reason.
	for try := 0; ; try++ {
		if err := r.contents(fd, &st, depth); err != nil {
			return err
		}
		err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		if err == nil {
			return nil
		}
		if err != unix.ENOTEMPTY && err != unix.EEXIST || try == 3 {
			return r.failed(err)
		}
		if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
			return r.failed(err)
		}
	}
}

// contents removes what is in a directory, one bufferful of names after the other: the buffer serves all levels.
func (r *remover) contents(fd int, st *unix.Stat_t, depth int) error {
	if r.buf == nil {
		r.buf = make([]byte, direntBytes)
	}
	mark := len(r.path)
	for {
		d := dirReader{fd: fd, buf: r.buf}
		names, err := d.some()
		if err != nil {
			return r.failed(err)
		}
		if len(names) == 0 {
			return nil
		}
		for _, name := range names {
			r.path = append(append(r.path[:mark], '/'), name...)
			if r.guard.names(idOf(st), name) {
				return refuse(reserved, string(r.path), "the path is reserved")
			}
			err := r.one(fd, name, depth+1)
			if gone, ok := err.(*refusal); err != nil && !(ok && gone.code == notFound) {
				return err
			}
		}
		r.path = r.path[:mark]
	}
}

// makeOwn gives the user all rights to a directory, and to nothing that a symlink leads to.
func makeOwn(dir int, name string) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	unix.Fchmodat(unix.AT_FDCWD, descriptor(fd), 0o700, 0)
}

// isMountRoot says whether something else is mounted where an open directory is.
func isMountRoot(fd int) bool {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
