package files

import (
	"golang.org/x/sys/unix"
)

func (w *watcher) addTop() error {
	fd := w.place.dir
	if w.only == "" {
		var err error
		if fd, err = openChild(w.place.dir, w.place.name); err != nil {
			return err
		}
		defer unix.Close(fd)
	}
	mask := uint32(watchMask)
	if w.only == "" {
		mask |= unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	}
	return w.addOpen(fd, "", mask)
}

func (w *watcher) addOpen(fd int, rel string, mask uint32) error {
	wd, err := unix.InotifyAddWatch(w.inotify, descriptor(fd), mask)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	home := unix.Fstat(fd, &st) == nil && w.paths.guard.has && idOf(&st) == w.paths.guard.above
	w.dirs[int32(wd)] = watched{rel, home}
	return nil
}

// look goes through a directory that is watched, watches what is below it, and tells what it finds if it is new.
func (w *watcher) look(rel string, tell bool) {
	fd, err := unix.Openat2(w.place.dir, join(w.place.name, rel), &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		// One that is gone again is heard of; one that may not be read is not watched.
		w.missed = w.missed || err == unix.EAGAIN
		return
	}
	defer unix.Close(fd)
	if rel != "" && !w.watchOpen(fd, rel) {
		return
	}
	k := walker{guard: &w.paths.guard}
	k.visit = func(dir int, below string, one dirent) (bool, error) {
		if rel != "" {
			below = rel + "/" + below
		}
		return w.found(dir, below, one, tell)
	}
	if k.walk(fd) != nil {
		w.missed = true
	}
}

// found sees one thing in the course of a look.
func (w *watcher) found(dir int, rel string, one dirent, tell bool) (enter bool, err error) {
	if isTempName(one.name) {
		return false, nil
	}
	var st unix.Stat_t
	if unix.Fstatat(dir, one.name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || w.paths.guard.is(idOf(&st)) {
		return false, nil
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if tell && !w.told[rel] {
		w.told[rel] = true
		if err := w.say(eventCreate, rel); err != nil {
			return false, err
		}
		if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size > 0 {
			if err := w.wrote(rel); err != nil {
				return false, err
			}
		}
	}
	if !isDir {
		return false, nil
	}
	child, err := openChild(dir, one.name)
	if err != nil {
		return false, nil
	}
	defer unix.Close(child)
	// The watch first: what comes in after it is heard of, what came before it is found.
	return w.watchOpen(child, rel), nil
}

// watchOpen watches a directory below the top; false when there is no point in going into it.
func (w *watcher) watchOpen(fd int, rel string) bool {
	if isKernels(fd) {
		return false
	}
	err := w.addOpen(fd, rel, watchMask)
	w.missed = w.missed || err == unix.ENOSPC
	return err == nil
}

// overflow looks anew for what is to be watched; what has changed meanwhile nobody knows.
func (w *watcher) overflow() error {
	w.missed, w.moved = true, nil
	clear(w.dirs)
	clear(w.told)
	if err := w.addTop(); err != nil {
		return w.gone()
	}
	if w.recursive {
		w.look("", false)
	}
	return nil
}
