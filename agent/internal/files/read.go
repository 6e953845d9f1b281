package files

import (
	"math"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

// openFile opens what is at a place for reading; nothing but a file, for the rest may wait or do things when opened.
func openFile(p *place, st *unix.Stat_t) (int, error) {
	if err := p.stat(st); err != nil {
		return -1, failed(p.shown, err)
	}
	if err := mustBeFile(p, st); err != nil {
		return -1, err
	}
	fd, err := p.open(unix.O_RDONLY)
	if err != nil {
		return -1, failed(p.shown, err)
	}
	if err := unix.Fstat(fd, st); err != nil {
		unix.Close(fd)
		return -1, failed(p.shown, err)
	}
	if err := mustBeFile(p, st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func mustBeFile(p *place, st *unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFDIR:
		return failed(p.shown, unix.EISDIR)
	}
	return refuse(unsupported, p.shown, "it is no regular file")
}

func (s *server) read(m request) error {
	p, err := s.paths.resolve(m.path, how{follow: true})
	if err != nil {
		return err
	}
	defer p.close()
	var st unix.Stat_t
	fd, err := openFile(p, &st)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := s.putEntry(s.entryOf(&st, p.shown, p.dir, p.name)); err != nil {
		return err
	}
	if m.offset > math.MaxInt64 {
		return nil
	}
	readAhead(fd, &st)
	if m.offset > 0 {
		if _, err := unix.Seek(fd, int64(m.offset), unix.SEEK_SET); err != nil {
			return failed(p.shown, err)
		}
	}
	// Read to its end, not to the size that it is said to have: of files in /proc that is 0.
	for left := m.length; left > 0; {
		buffer := s.link.buffer()
		n, err := readFull(fd, buffer[:min(uint64(len(buffer)), left)])
		if err != nil {
			return failed(p.shown, err)
		}
		if n == 0 {
			return nil
		}
		if err := s.link.putData(n); err != nil {
			return err
		}
		left -= uint64(n)
	}
	return nil
}

// readAhead has the kernel read further ahead in a file that is read from one end to the other: a disk of a machine answers late.
func readAhead(fd int, st *unix.Stat_t) {
	if st.Size > DataBytes {
		unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
	}
}

// readFull reads until the buffer is full or the file ends.
func readFull(fd int, b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, errno := sys.Read(fd, b[done:])
		if errno != 0 {
			return done, errno
		}
		if n == 0 {
			break
		}
		done += n
	}
	return done, nil
}
