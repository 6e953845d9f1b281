package files

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// deepest and longestWalked bound what a tree can make the helper hold: levels, and bytes of a path.
	deepest       = 4096
	longestWalked = 32 << 10
	// sortedNames of one directory are held so that they can be told in order, heldNames of those above it and its own
	// together; what is in a larger one comes as it is read.
	sortedNames = 10_000
	heldNames   = 50_000
)

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// walker goes down a tree without following symlinks, past what is reserved.
type walker struct {
	guard *guard
	// visit is called for everything below the top, a directory before what is in it, and says whether to go into that.
	// rel is the path from the top on.
	visit func(dir int, rel string, one dirent) (enter bool, err error)
	// denied hears of directories that cannot be read; without it they are passed over.
	denied func(rel string, err error) error
	// everywhere goes into the kernel's own filesystems, too.
	everywhere bool

	// path is of what is visited, once for all levels: each with its own would be the square of their number.
	path []byte
	buf  []byte
	held int // names in all directories that are gone through
}

// walk goes through an open directory.
func (w *walker) walk(fd int) error {
	w.path = w.path[:0]
	return w.directory(fd, 0)
}

func (w *walker) directory(fd, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	mark := len(w.path)
	return w.eachName(fd, func(one dirent) error {
		if w.guard.names(idOf(&st), one.name) {
			return nil
		}
		w.path = w.path[:mark]
		if mark > 0 {
			w.path = append(w.path, '/')
		}
		w.path = append(w.path, one.name...)
		enter, err := w.visit(fd, string(w.path), one)
		if err != nil || !enter || one.kind != unix.DT_DIR && one.kind != unix.DT_UNKNOWN {
			return err
		}
		return w.enter(fd, &st, one, depth+1)
	})
}

func (w *walker) enter(fd int, above *unix.Stat_t, one dirent, depth int) error {
	own := len(w.path)
	if depth > deepest || own > longestWalked {
		return w.tell(own, unix.ENAMETOOLONG)
	}
	child, err := openChild(fd, one.name)
	switch {
	case err == unix.ENOENT || one.kind == unix.DT_UNKNOWN && (err == unix.ENOTDIR || err == unix.ELOOP):
		return nil
	case err != nil:
		return w.tell(own, err)
	}
	defer unix.Close(child)
	var st unix.Stat_t
	if err := unix.Fstat(child, &st); err != nil {
		return w.tell(own, err)
	}
	if w.guard.is(idOf(&st)) || !w.everywhere && st.Dev != above.Dev && isKernels(child) {
		return nil
	}
	if err := w.directory(child, depth); err != nil {
		if _, ok := err.(unix.Errno); ok {
			return w.tell(own, err)
		}
		return err
	}
	return nil
}

// eachName calls for every name in an open directory, in order unless there are too many to be held.
func (w *walker) eachName(fd int, call func(dirent) error) error {
	if w.buf == nil {
		w.buf = make([]byte, direntBytes)
	}
	d := dirReader{fd: fd, buf: w.buf}
	room := min(sortedNames, heldNames-w.held)
	var names []dirent
	ended := false
	for !ended && len(names) <= room {
		one, more, err := d.next()
		if err != nil {
			return err
		}
		if ended = !more; more {
			names = append(names, one)
		}
	}
	if ended {
		slices.SortFunc(names, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	} else {
		// The calls read other directories.
		d.own()
	}
	w.held += len(names)
	defer func() { w.held -= len(names) }()
	for _, one := range names {
		if err := call(one); err != nil {
			return err
		}
	}
	for !ended {
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

// tell is about the path of so many bytes.
func (w *walker) tell(own int, err error) error {
	if w.denied == nil {
		return nil
	}
	return w.denied(string(w.path[:own]), err)
}

// isKernels says whether a filesystem holds no files of anybody: what is in it has no size, no end, or an effect.
func isKernels(fd int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return false
	}
	switch fs.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.CGROUP_SUPER_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, unix.PSTOREFS_MAGIC:
		return true
	}
	return false
}

// list tells what is in a directory, and down to a depth what is below it.
func (s *server) list(m request) error {
	if m.depth == 0 {
		return refuse(invalid, "", "the depth begins with 1")
	}
	p, fd, err := s.openTop(m.path)
	if err != nil {
		return err
	}
	defer p.close()
	defer unix.Close(fd)
	out := batch{link: s.link, kind: kindEntries}
	w := walker{guard: &s.paths.guard, everywhere: true}
	w.visit = func(dir int, rel string, one dirent) (bool, error) {
		var st unix.Stat_t
		err := unix.Fstatat(dir, one.name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == unix.ENOENT || err == nil && s.paths.guard.is(idOf(&st)) {
			return false, nil
		}
		if err != nil {
			return false, failed(join(p.shown, rel), err)
		}
		e := s.entryOf(&st, join(p.shown, rel), dir, one.name)
		return levels(rel) < m.depth, out.add(e.append)
	}
	if err := w.walk(fd); err != nil {
		return failed(p.shown, err)
	}
	return out.flush()
}

// levels counts the names in a path.
func levels(rel string) uint32 {
	n := uint32(1)
	for i := range len(rel) {
		if rel[i] == '/' {
			n++
		}
	}
	return n
}
