package process

import (
	"syscall"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/account"
	"nullspace.dev/agent/internal/loop"
	"nullspace.dev/agent/internal/sys"
	"nullspace.dev/agent/internal/wire"
)

// Spawner starts processes. os/exec is left out on purpose: it starts goroutines per pipe and checks more than a cold
// code cache should have to translate.
type Spawner struct {
	loop   *loop.Loop
	null   int // /dev/null, standard input of those that get none
	cgroup int // directory of the cgroup that children start in, or -1
	oomAdj int // the agent's own oom_score_adj, or -1
	// Budget bounds the logs of all that it starts.
	Budget Budget
}

// NewSpawner opens what every start needs. A cgroup that is not there (tests) is no error.
func NewSpawner(l *loop.Loop, cgroup string) (*Spawner, error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s := &Spawner{loop: l, null: null, cgroup: -1, oomAdj: -1}
	if cgroup != "" {
		if fd, err := unix.Open(cgroup, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err == nil {
			s.cgroup = fd
		}
		if fd, err := unix.Open("/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
			s.oomAdj = fd
		}
	}
	return s, nil
}

// Start starts a process of its own group; the error is a *wire.Failure.
func (s *Spawner) Start(stream uint32, m *wire.ExecStart) (*Process, *wire.Failure) {
	if m.Cwd == "" || m.Cwd[0] != '/' {
		return nil, &wire.Failure{Reason: wire.BadCwd, Message: "the working directory must be an absolute path"}
	}
	if len(m.Argv) == 0 {
		return nil, &wire.Failure{Reason: wire.ProgramNotFound, Message: "no program was named"}
	}
	user, failure := findAccount(m.User)
	if failure != nil {
		return nil, failure
	}
	env := environment(user, m.Env)
	program, failure := lookPath(m.Argv[0], env)
	if failure != nil {
		return nil, failure
	}
	var stdio stdio
	var err error
	if m.Terminal {
		stdio, err = openTerminal(m.Cols, m.Rows, user.UID)
	} else {
		stdio, err = openStdio(m.Stdin, s.null)
	}
	if err != nil {
		return nil, &wire.Failure{Reason: wire.NoResources, Message: "no descriptors left: " + err.Error()}
	}
	p := newProcess(s.loop, &s.Budget, stream, m)
	attr := syscall.ProcAttr{Dir: m.Cwd, Env: env, Files: stdio.child[:], Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &p.pidfd}}
	if m.Terminal {
		attr.Sys.Setctty, attr.Sys.Ctty = true, 0
	}
	if user.UID != 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID, Groups: user.Groups}
	}
	if s.cgroup >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, s.cgroup
	}
	s.setOomAdj("0")
	p.Pid, err = syscall.ForkExec(program, m.Argv, &attr)
	s.setOomAdj("-1000")
	stdio.closeChild(s.null)
	if err != nil {
		stdio.closeOwn()
		return nil, startFailure(err, program, m, user)
	}
	if err := p.adopt(stdio); err != nil {
		p.signal(syscall.SIGKILL)
		return nil, &wire.Failure{Reason: wire.NoResources, Message: "cannot watch the process: " + err.Error()}
	}
	return p, nil
}

// setOomAdj changes the agent's own score for the moment in which the child inherits it. Writing the child's
// afterwards would be late: it may have forked by then.
func (s *Spawner) setOomAdj(value string) {
	if s.oomAdj >= 0 {
		sys.Write(s.oomAdj, []byte(value))
	}
}

// startFailure finds out after the fact what was wrong, so that a start that succeeds checks nothing twice.
func startFailure(err error, program string, m *wire.ExecStart, user account.Account) *wire.Failure {
	errno, _ := err.(syscall.Errno)
	var st syscall.Stat_t
	// The process looked from its own directory.
	seen := program
	if program[0] != '/' {
		seen = m.Cwd + "/" + program
	}
	cwd := sys.Stat(m.Cwd, &st)
	if cwd == 0 && st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		cwd = syscall.ENOTDIR
	}
	switch {
	case errno == syscall.EINVAL:
		return &wire.Failure{Reason: wire.ProgramNotFound, Message: "an argument, variable or path holds a zero byte"}
	case cwd != 0:
		return &wire.Failure{Reason: wire.BadCwd, Message: m.Cwd + ": " + cwd.Error()}
	case errno == syscall.ENOENT || errno == syscall.ENOTDIR || errno == syscall.ELOOP || errno == syscall.ENAMETOOLONG:
		if sys.Stat(seen, &st) == 0 {
			return &wire.Failure{Reason: wire.ProgramNotFound, Message: "the interpreter of " + program + " is missing"}
		}
		return &wire.Failure{Reason: wire.ProgramNotFound, Message: "no program " + program}
	case errno == syscall.EACCES && sys.Stat(seen, &st) == 0 && st.Mode&syscall.S_IFMT == syscall.S_IFREG && st.Mode&0o111 != 0:
		return &wire.Failure{Reason: wire.NotExecutable, Message: user.Name + " may not run " + program + " in " + m.Cwd}
	case errno == syscall.EACCES || errno == syscall.EPERM || errno == syscall.ENOEXEC || errno == syscall.ETXTBSY || errno == syscall.EISDIR:
		return &wire.Failure{Reason: wire.NotExecutable, Message: program + ": " + errno.Error()}
	case errno == syscall.EAGAIN || errno == syscall.ENOMEM || errno == syscall.EMFILE || errno == syscall.ENFILE || errno == syscall.E2BIG:
		return &wire.Failure{Reason: wire.NoResources, Message: program + ": " + errno.Error()}
	}
	return &wire.Failure{Reason: wire.IO, Message: program + ": " + err.Error()}
}
