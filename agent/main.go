// The guest's own program, in three roles: as process 1 it is init, with the argument "agent" it is the agent that the
// host talks to, with "files" a helper for the files of the user that it runs as. One binary, so that one file is cached
// and one version is in a guest.
package main

import (
	"errors"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"nullspace.dev/agent/internal/disk"
	"nullspace.dev/agent/internal/files"
	"nullspace.dev/agent/internal/guest"
	"nullspace.dev/agent/internal/identity"
	"nullspace.dev/agent/internal/port"
	"nullspace.dev/agent/internal/session"
	"nullspace.dev/agent/internal/stat"
	"nullspace.dev/agent/internal/tcp"
	"nullspace.dev/agent/internal/wire"
)

const (
	version  = "0.2.0"
	binary   = "/usr/lib/nullspace/agent"
	portName = "agent"
	rootDisk = "/dev/vda"
)

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "agent":
		if err := runAgent(os.Args[2:]); err != nil {
			os.Stderr.WriteString("agent: " + err.Error() + "\n")
			os.Exit(1)
		}
	case len(os.Args) == 3 && os.Args[1] == "files":
		if err := files.Run(0, 1, os.Args[2]); err != nil {
			os.Stderr.WriteString("files: " + err.Error() + "\n")
			os.Exit(1)
		}
	case os.Getpid() == 1:
		guest.Main(binary)
	default:
		os.Stderr.WriteString("nullspace guest agent " + version + "; started by the guest's init\n")
		os.Exit(2)
	}
}

func runAgent(args []string) error {
	// Collect only when the heap is worth it: never in the life of an ordinary guest.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(24 << 20)
	starts := uint64(1)
	if len(args) > 0 {
		starts, _ = strconv.ParseUint(args[0], 10, 32)
	}
	keeper, err := identity.Open()
	if err != nil {
		return err
	}
	fd, err := port.Open(portName, 10*time.Second)
	if err != nil {
		return err
	}
	s, err := session.New(session.Config{
		Port: fd, Version: version, Starts: uint32(starts), Machine: machine{keeper, tcp.Open(), stat.Open()}, Cgroup: guest.Cgroup,
	})
	if err != nil {
		return err
	}
	return s.Run()
}

type machine struct {
	keeper      *identity.Keeper
	connections *tcp.Connections
	stat        *stat.Reader
}

// Renew ends connections first: they are to say nothing in the name of the machine that this one was made from.
func (m machine) Renew(id *wire.Identity) error {
	if id.Disconnect {
		if err := m.connections.End(); err != nil {
			return errors.New("connections: " + err.Error())
		}
	}
	return m.keeper.Renew(id)
}

func (m machine) GrowDisk(bytes uint64) error { return disk.Grow(rootDisk, "/", bytes) }
func (m machine) SetClock(nowNs uint64)       { m.keeper.SetClock(nowNs) }
func (m machine) Stat(into *wire.GuestStat)   { m.stat.Read(into) }
