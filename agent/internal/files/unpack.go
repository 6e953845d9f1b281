package files

import (
	"archive/tar"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// maxMembers of an archive.
const maxMembers = 1_000_000

// unpack lays an archive out where nobody looks, and puts it in place when it is whole.
func (s *server) unpack(m request) error {
	p, err := s.paths.resolve(m.path, how{follow: true, make: true})
	if err != nil {
		return err
	}
	defer p.close()
	t, err := s.newTree(p, m.conflict)
	if err != nil {
		return err
	}
	defer t.close()
	return s.receive(func(in *incoming) error {
		err := t.layOut(in)
		if err == nil {
			// What stands behind the end of the archive belongs to it, too.
			err = in.drop()
		}
		if err == nil {
			err = t.publish()
		}
		if err != nil {
			t.close()
			return err
		}
		return s.link.put(kindUnpacked, appendUnpacked(nil, t.bytes, t.files))
	})
}

// tree is a directory in the making.
type tree struct {
	place    *place
	guard    *guard
	conflict uint8
	old      *unix.Stat_t // of the target; nil when there is none
	into     bool         // the target is a directory that this is laid over

	home int    // the directory that it is made in
	name string // empty once it is gone from there
	fd   int

	buf          []byte
	bytes, files uint64
	// modes that would be in the way until all is in place, by path.
	modes map[string]uint32
}

func (s *server) newTree(p *place, conflict uint8) (*tree, error) {
	t := &tree{place: p, guard: &s.paths.guard, conflict: conflict, home: p.dir, fd: -1, modes: map[string]uint32{}}
	var st unix.Stat_t
	err := p.stat(&st)
	switch {
	case err == unix.ENOENT:
	case err != nil:
		return nil, failed(p.shown, err)
	case conflict == conflictError:
		return nil, failed(p.shown, unix.EEXIST)
	default:
		t.old = &st
	}
	isDir := t.old != nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case t.old == nil:
	case conflict == conflictMerge && !isDir:
		return nil, failed(p.shown, unix.ENOTDIR)
	case conflict == conflictMerge:
		// Within it: there the user may write, and it is the same filesystem.
		t.into = true
		if t.home, err = openChild(p.dir, p.name); err != nil {
			return nil, failed(p.shown, err)
		}
	case p.name == ".":
		return nil, refuse(invalid, p.shown, "the root of all is not replaced")
	case t.guard.holds(idOf(&st)):
		return nil, refuse(reserved, p.shown, "it holds what is reserved")
	}
	t.name = tempName()
	if err = unix.Mkdirat(t.home, t.name, 0o700); err == nil {
		t.fd, err = openChild(t.home, t.name)
	} else {
		t.name = ""
	}
	if err != nil {
		t.close()
		return nil, failed(p.shown, err)
	}
	return t, nil
}

// close leaves nothing of one that is not in place. Once more is no harm.
func (t *tree) close() {
	if t.fd >= 0 {
		unix.Close(t.fd)
		t.fd = -1
	}
	if t.name != "" {
		r := remover{guard: t.guard, force: true}
		r.remove(t.home, t.name, t.name)
		t.name = ""
	}
	if t.into && t.home >= 0 {
		unix.Close(t.home)
		t.home = -1
	}
}

func (t *tree) layOut(in *incoming) error {
	archive := tar.NewReader(in)
	for members := 0; ; members++ {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return archiveError(err)
		}
		if members == maxMembers {
			return refuse(tooMany, "", "the archive has more than 1,000,000 members")
		}
		if err := t.member(h, archive); err != nil {
			return err
		}
	}
}

// archiveError keeps what comes from the link or from a file; the rest is the archive's own fault.
func archiveError(err error) error {
	if _, ok := err.(*refusal); ok || err == errGone || err == errProtocol {
		return err
	}
	if err == io.ErrUnexpectedEOF {
		return refuse(badArchiveEntry, "", "the archive ends early")
	}
	return refuse(badArchiveEntry, "", "the archive cannot be read: "+strings.ToValidUTF8(err.Error(), "\ufffd"))
}

func (t *tree) member(h *tar.Header, contents io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := memberName(h.Name)
	if err != nil {
		return err
	}
	if t.guard.covers(join(t.place.real, name)) {
		return refuse(reserved, name, "the path is reserved")
	}
	mode := uint32(h.Mode) & 0o1777
	switch h.Typeflag {
	case tar.TypeDir:
		if name == "" {
			return nil
		}
		return t.directory(name, mode)
	case tar.TypeReg, tar.TypeGNUSparse:
		return t.inDir(name, func(dir int, last string) error { return t.file(dir, last, name, mode, h, contents) })
	case tar.TypeSymlink:
		if err := checkLink(name, h.Linkname); err != nil {
			return err
		}
		return t.inDir(name, func(dir int, last string) error {
			t.files++
			return t.fresh(dir, last, name, func() error { return unix.Symlinkat(h.Linkname, dir, last) })
		})
	}
	return refuse(badArchiveEntry, name, "only files, directories and symlinks are unpacked")
}
