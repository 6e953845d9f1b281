package guest

import (
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
	// steadyAfter is how long an agent must have lived for the next start to come at once.
	steadyAfter = 10 * time.Second
)

// supervise starts the agent and reaps. Its processes outlive it: they come to init when it dies.
func supervise(self string) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		log("init: /dev/null: " + err.Error())
		powerOff()
	}
	// The agent's last words go to the kernel's log; without one they are lost.
	words := null
	if kmsg, err := unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		words = kmsg
	}
	pause := firstPause
	for starts := 1; ; starts++ {
		began := time.Now()
		pid, err := syscall.ForkExec(self, []string{"nullspace-agent", "agent", strconv.Itoa(starts)}, &syscall.ProcAttr{
			Dir: "/",
			// One processor for the agent's one goroutine; no signals sent around to preempt it.
			Env:   []string{"GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"},
			Files: []uintptr{uintptr(null), uintptr(null), uintptr(words)},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
		if err != nil {
			log("init: cannot start the agent: " + err.Error())
		} else {
			reapUntil(pid)
			log("init: the agent ended")
		}
		if time.Since(began) > steadyAfter {
			pause = firstPause
		}
		time.Sleep(pause)
		pause = min(2*pause, longPause)
	}
}

// reapUntil collects ended children, adopted ones too, until the given one is among them.
func reapUntil(pid int) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if ended == pid || err == syscall.ECHILD {
			return
		}
	}
}
