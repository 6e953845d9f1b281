package account

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"nullspace.dev/agent/internal/sys"
)

// Names knows what numbers are called. Refresh it before each piece of work.
type Names struct {
	users, groups database
}

func NewNames(f Files) *Names {
	return &Names{users: database{path: f.Passwd}, groups: database{path: f.Group}}
}

// Refresh makes the next question look whether a file has changed.
func (n *Names) Refresh() { n.users.checked, n.groups.checked = false, false }

// User is empty when the number has no name.
func (n *Names) User(uid uint32) string { return n.users.name(uid) }

// Group is empty when the number has no name.
func (n *Names) Group(gid uint32) string { return n.groups.name(gid) }

// database is one of the two files, whose first field is a name and whose third its number.
type database struct {
	path    string
	checked bool
	version [4]int64
	names   map[uint32]string
}

func (d *database) name(number uint32) string {
	if !d.checked {
		d.load()
		d.checked = true
	}
	return d.names[number]
}

func (d *database) load() {
	var st syscall.Stat_t
	var version [4]int64
	if sys.Stat(d.path, &st) == 0 {
		version = [4]int64{int64(st.Ino), st.Size, st.Mtim.Nano(), st.Ctim.Nano()}
	}
	if d.names != nil && version == d.version {
		return
	}
	d.version, d.names = version, map[uint32]string{}
	text, _ := os.ReadFile(d.path)
	for _, line := range strings.Split(string(text), "\n") {
		field := strings.SplitN(line, ":", 4)
		if len(field) < 4 {
			continue
		}
		number, err := strconv.ParseUint(field[2], 10, 32)
		// The first entry of a number is its name, as for getpwuid.
		if _, has := d.names[uint32(number)]; err == nil && !has {
			d.names[uint32(number)] = field[0]
		}
	}
}
