package files

import (
	"archive/tar"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// memberName gives the path from the target on, empty for the target itself.
func memberName(raw string) (string, error) {
	if strings.HasPrefix(raw, "/") {
		return "", refuse(badArchivePath, raw, "the path is absolute")
	}
	var names []string
	for _, name := range strings.Split(raw, "/") {
		switch name {
		case "", ".":
		case "..":
			return "", refuse(badArchivePath, raw, "the path leads upwards")
		default:
			names = append(names, name)
		}
	}
	name := strings.Join(names, "/")
	if len(name) > longestPath || strings.IndexByte(name, 0) >= 0 {
		return "", refuse(badArchivePath, raw, "that can be no path")
	}
	return name, nil
}

// checkLink refuses a symlink that leads out of the target. Steps upwards are allowed in front only, where they cannot be
// behind another symlink.
func checkLink(name, target string) error {
	if target == "" || target[0] == '/' || strings.IndexByte(target, 0) >= 0 {
		return refuse(badArchiveLink, name, "the symlink is not relative")
	}
	up, down := strings.Count(name, "/"), false
	for _, step := range strings.Split(target, "/") {
		switch step {
		case "", ".":
		case "..":
			if up--; up < 0 || down {
				return refuse(badArchiveLink, name, "the symlink leads out of the directory")
			}
		default:
			down = true
		}
	}
	return nil
}

// beneath opens a directory of the tree; it never goes through a symlink.
func beneath(top int, path string) (int, error) {
	return unix.Openat2(top, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
}

// inDir calls with the directory of a member, which is made if it is missing.
func (t *tree) inDir(name string, call func(dir int, last string) error) error {
	if name == "" {
		return refuse(badArchivePath, "", "the member has no name")
	}
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return call(t.fd, name)
	}
	dir, err := t.openMade(name[:slash])
	if err != nil {
		return memberError(name, err)
	}
	defer unix.Close(dir)
	return call(dir, name[slash+1:])
}

// openMade opens a directory of the tree and makes what is missing of it.
func (t *tree) openMade(path string) (int, error) {
	dir, err := beneath(t.fd, path)
	if err != unix.ENOENT {
		return dir, err
	}
	above, last := t.fd, path
	if slash := strings.LastIndexByte(path, '/'); slash >= 0 {
		if above, err = t.openMade(path[:slash]); err != nil {
			return -1, err
		}
		defer unix.Close(above)
		last = path[slash+1:]
	}
	if err := unix.Mkdirat(above, last, 0o755); err != nil {
		return -1, err
	}
	return openChild(above, last)
}

func memberError(name string, err error) error {
	switch err {
	case unix.ELOOP, unix.ENOTDIR, unix.EXDEV:
		return refuse(badArchivePath, name, "the path goes through something that is no directory")
	}
	return failed(name, err)
}

func (t *tree) directory(name string, mode uint32) error {
	dir, err := t.openMade(name)
	if err != nil {
		return memberError(name, err)
	}
	defer unix.Close(dir)
	// The last word on it counts.
	delete(t.modes, name)
	if mode&0o700 != 0o700 {
		t.modes[name] = mode
		mode |= 0o700
	}
	if err := unix.Fchmod(dir, mode); err != nil {
		return failed(name, err)
	}
	return nil
}

// fresh makes something new; what an earlier member put there goes, unless it is a directory.
func (t *tree) fresh(dir int, last, name string, make func() error) error {
	err := make()
	if err == unix.EEXIST {
		if err = unix.Unlinkat(dir, last, 0); err == nil {
			err = make()
		}
	}
	if err == unix.EISDIR {
		return refuse(badArchiveEntry, name, "the archive holds a directory of that name, too")
	}
	if err != nil {
		return failed(name, err)
	}
	return nil
}

func (t *tree) file(dir int, last, name string, mode uint32, h *tar.Header, contents io.Reader) error {
	out := replacement{place: &place{dir: dir, name: last, shown: name}, fd: -1, mode: mode}
	err := t.fresh(dir, last, name, func() (err error) {
		out.fd, err = unix.Openat(dir, last, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer out.close()
	if err := t.copy(&out, contents); err != nil {
		return archiveError(err)
	}
	if err := out.finish(); err != nil {
		return err
	}
	if modified := h.ModTime; !modified.Equal(time.Unix(0, 0)) && !modified.IsZero() {
		at := unix.NsecToTimespec(modified.UnixNano())
		// It is not worth a refusal.
		unix.UtimesNanoAt(unix.AT_FDCWD, descriptor(out.fd), []unix.Timespec{{Nsec: unix.UTIME_OMIT}, at}, 0)
	}
	t.files++
	t.bytes += uint64(out.at)
	return nil
}

func (t *tree) copy(out *replacement, contents io.Reader) error {
	if t.buf == nil {
		t.buf = make([]byte, blockBytes)
	}
	for {
		n, err := contents.Read(t.buf)
		if err := out.write(t.buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
