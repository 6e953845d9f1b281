package files

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// code is why a request came to nothing.
type code uint8

const (
	notFound code = 1 + iota
	exists
	notDirectory
	isDirectory
	permissionDenied
	noSpace
	notEmpty
	reserved
	invalid
	tooMany
	loop
	readOnly
	unsupported
	badArchivePath
	badArchiveLink
	badArchiveEntry
	ioError
)

// refusal is an answer; every other error that comes up is the end of the link.
type refusal struct {
	code    code
	message string
}

func (r *refusal) Error() string { return r.message }

// longestMessage bounds what is said, bytes.
const longestMessage = 1024

// refuse names the path that it is about; the message is text whatever the path's bytes are.
func refuse(c code, path, why string) *refusal {
	if path != "" {
		path = strings.ToValidUTF8(path, "\ufffd") + ": "
	}
	if over := len(path) + len(why) - longestMessage; over > 0 && over < len(path) {
		path = "…" + strings.ToValidUTF8(path[over:], "")
	}
	return &refusal{c, path + why}
}

// failed says what a system call's error means for a path.
func failed(path string, err error) error {
	errno, ok := err.(syscall.Errno)
	if !ok {
		return err
	}
	return refuse(codeOf(errno), path, describe(errno))
}

func codeOf(errno syscall.Errno) code {
	switch errno {
	case unix.ENOENT:
		return notFound
	case unix.EEXIST:
		return exists
	case unix.ENOTDIR:
		return notDirectory
	case unix.EISDIR:
		return isDirectory
	case unix.EACCES, unix.EPERM:
		return permissionDenied
	case unix.ENOSPC, unix.EDQUOT:
		return noSpace
	case unix.ENOTEMPTY:
		return notEmpty
	case unix.ELOOP:
		return loop
	case unix.EROFS:
		return readOnly
	case unix.EINVAL, unix.ENAMETOOLONG:
		return invalid
	case unix.EOPNOTSUPP, unix.ENXIO, unix.ENODEV, unix.ESPIPE, unix.ENOSYS:
		return unsupported
	}
	return ioError
}

func describe(errno syscall.Errno) string {
	switch errno {
	case unix.EXDEV:
		return "it would go to another filesystem, which a rename cannot do"
	case unix.EBUSY:
		return "it is in use, as a mount point for example"
	}
	return errno.Error()
}
