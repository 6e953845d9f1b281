package files

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// direntBytes are read from a directory at a time.
const direntBytes = 16 << 10

// dirent is a name in a directory and, if the filesystem tells, what it is (unix.DT_…).
type dirent struct {
	name string
	kind uint8
}

// dirReader reads an open directory.
type dirReader struct {
	fd      int
	buf     []byte
	at, end int
}

// next gives false at the end.
func (d *dirReader) next() (dirent, bool, error) {
	for {
		if d.at == d.end {
			more, err := d.read()
			if err != nil || !more {
				return dirent{}, false, err
			}
		}
		if one, ok := d.take(); ok {
			return one, true, nil
		}
	}
}

// some gives as many names as are read at once; none at the end.
func (d *dirReader) some() (names []string, err error) {
	for len(names) == 0 {
		more, err := d.read()
		if err != nil || !more {
			return nil, err
		}
		for d.at < d.end {
			if one, ok := d.take(); ok {
				names = append(names, one.name)
			}
		}
	}
	return names, nil
}

// read fills the buffer; false at the end.
func (d *dirReader) read() (bool, error) {
	if d.buf == nil {
		d.buf = make([]byte, direntBytes)
	}
	for {
		n, err := unix.Getdents(d.fd, d.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false, err
		}
		d.at, d.end = 0, n
		return true, nil
	}
}

// take gives the next name in the buffer, unless it is the directory itself or the one above.
func (d *dirReader) take() (dirent, bool) {
	// inode 8, offset 8, length 2, type 1, name with a zero behind it
	record := d.buf[d.at:d.end]
	length := int(binary.NativeEndian.Uint16(record[16:]))
	d.at += length
	name := record[19:length]
	if zero := bytes.IndexByte(name, 0); zero >= 0 {
		name = name[:zero]
	}
	s := string(name)
	return dirent{s, record[18]}, s != "." && s != ".."
}

// own gives it a buffer that nobody else reads to, with what it has not given yet.
func (d *dirReader) own() {
	rest := d.buf[d.at:d.end]
	d.buf = append(make([]byte, 0, max(len(rest), direntBytes/4)), rest...)
	d.at, d.end = 0, len(rest)
	d.buf = d.buf[:cap(d.buf)]
}

// openChild opens a directory in a directory, no symlink.
func openChild(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// openTop opens a directory that was asked for, and gives its place, which the caller closes.
func (s *server) openTop(path string) (*place, int, error) {
	p, err := s.paths.resolve(path, how{follow: true})
	if err != nil {
		return nil, -1, err
	}
	fd, err := openChild(p.dir, p.name)
	if err != nil {
		p.close()
		return nil, -1, failed(p.shown, err)
	}
	return p, fd, nil
}
