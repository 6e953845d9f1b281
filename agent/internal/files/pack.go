package files

import (
	"archive/tar"
	"time"

	"golang.org/x/sys/unix"
)

// pack sends a directory as a tar.
func (s *server) pack(m request) error {
	p, fd, err := s.openTop(m.path)
	if err != nil {
		return err
	}
	defer p.close()
	defer unix.Close(fd)
	out := &dataWriter{link: s.link}
	k := packer{server: s, shown: p.shown, out: tar.NewWriter(out)}
	w := walker{guard: &s.paths.guard, visit: k.visit}
	// An archive that lacks something without a word would be taken for the whole.
	w.denied = func(rel string, err error) error { return failed(join(p.shown, rel), err) }
	if err := w.walk(fd); err != nil {
		return failed(p.shown, err)
	}
	if err := k.out.Close(); err != nil {
		return err
	}
	return out.flush()
}

// dataWriter sends what is written in frames that are as full as can be.
type dataWriter struct {
	link *link
	n    int
}

func (d *dataWriter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := copy(d.link.buffer()[d.n:], rest)
		d.n += n
		rest = rest[n:]
		if d.n == DataBytes {
			if err := d.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(b), nil
}

func (d *dataWriter) flush() error {
	if d.n == 0 {
		return nil
	}
	n := d.n
	d.n = 0
	return d.link.putData(n)
}

type packer struct {
	*server
	shown string
	out   *tar.Writer
	buf   []byte
}

func (k *packer) visit(dir int, rel string, one dirent) (enter bool, err error) {
	var st unix.Stat_t
	err = unix.Fstatat(dir, one.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT || err == nil && k.paths.guard.is(idOf(&st)) {
		return false, nil
	}
	if err != nil {
		return false, failed(join(k.shown, rel), err)
	}
	h := tar.Header{
		Format: tar.FormatPAX, Name: rel, Mode: int64(st.Mode & 0o7777), ModTime: time.Unix(st.Mtim.Unix()),
		Uid: int(st.Uid), Gid: int(st.Gid), Uname: k.names.User(st.Uid), Gname: k.names.Group(st.Gid),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, rel+"/"
		return true, k.header(&h, rel)
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = readLink(dir, one.name); err == unix.ENOENT {
			return false, nil
		} else if err != nil {
			return false, failed(join(k.shown, rel), err)
		}
		return false, k.header(&h, rel)
	case unix.S_IFREG:
		return false, k.file(dir, rel, one.name, &h)
	}
	return false, nil
}

func (k *packer) header(h *tar.Header, rel string) error {
	err := k.out.WriteHeader(h)
	if err != nil && err != errGone {
		return refuse(unsupported, join(k.shown, rel), "it cannot be put in an archive")
	}
	return err
}

// file sends as many bytes as the file had when it was opened: more are left out, fewer filled up with zeros.
func (k *packer) file(dir int, rel, name string, h *tar.Header) error {
	in := place{dir: dir, name: name, shown: join(k.shown, rel)}
	var st unix.Stat_t
	fd, err := openFile(&in, &st)
	if r, ok := err.(*refusal); ok && (r.code == notFound || r.code == unsupported || r.code == isDirectory) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	readAhead(fd, &st)
	h.Typeflag, h.Size = tar.TypeReg, st.Size
	if err := k.header(h, rel); err != nil {
		return err
	}
	if k.buf == nil {
		k.buf = make([]byte, 64<<10)
	}
	ended := false
	for left := st.Size; left > 0; {
		want := k.buf[:min(left, int64(len(k.buf)))]
		n := 0
		if !ended {
			if n, err = readFull(fd, want); err != nil {
				return failed(in.shown, err)
			}
			ended = n < len(want)
		}
		clear(want[n:])
		if _, err := k.out.Write(want); err != nil {
			return err
		}
		left -= int64(len(want))
	}
	return nil
}
