package files

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// sortedNames of one directory are held so that they can be told in order; what is in a larger one comes as it is read.
const sortedNames = 10_000

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
			if d.buf == nil {
				d.buf = make([]byte, 16<<10)
			}
			n, err := unix.Getdents(d.fd, d.buf)
			if err == unix.EINTR {
				continue
			}
			if err != nil || n <= 0 {
				return dirent{}, false, err
			}
			d.at, d.end = 0, n
		}
		// inode 8, offset 8, length 2, type 1, name with a zero behind it
		record := d.buf[d.at:d.end]
		length := int(binary.NativeEndian.Uint16(record[16:]))
		d.at += length
		name := record[19:length]
		if zero := bytes.IndexByte(name, 0); zero >= 0 {
			name = name[:zero]
		}
		if s := string(name); s != "." && s != ".." {
			return dirent{s, record[18]}, true, nil
		}
	}
}

// eachName calls for every name in an open directory, in order unless there are more than sortedNames.
func eachName(fd int, call func(dirent) error) error {
	d := dirReader{fd: fd}
	var names []dirent
	for {
		one, more, err := d.next()
		if err != nil {
			return err
		}
		if !more {
			slices.SortFunc(names, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
			d.buf = nil
			break
		}
		if names = append(names, one); len(names) > sortedNames {
			break
		}
	}
	for _, one := range names {
		if err := call(one); err != nil {
			return err
		}
	}
	for len(names) > sortedNames {
		one, more, err := d.next()
		if err != nil || !more {
			return err
		}
		if err := call(one); err != nil {
			return err
		}
	}
	return nil
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
