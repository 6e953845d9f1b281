// Package guest is what process 1 does: make the kernel's view of a fresh boot into a usable system, then start the
// agent, start it again when it dies, and reap whatever nobody else waits for. The only reaper of orphans is here; the
// agent waits for its own children.
package guest

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/identity"
)

// Main never returns. Steps that a machine can do without are logged; a failure of init itself powers the machine off,
// so that the host sees an end instead of a silence.
func Main(self string) {
	defer func() {
		if r := recover(); r != nil {
			log("init: panic")
			powerOff()
		}
	}()
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(16 << 20)
	// Caught so that they do nothing: process 1 must not die of them, and children must not inherit "ignored".
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPWR,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM)
	unix.Umask(0o022)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"mounts", mountAll},
		{"kernel settings", setKernel},
		{"limits", setLimits},
		{"cgroups", makeCgroup},
		{"identity", identity.Prepare},
		{"network", setUpNetwork},
	} {
		if err := step.do(); err != nil {
			log("init: " + step.name + ": " + err.Error())
		}
	}
	supervise(self)
}

// setLimits gives children the usual open-file limits and keeps the killer of processes away from init and agent.
func setLimits() error {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: 1 << 19}); err != nil {
		return err
	}
	return os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
}

func powerOff() {
	syscall.Sync()
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

// log writes to the kernel's log: there may be no console.
func log(line string) {
	if fd, err := unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Write(fd, []byte(line+"\n"))
		unix.Close(fd)
	}
}
