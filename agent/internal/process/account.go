package process

import (
	"os"
	"strconv"
	"strings"

	"nullspace.dev/agent/internal/wire"
)

// account is what a process needs to know of the user that it runs as. The files are read at every start: a user may
// have been added a moment ago, and root, the usual case, needs no look.
type account struct {
	name     string
	home     string
	uid, gid uint32
	groups   []uint32
}

var rootAccount = account{name: "root", home: "/root"}

// accounts names the two databases; tests have their own.
type accounts struct{ passwd, group string }

func (a accounts) find(user string) (account, *wire.Failure) {
	if user == "" || user == "root" || user == "0" {
		return rootAccount, nil
	}
	text, err := os.ReadFile(a.passwd)
	if err != nil {
		return account{}, &wire.Failure{Reason: wire.BadUser, Message: "cannot read the users: " + err.Error()}
	}
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 || f[0] != user && f[2] != user {
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		found := account{name: f[0], home: f[5], uid: uint32(uid), gid: uint32(gid)}
		if found.home == "" {
			found.home = "/"
		}
		found.groups = a.groupsOf(found.name)
		return found, nil
	}
	return account{}, &wire.Failure{Reason: wire.BadUser, Message: "no user " + user}
}

// groupsOf lists the supplementary groups; without a group file there are none.
func (a accounts) groupsOf(name string) []uint32 {
	text, _ := os.ReadFile(a.group)
	var out []uint32
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		for _, member := range strings.Split(f[3], ",") {
			if member != name {
				continue
			}
			if gid, err := strconv.ParseUint(f[2], 10, 32); err == nil {
				out = append(out, uint32(gid))
			}
			break
		}
	}
	return out
}
