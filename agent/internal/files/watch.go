package files

import (
	"io"
	"time"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

const (
	watchMask = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_ATTRIB | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK
	topGone = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_UNMOUNT

	// pairWait is how long the second half of a rename is waited for. The kernel says both in one breath.
	pairWait = 10 * time.Millisecond
)

// watcher tells what happens to files. It holds no directory open that it watches: a directory that is open is not
// gone for the kernel when it is removed. All paths are from the top on.
type watcher struct {
	*server
	place     *place
	only      string // the one name that counts, of a file that is watched
	recursive bool

	inotify int
	dirs    map[int32]watched
	// told has what a look into a new directory has found: the kernel's own word of that may still be on its way.
	told   map[string]bool
	writes throttle
	moved  *movedFrom
	// published is the rename of a file that this helper, or another, had made under a temporary name.
	published uint32
	missed    bool // not all could be watched, or heard
}

type watched struct {
	rel  string
	home bool // the reserved name is in it
}

// movedFrom is the first half of a rename.
type movedFrom struct {
	cookie uint32
	rel    string
	isDir  bool
	at     time.Duration
}

func (s *server) watch(m request) error {
	p, err := s.paths.resolve(m.path, how{follow: true})
	if err != nil {
		return err
	}
	defer p.close()
	var st unix.Stat_t
	if err := p.stat(&st); err != nil {
		return failed(p.shown, err)
	}
	w := watcher{server: s, place: p, recursive: m.recursive, dirs: map[int32]watched{}, told: map[string]bool{}}
	if w.inotify, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
		if err == unix.EMFILE || err == unix.ENFILE {
			return refuse(tooMany, "", "the user watches too much already")
		}
		return failed(p.shown, err)
	}
	defer unix.Close(w.inotify)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		// By its directory: what is saved under its name later is the same file to those who watch it.
		w.only, w.recursive = p.name, false
	}
	if err := w.begin(); err != nil {
		return err
	}
	if err := s.started(); err != nil {
		return err
	}
	return w.run()
}

// begin sets all watches; only the first of them must be possible.
func (w *watcher) begin() error {
	err := w.addTop()
	if err == unix.ENOSPC {
		return refuse(tooMany, w.place.shown, "the user watches too much already")
	}
	if err != nil {
		return failed(w.place.shown, err)
	}
	if w.recursive {
		w.look("", false)
	}
	return nil
}

// run tells until the host closes its end, or there is nothing to watch any more.
func (w *watcher) run() error {
	buf := make([]byte, 64<<10)
	fds := []unix.PollFd{{Fd: int32(w.link.in), Events: unix.POLLIN}, {Fd: int32(w.inotify), Events: unix.POLLIN}}
	for {
		if err := w.settle(); err != nil {
			return err
		}
		if err := w.link.flush(); err != nil {
			return err
		}
		if _, err := unix.Poll(fds, w.timeout()); err != nil && err != unix.EINTR {
			return failed(w.place.shown, err)
		}
		if fds[0].Revents != 0 || w.link.from < w.link.to {
			if _, _, err := w.link.next(); err == io.EOF {
				return errGone
			}
			return errProtocol
		}
		n, err := unix.Read(w.inotify, buf)
		if err == unix.EAGAIN || err == unix.EINTR {
			continue
		}
		if err != nil {
			return failed(w.place.shown, err)
		}
		if err := w.takeAll(buf[:n]); err != nil {
			return err
		}
	}
}

// settle does what is due, and what can be said once nothing is on its way.
func (w *watcher) settle() error {
	now := sys.Now()
	if waiting, _ := unix.IoctlGetInt(w.inotify, unix.TIOCINQ); waiting == 0 {
		clear(w.told)
		w.published = 0
		if w.moved != nil && now >= w.moved.at+pairWait {
			if err := w.left(); err != nil {
				return err
			}
		}
	}
	if w.missed {
		w.missed = false
		if err := w.say(eventOverflow, ""); err != nil {
			return err
		}
	}
	for _, rel := range w.writes.due(now) {
		if err := w.say(eventWrite, rel); err != nil {
			return err
		}
	}
	return nil
}

// timeout is until something is due, ms.
func (w *watcher) timeout() int {
	until := w.writes.next
	if w.moved != nil && (until == 0 || w.moved.at+pairWait < until) {
		until = w.moved.at + pairWait
	}
	if until == 0 {
		return -1
	}
	return int(max(0, until-sys.Now()+time.Millisecond-1) / time.Millisecond)
}
