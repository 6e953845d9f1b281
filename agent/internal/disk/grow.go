// Package disk makes the root filesystem as large as its disk, without starting a process.
package disk

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/sys"
)

// ioctlResize is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64): the new size in blocks.
const ioctlResize = 0x40086610

// Grow resizes the mounted filesystem to its device. A disk that has not grown is no error.
func Grow(device, mount string) error {
	dev, err := os.Open(device)
	if err != nil {
		return err
	}
	defer dev.Close()
	var bytes uint64
	if errno := sys.IoctlPtr(int(dev.Fd()), unix.BLKGETSIZE64, unsafe.Pointer(&bytes)); errno != 0 {
		return errors.New("size of " + device + ": " + errno.Error())
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
