package files

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// largestReplaced files are changed, bytes.
const largestReplaced = 64 << 20

// replace changes text in files, each of them at once, and says of each what became of it.
func (s *server) replace(m request) error {
	if m.pattern == "" {
		return refuse(invalid, "", "there is no text to replace")
	}
	// What must not be asked for is refused before anything is changed.
	for _, path := range m.paths {
		p, err := s.paths.resolve(path, how{follow: true})
		if err == nil {
			p.close()
		} else if skipOf(err) == skipNone {
			return err
		}
	}
	for _, path := range m.paths {
		count, skipped, err := s.replaceIn(path, m)
		if err != nil {
			if skipped = skipOf(err); skipped == skipNone {
				return err
			}
			count = 0
		}
		if err := s.link.put(kindReplaced, appendReplaced(nil, path, count, skipped)); err != nil {
			return err
		}
	}
	return nil
}

// skipOf says whether an error is one for which a file is left alone.
func skipOf(err error) uint8 {
	r, ok := err.(*refusal)
	if !ok {
		return skipNone
	}
	switch r.code {
	case notFound, notDirectory, loop:
		return skipMissing
	case permissionDenied, readOnly:
		return skipDenied
	case isDirectory, unsupported:
		return skipNotAFile
	}
	return skipNone
}

func (s *server) replaceIn(path string, m request) (count uint64, skipped uint8, err error) {
	p, err := s.paths.resolve(path, how{follow: true})
	if err != nil {
		return 0, 0, err
	}
	defer p.close()
	var st unix.Stat_t
	fd, err := openFile(p, &st)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	if st.Size > largestReplaced {
		return 0, skipTooLarge, nil
	}
	r := replacer{fd: fd, pattern: []byte(m.pattern), replacement: []byte(m.replacement)}
	switch err := r.run(nil); {
	case err == errBinary:
		return 0, skipBinary, nil
	case err == errTooLarge:
		return 0, skipTooLarge, nil
	case err != nil:
		return 0, 0, failed(p.shown, err)
	case r.count == 0 || m.dryRun:
		return r.count, skipNone, nil
	}
	f, err := newReplacement(p, &st)
	if err != nil {
		return 0, 0, err
	}
	defer f.close()
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return 0, 0, failed(p.shown, err)
	}
	if err := r.run(f.write); err == errBinary {
		return 0, skipBinary, nil
	} else if err == errTooLarge {
		return 0, skipTooLarge, nil
	} else if err != nil {
		return 0, 0, failed(p.shown, err)
	}
	return r.count, skipNone, f.commit(false)
}

// errBinary: there is a zero where text would have none.
var errBinary = &refusal{}

// errTooLarge: there is more to read than the file said it had.
var errTooLarge = &refusal{}

// replacer goes through a file with a window that is a little larger than the pattern.
type replacer struct {
	fd                   int
	pattern, replacement []byte
	count                uint64
	buf                  []byte
}

// run counts, and gives the new contents to out if there is one.
func (r *replacer) run(out func([]byte) error) error {
	if out == nil {
		out = func([]byte) error { return nil }
	}
	if r.buf == nil {
		r.buf = make([]byte, blockBytes+len(r.pattern))
	}
	r.count = 0
	held := 0 // bytes at the front that are not yet decided on
	left := int64(largestReplaced)
	for first := true; ; first = false {
		n, err := readFull(r.fd, r.buf[held:])
		if err != nil {
			return err
		}
		if left -= int64(n); left < 0 {
			return errTooLarge
		}
		data := r.buf[:held+n]
		if first && bytes.IndexByte(data[:min(len(data), binaryBytes)], 0) >= 0 {
			return errBinary
		}
		rest, err := r.pass(data, out)
		if err != nil {
			return err
		}
		if len(data) < len(r.buf) {
			return out(rest)
		}
		// The pattern may begin in the last of it.
		sure := max(0, len(rest)-len(r.pattern)+1)
		if err := out(rest[:sure]); err != nil {
			return err
		}
		held = copy(r.buf, rest[sure:])
	}
}

// pass replaces what is whole, and gives what is behind the last.
func (r *replacer) pass(data []byte, out func([]byte) error) ([]byte, error) {
	for {
		at := bytes.Index(data, r.pattern)
		if at < 0 {
			return data, nil
		}
		r.count++
		if err := out(data[:at]); err != nil {
			return nil, err
		}
		if err := out(r.replacement); err != nil {
			return nil, err
		}
		data = data[at+len(r.pattern):]
	}
}
