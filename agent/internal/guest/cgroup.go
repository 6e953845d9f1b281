package guest

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Cgroup is where every process that the host asks for starts.
const Cgroup = "/sys/fs/cgroup/user"

const (
	// headroom is kept from the guest's processes for kernel and agent, bytes.
	headroom = 24 << 20
	minPids  = 512
	maxPids  = 16384
)

// makeCgroup bounds what processes may take together: a fork bomb or a memory hog ends inside it. The cpu controller is
// on without a limit: as one group the processes share the processor with the agent, however many they are.
func makeCgroup() error {
	if err := os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+cpu +memory +pids"), 0); err != nil {
		return err
	}
	if err := os.MkdirAll(Cgroup, 0o755); err != nil {
		return err
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err
	}
	total := uint64(info.Totalram) * uint64(info.Unit)
	if err := write("memory.max", total-min(headroom, total/4)); err != nil {
		return err
	}
	return write("pids.max", pidLimit(total, threadsMax()))
}

// pidLimit grows with memory and leaves a tenth of the kernel's own limit to init, agent and kernel threads.
func pidLimit(totalBytes, threads uint64) uint64 {
	return min(max(totalBytes>>17, minPids), maxPids, threads*9/10)
}

func threadsMax() uint64 {
	text, err := os.ReadFile("/proc/sys/kernel/threads-max")
	if err != nil {
		return maxPids
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return maxPids
	}
	return n
}

func write(file string, value uint64) error {
	return os.WriteFile(Cgroup+"/"+file, []byte(strconv.FormatUint(value, 10)), 0)
}
