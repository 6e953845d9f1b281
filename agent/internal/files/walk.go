package files

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	// deepest and longestWalked bound what a tree can make the helper hold: levels, and bytes of a path.
	deepest       = 4096
	longestWalked = 32 << 10
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
}

// walk goes through an open directory; rel is empty for the top.
func (w *walker) walk(fd int, rel string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	return eachName(fd, func(one dirent) error {
		if w.guard.names(idOf(&st), one.name) {
			return nil
		}
		below := one.name
		if rel != "" {
			below = rel + "/" + one.name
		}
		enter, err := w.visit(fd, below, one)
		if err != nil || !enter || one.kind != unix.DT_DIR && one.kind != unix.DT_UNKNOWN {
			return err
		}
		return w.enter(fd, &st, below, one, depth+1)
	})
}

func (w *walker) enter(fd int, above *unix.Stat_t, rel string, one dirent, depth int) error {
	if depth > deepest || len(rel) > longestWalked {
		return w.tell(rel, unix.ENAMETOOLONG)
	}
	child, err := openChild(fd, one.name)
	switch {
	case err == unix.ENOENT || one.kind == unix.DT_UNKNOWN && (err == unix.ENOTDIR || err == unix.ELOOP):
		return nil
	case err != nil:
		return w.tell(rel, err)
	}
	defer unix.Close(child)
	var st unix.Stat_t
	if err := unix.Fstat(child, &st); err != nil {
		return w.tell(rel, err)
	}
	if w.guard.is(idOf(&st)) || !w.everywhere && st.Dev != above.Dev && isKernels(child) {
		return nil
	}
	if err := w.walk(child, rel, depth); err != nil {
		if _, ok := err.(unix.Errno); ok {
			return w.tell(rel, err)
		}
		return err
	}
	return nil
}

func (w *walker) tell(rel string, err error) error {
	if w.denied == nil {
		return nil
	}
	return w.denied(rel, err)
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
	if err := w.walk(fd, "", 0); err != nil {
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
