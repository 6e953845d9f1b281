package guest

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mountAll mounts what the initramfs has not. /tmp stays on the disk: memory is the scarcer of the two.
func mountAll() error {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	var errs []error
	for _, m := range []struct {
		kind, dir string
		flags     uintptr
		data      string
	}{
		{"proc", "/proc", safe, ""},
		{"sysfs", "/sys", safe, ""},
		{"devtmpfs", "/dev", unix.MS_NOSUID, "mode=755"},
		{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
		{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
		{"cgroup2", "/sys/fs/cgroup", safe, ""},
	} {
		if isMountPoint(m.dir) {
			continue
		}
		os.MkdirAll(m.dir, 0o755)
		if err := unix.Mount(m.kind, m.dir, m.kind, m.flags, m.data); err != nil {
			errs = append(errs, &os.PathError{Op: "mount", Path: m.dir, Err: err})
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		os.Symlink(target, "/dev/"+name)
	}
	// Opening these loads their module; without a device manager nobody else would make them.
	os.MkdirAll("/dev/net", 0o755)
	for path, minor := range map[string]uint32{"/dev/net/tun": 200, "/dev/fuse": 229} {
		unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(10, minor)))
		os.Chmod(path, 0o666)
	}
	os.MkdirAll("/run/lock", 0o1777)
	os.Chmod("/run/lock", 0o1777)
	return errors.Join(errs...)
}

// isMountPoint compares a directory's device with its parent's.
func isMountPoint(dir string) bool {
	var own, parent unix.Stat_t
	return unix.Stat(dir, &own) == nil && unix.Stat(dir+"/..", &parent) == nil && own.Dev != parent.Dev
}

// setKernel sets what has no place on the kernel command line, which belongs to the host.
func setKernel() error {
	for path, value := range map[string]string{
		// A huge page would be zeroed and kept in the snapshot for the sake of a few kilobytes.
		"/sys/kernel/mm/transparent_hugepage/enabled": "madvise",
		// A restored guest was not stuck, it was frozen; and the watchdog wakes an idle one.
		"/proc/sys/kernel/watchdog":              "0",
		"/proc/sys/net/ipv4/ping_group_range":    "0 2147483647",
		"/proc/sys/fs/protected_hardlinks":       "1",
		"/proc/sys/fs/protected_symlinks":        "1",
		"/proc/sys/kernel/dmesg_restrict":        "1",
		"/proc/sys/vm/dirty_writeback_centisecs": "1500",
	} {
		os.WriteFile(path, []byte(value), 0)
	}
	return nil
}
