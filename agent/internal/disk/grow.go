// Package disk makes the root filesystem as large as its disk, without starting a process.
package disk

import (
	"errors"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

// ioctlResize is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64): the new size in blocks.
const ioctlResize = 0x40086610

// The hypervisor enlarges a disk at once; the guest's driver takes note of it in work of its own, some time later.
const (
	patience = 10 * time.Second
	pause    = 2 * time.Millisecond
)

// Grow waits until the device has the size that it is about to get, in bytes, and makes the mounted filesystem that large.
func Grow(device, mount string, least uint64) error {
	dev, err := os.Open(device)
	if err != nil {
		return err
	}
	defer dev.Close()
	bytes, err := await(dev, least)
	if err != nil {
		return err
	}
	dir, err := os.Open(mount)
	if err != nil {
		return err
	}
	defer dir.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return err
	}
	blocks := bytes / uint64(st.Bsize)
	if blocks <= st.Blocks {
		return nil
	}
	if errno := sys.IoctlPtr(int(dir.Fd()), ioctlResize, unsafe.Pointer(&blocks)); errno != 0 {
		return errors.New("growing " + mount + ": " + errno.Error())
	}
	return nil
}

func await(device *os.File, least uint64) (uint64, error) {
	for began := time.Now(); ; time.Sleep(pause) {
		var bytes uint64
		if errno := sys.IoctlPtr(int(device.Fd()), unix.BLKGETSIZE64, unsafe.Pointer(&bytes)); errno != 0 {
			return 0, errors.New("size of " + device.Name() + ": " + errno.Error())
		}
		if bytes >= least {
			return bytes, nil
		}
		if time.Since(began) > patience {
			return 0, errors.New(device.Name() + " has " + strconv.FormatUint(bytes, 10) + " bytes still, not " + strconv.FormatUint(least, 10))
		}
	}
}
