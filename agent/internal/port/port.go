// Package port finds and opens the virtio-serial port that the host knows by name.
package port

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const class = "/sys/class/virtio-ports"

var errMissing = errors.New("no virtio port of that name")

// Open waits until the port exists and is free: the device may still be probed, and the kernel hands a port to one
// process at a time, so an agent that follows a killed one may be early.
func Open(name string, wait time.Duration) (int, error) {
	deadline := time.Now().Add(wait)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		fd, err := open(name)
		if err == nil || time.Now().After(deadline) {
			return fd, err
		}
		time.Sleep(pause)
	}
}

func open(name string) (int, error) {
	entries, err := os.ReadDir(class)
	if err != nil {
		return -1, err
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(class, entry.Name(), "name"))
		if err == nil && strings.TrimSpace(string(text)) == name {
			return unix.Open("/dev/"+entry.Name(), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		}
	}
	return -1, errMissing
}
