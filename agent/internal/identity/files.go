// Package identity is what makes a guest a machine of its own: clock, generator, names. The names live in small files
// on /run that init binds over the usual places, so that a renewal touches memory only and needs no process.
package identity

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Dir holds the files; the agent opens them once and keeps them.
const Dir = "/run/nullspace"

var bound = []struct{ file, target string }{
	{"machine-id", "/etc/machine-id"},
	{"hostname", "/etc/hostname"},
	{"hosts", "/etc/hosts"},
	{"boot_id", "/proc/sys/kernel/random/boot_id"},
}

// Prepare is init's part: copies what the image says to Dir and binds the copies over the originals.
func Prepare() error {
	if err := os.MkdirAll(Dir, 0o755); err != nil {
		return err
	}
	for _, b := range bound {
		text, err := os.ReadFile(b.target)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		file := filepath.Join(Dir, b.file)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, b.target, "", unix.MS_BIND, ""); err != nil {
			return &os.PathError{Op: "bind", Path: b.target, Err: err}
		}
	}
	if name, err := os.ReadFile(filepath.Join(Dir, "hostname")); err == nil {
		return unix.Sethostname([]byte(firstLine(name)))
	}
	return nil
}

func firstLine(text []byte) string {
	for i, c := range text {
		if c == '\n' {
			return string(text[:i])
		}
	}
	return string(text)
}
