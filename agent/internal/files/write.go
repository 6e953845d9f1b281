package files

import (
	"io"

	"golang.org/x/sys/unix"
)

func (s *server) write(m request) error {
	if m.mode > 0o7777 {
		return refuse(invalid, "", "the mode has more than twelve bits")
	}
	if m.path != "" && m.path[len(m.path)-1] == '/' {
		return failed(m.path, unix.EISDIR)
	}
	// A symlink is something that is there; what it leads to does not matter then.
	p, err := s.paths.resolve(m.path, how{follow: !m.exclusive, make: true})
	if err != nil {
		return err
	}
	defer p.close()
	var st unix.Stat_t
	old := &st
	if err := p.stat(old); err == unix.ENOENT {
		old = nil
	} else if err != nil {
		return failed(p.shown, err)
	}
	if old != nil {
		if m.exclusive {
			return failed(p.shown, unix.EEXIST)
		}
		if err := mustBeFile(p, old); err != nil {
			return err
		}
	}
	if m.append {
		return s.appendFile(p, old, m)
	}
	f, err := newReplacement(p, old)
	if err != nil && old != nil && isKernels(p.dir) {
		// Nothing can be put in its stead: it is a way to tell the kernel something.
		return s.appendFile(p, old, m)
	}
	if err != nil {
		return err
	}
	defer f.close()
	if m.mode != 0 {
		f.mode = m.mode
	}
	return s.receive(func(in *incoming) error {
		for {
			data, err := in.next()
			if err == io.EOF {
				break
			}
			if err == nil {
				err = f.write(data)
			}
			if err != nil {
				f.close()
				return err
			}
		}
		if err := f.commit(m.exclusive); err != nil {
			f.close()
			return err
		}
		return s.putPlace(p)
	})
}

// appendFile writes at the end of the file that is there, or of a new one. What was written stays when the rest fails.
func (s *server) appendFile(p *place, old *unix.Stat_t, m request) error {
	mode := m.mode
	if mode == 0 {
		mode = 0o644
	}
	flags := unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_NONBLOCK
	if m.exclusive {
		flags |= unix.O_EXCL
	}
	fd, err := unix.Openat(p.dir, p.name, flags, mode)
	if err != nil {
		return failed(p.shown, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return failed(p.shown, err)
	}
	if err := mustBeFile(p, &st); err != nil {
		return err
	}
	if m.mode != 0 && old != nil {
		if err := unix.Fchmod(fd, m.mode); err != nil {
			return failed(p.shown, err)
		}
	}
	return s.receive(func(in *incoming) error {
		for {
			data, err := in.next()
			if err == io.EOF {
				return s.putPlace(p)
			}
			if err != nil {
				return err
			}
			for len(data) > 0 {
				n, err := unix.Write(fd, data)
				if err != nil && err != unix.EINTR {
					return failed(p.shown, err)
				}
				data = data[max(n, 0):]
			}
		}
	})
}
