package files

import (
	"golang.org/x/sys/unix"
)

// entryOf tells of a file; dir and name are for the target of a symlink.
func (s *server) entryOf(st *unix.Stat_t, path string, dir int, name string) entry {
	e := entry{
		path: path, kind: typeOther, size: uint64(st.Size), mode: st.Mode & 0o7777, uid: st.Uid, gid: st.Gid,
		owner: s.names.User(st.Uid), group: s.names.Group(st.Gid), modifiedNs: st.Mtim.Nano(),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.kind = typeFile
	case unix.S_IFDIR:
		e.kind = typeDir
	case unix.S_IFLNK:
		e.kind = typeSymlink
		e.target, _ = readLink(dir, name)
	}
	return e
}

func (s *server) putEntry(e entry) error { return s.link.put(kindEntry, e.append(nil)) }

// putPlace tells of what is at a place now.
func (s *server) putPlace(p *place) error {
	var st unix.Stat_t
	if err := p.stat(&st); err != nil {
		return failed(p.shown, err)
	}
	return s.putEntry(s.entryOf(&st, p.shown, p.dir, p.name))
}

func (s *server) stat(m request) error {
	p, err := s.paths.resolve(m.path, how{follow: m.follow, slash: true})
	if err != nil {
		return err
	}
	defer p.close()
	return s.putPlace(p)
}

func (s *server) makeDir(m request) error {
	p, err := s.paths.resolve(m.path, how{follow: true, make: true})
	if err != nil {
		return err
	}
	defer p.close()
	if err := unix.Mkdirat(p.dir, p.name, 0o755); err != nil {
		var st unix.Stat_t
		if err != unix.EEXIST || p.stat(&st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return failed(p.shown, err)
		}
	}
	return s.putPlace(p)
}

func (s *server) rename(m request) error {
	from, err := s.paths.resolve(m.path, how{})
	if err != nil {
		return err
	}
	defer from.close()
	to, err := s.paths.resolve(m.to, how{})
	if err != nil {
		return err
	}
	defer to.close()
	var st unix.Stat_t
	if err := from.stat(&st); err != nil {
		return failed(from.shown, err)
	}
	if s.paths.guard.holds(idOf(&st)) {
		return refuse(reserved, from.shown, "it holds what is reserved")
	}
	if err := unix.Renameat(from.dir, from.name, to.dir, to.name); err != nil {
		about := to.shown
		if err == unix.EBUSY {
			about = from.shown
		}
		return failed(about, err)
	}
	return s.putPlace(to)
}

func (s *server) chmod(m request) error {
	if m.mode > 0o7777 {
		return refuse(invalid, "", "the mode has more than twelve bits")
	}
	p, err := s.paths.resolve(m.path, how{follow: true})
	if err != nil {
		return err
	}
	defer p.close()
	fd, err := unix.Openat(p.dir, p.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed(p.shown, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	// It was no symlink a moment ago.
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return failed(p.shown, unix.ELOOP)
	}
	if err := unix.Fchmodat(unix.AT_FDCWD, descriptor(fd), m.mode, 0); err != nil {
		return failed(p.shown, err)
	}
	return nil
}
