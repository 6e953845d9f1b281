package files

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Reserved is the directory that belongs to the service: for users of this helper it is not there.
const Reserved = "/workspace/.nullspace"

// id says which file something is, whatever it is called.
type id struct{ dev, ino uint64 }

func idOf(st *unix.Stat_t) id { return id{uint64(st.Dev), st.Ino} }

// guard knows the reserved directory by its path, by its place in the directory above it, and by itself, for a bind
// mount or a symlink makes it reachable by other paths.
type guard struct {
	path    string
	above   id // of the directory that it is in
	has     bool
	self    id
	present bool
}

// look finds out what is there at present.
func (g *guard) look() {
	var st unix.Stat_t
	g.has = unix.Stat(path.Dir(g.path), &st) == nil
	g.above = idOf(&st)
	g.present = g.has && unix.Lstat(g.path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
	g.self = idOf(&st)
}

// covers says whether a path is the reserved one or below it.
func (g *guard) covers(p string) bool {
	return strings.HasPrefix(p, g.path) && (len(p) == len(g.path) || p[len(g.path)] == '/')
}

// names says whether that name in that directory is the reserved one.
func (g *guard) names(directory id, name string) bool {
	return g.has && directory == g.above && name == path.Base(g.path)
}

// is says whether something is the reserved directory itself.
func (g *guard) is(one id) bool { return g.present && one == g.self }

// below says whether a directory is in the reserved one, however it was come to.
func (g *guard) below(dir int) bool {
	if !g.present {
		return false
	}
	var last id
	for up := "."; ; up += "/.." {
		if len(up) > longestWay {
			// The rest of the way begins there.
			above, err := unix.Openat(dir, up, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				return false
			}
			defer unix.Close(above)
			dir, up = above, "."
		}
		var st unix.Stat_t
		// What may not be searched upwards was not come to from there.
		if unix.Fstatat(dir, up, &st, 0) != nil || idOf(&st) == last {
			return false
		}
		if last = idOf(&st); last == g.self {
			return true
		}
	}
}

// longestWay upwards is one path, bytes; the kernel takes a little more.
const longestWay = 1024

// holds says whether the reserved directory is there and is the given one or below it.
func (g *guard) holds(one id) bool {
	if !g.present {
		return false
	}
	var last id
	for up := g.path; ; up += "/.." {
		var st unix.Stat_t
		if unix.Stat(up, &st) != nil || idOf(&st) == last {
			return false
		}
		if last = idOf(&st); last == one {
			return true
		}
	}
}
