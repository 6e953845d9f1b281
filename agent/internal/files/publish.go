package files

import (
	"maps"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// publish puts the tree where it belongs.
func (t *tree) publish() error {
	var err error
	switch {
	case t.into:
		err = t.merge()
	case t.old == nil:
		err = t.settle()
	default:
		err = t.swap()
	}
	if err != nil {
		return failed(t.place.shown, err)
	}
	return t.lateModes()
}

// settle takes a name that nobody has. One who took it meanwhile keeps it.
func (t *tree) settle() error {
	if err := unix.Fchmod(t.fd, 0o755); err != nil {
		return err
	}
	err := unix.Renameat2(t.home, t.name, t.place.dir, t.place.name, unix.RENAME_NOREPLACE)
	if err == nil {
		t.name = ""
	}
	return err
}

// swap takes the place of the target in one step, and removes what was there.
func (t *tree) swap() error {
	mode := uint32(0o755)
	if t.old.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode = t.old.Mode & 0o7777
		unix.Fchown(t.fd, int(t.old.Uid), int(t.old.Gid))
	}
	if err := unix.Fchmod(t.fd, mode); err != nil {
		return err
	}
	p := t.place
	err := unix.Renameat2(t.home, t.name, p.dir, p.name, unix.RENAME_EXCHANGE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		err = t.swapInTwo()
	}
	if err != nil {
		return err
	}
	// From here on the temporary name is the old tree's.
	r := remover{guard: t.guard}
	old := t.name
	t.name = ""
	err = r.remove(t.home, old, join(path.Dir(p.real), old))
	if why, ok := err.(*refusal); ok {
		return refuse(why.code, "", "it is replaced, but what was there before could not be removed: "+why.message)
	}
	return err
}

// swapInTwo is for filesystems that cannot exchange.
func (t *tree) swapInTwo() error {
	p, aside := t.place, tempName()
	if err := unix.Renameat(p.dir, p.name, p.dir, aside); err != nil {
		return err
	}
	if err := unix.Renameat2(t.home, t.name, p.dir, p.name, 0); err != nil {
		unix.Renameat(p.dir, aside, p.dir, p.name)
		return err
	}
	t.name = aside
	return nil
}

// merge lays the tree over the target, after it has looked whether that can be done.
func (t *tree) merge() error {
	for _, step := range []step{t.mayLay, t.lay} {
		if err := t.over(t.fd, t.home, "", step); err != nil {
			return err
		}
	}
	return nil
}

// step is called for a name in a directory of the tree, and the directory that it is laid over.
type step func(name, shown string, from, to int) error

// over goes down two directories at once, to what is no directory on both sides.
func (t *tree) over(from, to int, rel string, do step) error {
	var st unix.Stat_t
	if err := unix.Fstat(to, &st); err != nil {
		return err
	}
	// Renames take names away from under the reader: those it has not yet seen would be missed on some filesystems.
	var names []string
	d := dirReader{fd: from}
	if _, err := unix.Seek(from, 0, unix.SEEK_SET); err != nil {
		return err
	}
	for {
		one, more, err := d.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		names = append(names, one.name)
	}
	for _, name := range names {
		below := name
		if rel != "" {
			below = rel + "/" + name
		}
		shown := join(t.place.shown, below)
		if t.guard.names(idOf(&st), name) {
			return refuse(reserved, shown, "the path is reserved")
		}
		a, err := openChild(from, name)
		if err == unix.ENOTDIR || err == unix.ELOOP {
			if err := do(name, shown, from, to); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return failed(shown, err)
		}
		err = t.both(a, name, below, from, to, do)
		unix.Close(a)
		if err != nil {
			return err
		}
	}
	return nil
}

// both is for a directory of the tree.
func (t *tree) both(a int, name, rel string, from, to int, do step) error {
	shown := join(t.place.shown, rel)
	b, err := openChild(to, name)
	if err == unix.ENOENT || err == unix.ENOTDIR || err == unix.ELOOP {
		return do(name, shown, from, to)
	}
	if err != nil {
		return failed(shown, err)
	}
	defer unix.Close(b)
	var st unix.Stat_t
	if err := unix.Fstat(b, &st); err != nil {
		return failed(shown, err)
	}
	if t.guard.is(idOf(&st)) {
		return refuse(reserved, shown, "the path is reserved")
	}
	if isMountRoot(b) {
		return failed(shown, unix.EXDEV)
	}
	// One that is there already has a mode.
	delete(t.modes, rel)
	return t.over(a, b, rel, do)
}

// mayLay refuses what would fail later, when half of it is done.
func (t *tree) mayLay(name, shown string, from, to int) error {
	var mine, there unix.Stat_t
	if err := unix.Fstatat(to, name, &there, unix.AT_SYMLINK_NOFOLLOW); err == unix.ENOENT {
		return mayWrite(to, shown)
	} else if err != nil {
		return failed(shown, err)
	}
	if err := unix.Fstatat(from, name, &mine, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed(shown, err)
	}
	switch isDir := there.Mode&unix.S_IFMT == unix.S_IFDIR; {
	case mine.Mode&unix.S_IFMT == unix.S_IFDIR && !isDir:
		return failed(shown, unix.ENOTDIR)
	case isDir && mine.Mode&unix.S_IFMT != unix.S_IFDIR:
		return failed(shown, unix.EISDIR)
	}
	return mayWrite(to, shown)
}

func mayWrite(dir int, shown string) error {
	if err := unix.Faccessat(dir, ".", unix.W_OK|unix.X_OK, 0); err != nil {
		return failed(shown, err)
	}
	return nil
}

func (t *tree) lay(name, shown string, from, to int) error {
	if err := unix.Renameat(from, name, to, name); err != nil {
		return failed(shown, err)
	}
	return nil
}

// lateModes sets those that would have been in the way.
func (t *tree) lateModes() error {
	if len(t.modes) == 0 {
		return nil
	}
	top := t.fd
	if t.into {
		top = t.home
	}
	// What is below a directory comes before it: it may be out of reach afterwards.
	paths := slices.Sorted(maps.Keys(t.modes))
	slices.Reverse(paths)
	for _, path := range paths {
		dir, err := beneath(top, path)
		if err == nil {
			err = unix.Fchmod(dir, t.modes[path])
			unix.Close(dir)
		}
		if err != nil && err != unix.ENOENT {
			return failed(join(t.place.shown, path), err)
		}
	}
	return nil
}
