package files

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

const (
	// binaryBytes of a file are looked at for a zero, which text does not hold.
	binaryBytes = 8 << 10
	// largestSearched files are searched, bytes.
	largestSearched = 32 << 20
	// longestLine is looked at, bytes; the rest of a line is passed over.
	longestLine = 1 << 20
	// longestContent of a line is told, bytes.
	longestContent = 4096
)

// find tells the lines that fit.
func (s *server) find(m request) error {
	p, err := s.paths.resolve(m.path, how{follow: true})
	if err != nil {
		return err
	}
	defer p.close()
	var st unix.Stat_t
	if err := p.stat(&st); err != nil {
		return failed(p.shown, err)
	}
	f := finder{out: batch{link: s.link, kind: kindMatches}, left: m.limit, fits: lineMatcher(m.pattern)}
	if m.limit == 0 {
		return nil
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = s.findBelow(p, &f)
	} else {
		var fd int
		if fd, err = openFile(p, &st); err == nil {
			if st.Size <= largestSearched {
				err = f.search(fd, p.shown)
			}
			unix.Close(fd)
			if err != nil {
				err = failed(p.shown, err)
			}
		}
	}
	if err != nil && err != errEnough {
		return err
	}
	return f.out.flush()
}

func (s *server) findBelow(p *place, f *finder) error {
	top, err := openChild(p.dir, p.name)
	if err != nil {
		return failed(p.shown, err)
	}
	defer unix.Close(top)
	w := walker{guard: &s.paths.guard}
	w.visit = func(dir int, rel string, one dirent) (bool, error) {
		if one.kind != unix.DT_REG && one.kind != unix.DT_UNKNOWN {
			return true, nil
		}
		// What cannot be read is passed over, as what is no text.
		var st unix.Stat_t
		if unix.Fstatat(dir, one.name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			return true, nil
		}
		if st.Size == 0 || st.Size > largestSearched {
			return false, nil
		}
		in := place{dir: dir, name: one.name}
		fd, err := in.open(unix.O_RDONLY)
		if err != nil {
			return false, nil
		}
		defer unix.Close(fd)
		if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			return false, nil
		}
		err = f.search(fd, join(p.shown, rel))
		if _, unreadable := err.(unix.Errno); unreadable {
			err = nil
		}
		return false, err
	}
	if err := w.walk(top); err != nil {
		return failed(p.shown, err)
	}
	return nil
}

// lineMatcher takes what is no expression, and what is an expression of nothing but itself, as text.
func lineMatcher(pattern string) func([]byte) bool {
	expression, err := regexp.Compile(pattern)
	if err == nil {
		text, whole := expression.LiteralPrefix()
		if !whole {
			return expression.Match
		}
		pattern = text
	}
	text := []byte(pattern)
	return func(line []byte) bool { return bytes.Contains(line, text) }
}

// finder goes through one file after the other until it has told enough.
type finder struct {
	out  batch
	left uint32
	fits func([]byte) bool
	buf  []byte
}

// search goes through an open file. An errno is the file's, errEnough the limit's.
func (f *finder) search(fd int, path string) error {
	if f.buf == nil {
		f.buf = make([]byte, 0, 64<<10)
	}
	lines := lineReader{fd: fd, buf: f.buf[:0]}
	defer func() { f.buf = lines.buf }()
	for number := uint32(1); ; number++ {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !f.fits(line) {
			continue
		}
		content := shorten(line)
		err = f.out.add(func(b []byte) []byte { return appendMatch(b, path, number, content) })
		if err != nil {
			return err
		}
		if f.left--; f.left == 0 {
			return errEnough
		}
	}
}

// shorten makes text of a line.
func shorten(line []byte) string {
	cut := len(line) > longestContent
	if cut {
		line = line[:longestContent]
	}
	text := string(line)
	if cut {
		// A character that was cut through is left out.
		for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
			if last := text[len(text)-back:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRuneInString(last) {
					text = text[:len(text)-back]
				}
				break
			}
		}
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	for len(text) > longestContent {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// lineReader gives the lines of a file, without their ends. A binary file has none.
type lineReader struct {
	fd      int
	read    int    // bytes; a file may grow while it is read, and no more than of the largest is
	buf     []byte // buf[at:] is read and not yet given
	at      int
	started bool
	ended   bool
}

func (l *lineReader) next() ([]byte, error) {
	if !l.started {
		l.started = true
		if err := l.more(); err != nil {
			return nil, err
		}
		for !l.ended && len(l.buf) < binaryBytes {
			if err := l.more(); err != nil {
				return nil, err
			}
		}
		if bytes.IndexByte(l.buf[:min(len(l.buf), binaryBytes)], 0) >= 0 {
			return nil, io.EOF
		}
	}
	from := l.at
	for {
		if end := bytes.IndexByte(l.buf[from:], '\n'); end >= 0 {
			line := l.buf[l.at : from+end]
			l.at = from + end + 1
			return trimReturn(line), nil
		}
		if l.ended {
			if l.at == len(l.buf) {
				return nil, io.EOF
			}
			line := l.buf[l.at:]
			l.at = len(l.buf)
			return trimReturn(line), nil
		}
		if len(l.buf)-l.at >= longestLine {
			return l.cut()
		}
		from = len(l.buf) - l.at
		if err := l.more(); err != nil {
			return nil, err
		}
	}
}

// more moves what is not yet given to the front and reads behind it.
func (l *lineReader) more() error {
	l.buf = l.buf[:copy(l.buf, l.buf[l.at:])]
	l.at = 0
	if len(l.buf) == cap(l.buf) {
		l.buf = append(make([]byte, 0, 2*cap(l.buf)), l.buf...)
	}
	for {
		n, err := unix.Read(l.fd, l.buf[len(l.buf):cap(l.buf)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		l.read += n
		l.ended = n == 0 || l.read > largestSearched
		l.buf = l.buf[:len(l.buf)+n]
		return nil
	}
}

// cut gives the beginning of a line that is too long, and passes over the rest of it.
func (l *lineReader) cut() ([]byte, error) {
	line := append([]byte(nil), l.buf[l.at:l.at+longestLine]...)
	l.at += longestLine
	for {
		if end := bytes.IndexByte(l.buf[l.at:], '\n'); end >= 0 {
			l.at += end + 1
			return line, nil
		}
		l.at = len(l.buf)
		if l.ended {
			return line, nil
		}
		if err := l.more(); err != nil {
			return nil, err
		}
	}
}

func trimReturn(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
