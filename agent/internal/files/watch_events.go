package files

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

func (w *watcher) takeAll(b []byte) error {
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask, cookie := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
		b = b[end:]
		if err := w.take(wd, mask, cookie, name); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) take(wd int32, mask, cookie uint32, name string) error {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		return w.overflow()
	}
	dir, known := w.dirs[wd]
	if !known {
		return nil
	}
	if mask&unix.IN_IGNORED != 0 {
		delete(w.dirs, wd)
	}
	if name == "" {
		return w.self(dir.rel, mask)
	}
	if w.only != "" && name != w.only || dir.home && w.paths.guard.names(w.paths.guard.above, name) {
		return nil
	}
	rel := name
	if dir.rel != "" {
		rel = dir.rel + "/" + name
	}
	if isTempName(name) {
		if mask&unix.IN_MOVED_FROM != 0 {
			w.published = cookie
		}
		return nil
	}
	if w.nameless(name, rel, mask) {
		return nil
	}
	if from := w.moved; from != nil && !(mask&unix.IN_MOVED_TO != 0 && from.cookie == cookie) {
		if err := w.left(); err != nil {
			return err
		}
	}
	return w.change(rel, mask, cookie)
}

// nameless says whether a change is of a file that has no name yet: the kernel then calls it by its number, as #123.
func (w *watcher) nameless(name, rel string, mask uint32) bool {
	if name[0] != '#' || mask&(unix.IN_ATTRIB|unix.IN_MODIFY|unix.IN_CLOSE_WRITE) == 0 {
		return false
	}
	var st unix.Stat_t
	return unix.Fstatat(w.place.dir, join(w.place.name, rel), &st, unix.AT_SYMLINK_NOFOLLOW) == unix.ENOENT
}

// self is about a watched directory; only of the top it is not told by the one above, too.
func (w *watcher) self(rel string, mask uint32) error {
	switch {
	case rel != "":
		return nil
	case mask&topGone != 0 || mask&unix.IN_IGNORED != 0:
		return w.gone()
	case mask&unix.IN_ATTRIB != 0 && w.only == "":
		return w.say(eventChmod, "")
	}
	return nil
}

func (w *watcher) change(rel string, mask, cookie uint32) error {
	isDir := mask&unix.IN_ISDIR != 0
	switch {
	case mask&unix.IN_CREATE != 0:
		return w.came(eventCreate, rel, isDir)
	case mask&unix.IN_MOVED_TO != 0:
		return w.movedTo(rel, isDir, cookie)
	case mask&unix.IN_MOVED_FROM != 0:
		w.moved = &movedFrom{cookie, rel, isDir, sys.Now()}
	case mask&unix.IN_DELETE != 0:
		delete(w.told, rel)
		w.writes.drop(rel)
		if w.only != "" {
			return w.gone()
		}
		return w.say(eventRemove, rel)
	case mask&(unix.IN_MODIFY|unix.IN_CLOSE_WRITE) != 0:
		return w.wrote(rel)
	case mask&unix.IN_ATTRIB != 0:
		return w.say(eventChmod, rel)
	}
	return nil
}

// came is about what was not there before.
func (w *watcher) came(event uint8, rel string, isDir bool) error {
	if w.told[rel] {
		delete(w.told, rel)
		return nil
	}
	if err := w.say(event, rel); err != nil {
		return err
	}
	if isDir && w.recursive {
		w.look(rel, true)
	}
	return nil
}

func (w *watcher) movedTo(rel string, isDir bool, cookie uint32) error {
	from := w.moved
	w.moved = nil
	switch {
	case from == nil && cookie == w.published && !isDir:
		return w.wrote(rel)
	case from == nil:
		return w.came(eventRename, rel, isDir)
	}
	w.writes.drop(rel)
	w.writes.rename(from.rel, rel)
	if isDir {
		w.movedDirs(from.rel, func(wd int32, dir watched) {
			dir.rel = rel + dir.rel[len(from.rel):]
			w.dirs[wd] = dir
		})
	}
	return w.say(eventRename, rel)
}

// left is about what was moved to where nobody watches.
func (w *watcher) left() error {
	from := w.moved
	w.moved = nil
	delete(w.told, from.rel)
	w.writes.drop(from.rel)
	if from.isDir {
		w.movedDirs(from.rel, func(wd int32, _ watched) {
			unix.InotifyRmWatch(w.inotify, uint32(wd))
			delete(w.dirs, wd)
		})
	}
	if w.only != "" {
		return w.gone()
	}
	return w.say(eventRemove, from.rel)
}

// movedDirs calls for those that are watched at or below a path. It looks at all of them, so it is not for every file.
func (w *watcher) movedDirs(rel string, call func(int32, watched)) {
	for wd, dir := range w.dirs {
		if dir.rel == rel || isBelow(dir.rel, rel) {
			call(wd, dir)
		}
	}
}

func (w *watcher) wrote(rel string) error {
	if !w.writes.write(rel, sys.Now()) {
		return nil
	}
	return w.say(eventWrite, rel)
}

func (w *watcher) gone() error {
	if err := w.say(eventRemove, w.only); err != nil {
		return err
	}
	return refuse(notFound, w.place.shown, "it is gone")
}

// say tells of a path; for the top that is empty, or the name of the file that is watched.
func (w *watcher) say(event uint8, rel string) error {
	path := w.place.shown
	if rel != "" && w.only == "" {
		path = join(path, rel)
	}
	return w.link.put(kindEvent, appendEvent(nil, event, path))
}
