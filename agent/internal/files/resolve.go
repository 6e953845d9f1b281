package files

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	longestPath = 4095
	maxHops     = 40
)

// resolver turns the host's paths into places. A place is a directory that is held open and a name in it, so that nobody
// can move things between the look and the deed.
type resolver struct {
	guard guard
	base  string // absolute
	home  string // absolute
}

// place is where something is or would be.
type place struct {
	dir  int    // opened for its path only
	name string // without a slash; "." for the root of all, and for nothing else
	// real is its path as the kernel has it, shown the one that is told: as it was asked for, if that can be said.
	real, shown string
}

func (p *place) close() { unix.Close(p.dir) }

func (p *place) stat(st *unix.Stat_t) error {
	return unix.Fstatat(p.dir, p.name, st, unix.AT_SYMLINK_NOFOLLOW)
}

func (p *place) open(flags int) (int, error) {
	return unix.Openat(p.dir, p.name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
}

// how a path is resolved.
type how struct {
	follow bool // a symlink at its end, too
	slash  bool // the same, if a slash is at its end
	make   bool // directories above it that are missing
}

// absolute refuses what can be no path.
func (r *resolver) absolute(p string) (string, error) {
	switch {
	case p == "":
		return "", refuse(invalid, "", "the path is empty")
	case strings.IndexByte(p, 0) >= 0:
		return "", refuse(invalid, "", "the path holds a zero byte")
	case p == "~":
		p = r.home
	case strings.HasPrefix(p, "~/"):
		p = join(r.home, p[2:])
	case p[0] != '/':
		p = join(r.base, p)
	}
	if len(p) > longestPath {
		return "", refuse(invalid, p, "the path is too long")
	}
	return p, nil
}

// resolve finds the place of a path; the caller closes it. Refused when it is reserved, by whatever way.
func (r *resolver) resolve(p string, h how) (*place, error) {
	abs, err := r.absolute(p)
	if err != nil {
		return nil, err
	}
	clean := path.Clean(abs)
	if r.guard.covers(clean) {
		return nil, refuse(reserved, clean, "the path is reserved")
	}
	found, err := r.at(unix.AT_FDCWD, abs, h, 0)
	if err != nil {
		return nil, failed(clean, err)
	}
	found.shown = clean
	// With a ".." behind a symlink the text says nothing about the place.
	if strings.Contains(abs+"/", "/../") {
		found.shown = found.real
	}
	return found, nil
}

func (r *resolver) at(from int, p string, h how, hops int) (*place, error) {
	if hops > maxHops {
		return nil, unix.ELOOP
	}
	trimmed := strings.TrimRight(p, "/")
	h.follow = h.follow || h.slash && len(trimmed) < len(p)
	slash := strings.LastIndexByte(trimmed, '/')
	above, name := trimmed[:max(slash, 0)], trimmed[slash+1:]
	switch {
	case slash == 0:
		above = "/"
	case slash < 0:
		above = "."
	}
	if name == "" || name == "." || name == ".." {
		return r.directory(from, p, h, hops)
	}
	dir, err := r.openDir(from, above, h.make)
	if err != nil {
		return nil, err
	}
	real, err := r.check(dir, name)
	if err != nil {
		unix.Close(dir)
		return nil, err
	}
	if h.follow {
		if _, err := readLink(dir, name); err == nil {
			defer unix.Close(dir)
			target, err := followed(dir, name)
			if err != nil {
				return nil, err
			}
			return r.at(dir, target, h, hops+1)
		}
	}
	return &place{dir: dir, name: name, real: real}, nil
}

// directory resolves a path that ends in no name, by what it leads to.
func (r *resolver) directory(from int, p string, h how, hops int) (*place, error) {
	if p == "" {
		return nil, unix.ENOENT
	}
	dir, err := r.openDir(from, p, h.make)
	if err != nil {
		return nil, err
	}
	real, err := realPath(dir)
	if err == nil && real == "/" {
		return &place{dir: dir, name: ".", real: "/"}, nil
	}
	unix.Close(dir)
	if err != nil {
		return nil, err
	}
	return r.at(unix.AT_FDCWD, real, h, hops+1)
}

// check refuses a name in a directory, wherever that really is, that is reserved or below it. It gives its path.
func (r *resolver) check(dir int, name string) (string, error) {
	real, err := realPath(dir)
	if err != nil {
		return "", err
	}
	real = join(real, name)
	var st unix.Stat_t
	bad := r.guard.covers(real)
	if !bad && r.guard.has && name == path.Base(r.guard.path) {
		bad = unix.Fstatat(dir, "", &st, unix.AT_EMPTY_PATH) == nil && r.guard.names(idOf(&st), name)
	}
	if !bad && r.guard.present {
		bad = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && r.guard.is(idOf(&st)) || r.guard.below(dir)
	}
	if bad {
		return "", refuse(reserved, real, "the path is reserved")
	}
	return real, nil
}

func (r *resolver) openDir(from int, p string, make bool) (int, error) {
	dir, err := unix.Openat(from, p, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != unix.ENOENT || !make {
		return dir, err
	}
	return r.makeDirs(from, p)
}

// makeDirs makes what is missing of a path, and opens its end.
func (r *resolver) makeDirs(from int, p string) (int, error) {
	start := "."
	if p[0] == '/' {
		start = "/"
	}
	dir, err := unix.Openat(from, start, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for _, name := range strings.Split(p, "/") {
		if err != nil {
			return -1, err
		}
		if name == "" || name == "." {
			continue
		}
		var next int
		next, err = unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT {
			next, err = r.makeDir(dir, name)
		}
		unix.Close(dir)
		dir = next
	}
	return dir, err
}

func (r *resolver) makeDir(dir int, name string) (int, error) {
	if _, err := r.check(dir, name); err != nil {
		return -1, err
	}
	if err := unix.Mkdirat(dir, name, 0o755); err != nil && err != unix.EEXIST {
		return -1, err
	}
	return unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// realPath is where an open directory is at this moment.
func realPath(dir int) (string, error) { return readLink(unix.AT_FDCWD, descriptor(dir)) }

// descriptor is a path that leads to an open file, whatever happens to its name.
func descriptor(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

func readLink(dir int, name string) (string, error) {
	var b [unix.PathMax]byte
	n, err := unix.Readlinkat(dir, name, b[:])
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

// followed gives the target of a symlink, unless it is somebody else's in a directory where everybody may write: it may be
// there for whoever comes by with more rights. The kernel has that rule (fs.protected_symlinks), but does not see this.
func followed(dir int, name string) (string, error) {
	link, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(link)
	var in, st unix.Stat_t
	if err := unix.Fstat(link, &st); err != nil {
		return "", err
	}
	if err := unix.Fstat(dir, &in); err != nil {
		return "", err
	}
	const shared = unix.S_ISVTX | unix.S_IWOTH
	if in.Mode&shared == shared && st.Uid != in.Uid && int(st.Uid) != unix.Geteuid() {
		return "", unix.EACCES
	}
	// Of what is no symlink by now there is no target, and it says so.
	return readLink(link, "")
}

func join(dir, name string) string {
	if dir == "/" {
		return dir + name
	}
	return dir + "/" + name
}
