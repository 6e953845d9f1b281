// Package account reads the guest's users and groups. The files are read anew whenever they may have changed: a user may
// have been added a moment ago.
package account

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// Account is what a process needs to know of the user that it runs as.
type Account struct {
	Name     string
	Home     string
	UID, GID uint32
	Groups   []uint32
}

// Root is the usual case, which needs no look into a file.
var Root = Account{Name: "root", Home: "/root"}

// Files names the two databases; tests have their own.
type Files struct{ Passwd, Group string }

// System is where they are.
var System = Files{"/etc/passwd", "/etc/group"}

// Find takes a name or a number; empty is root.
func (f Files) Find(user string) (Account, error) {
	if user == "" || user == "root" || user == "0" {
		return Root, nil
	}
	text, err := os.ReadFile(f.Passwd)
	if err != nil {
		return Account{}, errors.New("cannot read the users: " + err.Error())
	}
	for _, line := range strings.Split(string(text), "\n") {
		field := strings.Split(line, ":")
		if len(field) < 7 || field[0] != user && field[2] != user {
			continue
		}
		uid, err1 := strconv.ParseUint(field[2], 10, 32)
		gid, err2 := strconv.ParseUint(field[3], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		found := Account{Name: field[0], Home: field[5], UID: uint32(uid), GID: uint32(gid)}
		if found.Home == "" {
			found.Home = "/"
		}
		found.Groups = f.groupsOf(found.Name)
		return found, nil
	}
	return Account{}, errors.New("no user " + user)
}

// groupsOf lists the supplementary groups; without a group file there are none.
func (f Files) groupsOf(name string) []uint32 {
	text, _ := os.ReadFile(f.Group)
	var out []uint32
	for _, line := range strings.Split(string(text), "\n") {
		field := strings.Split(line, ":")
		if len(field) < 4 {
			continue
		}
		for _, member := range strings.Split(field[3], ",") {
			if member != name {
				continue
			}
			if gid, err := strconv.ParseUint(field[2], 10, 32); err == nil {
				out = append(out, uint32(gid))
			}
			break
		}
	}
	return out
}
