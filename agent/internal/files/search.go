package files

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/wire"
)

// search tells the paths that fit a glob.
func (s *server) search(m request) error {
	p, fd, err := s.openTop(m.path)
	if err != nil {
		return err
	}
	defer p.close()
	defer unix.Close(fd)
	left := m.limit
	if left == 0 {
		return nil
	}
	out := batch{link: s.link, kind: kindNames}
	pattern := strings.TrimPrefix(m.pattern, "./")
	byName, fromRoot := !strings.Contains(pattern, "/"), strings.HasPrefix(pattern, "/")
	w := walker{guard: &s.paths.guard}
	w.visit = func(_ int, rel string, one dirent) (bool, error) {
		path := join(p.shown, rel)
		subject := rel
		switch {
		case byName:
			subject = one.name
		case fromRoot:
			subject = path
		}
		if !globPath(pattern, subject) {
			return true, nil
		}
		if err := out.add(func(b []byte) []byte { return wire.AppendStr(b, path) }); err != nil {
			return false, err
		}
		if left--; left == 0 {
			return false, errEnough
		}
		return true, nil
	}
	if err := w.walk(fd); err != nil && err != errEnough {
		return failed(p.shown, err)
	}
	return out.flush()
}

// globPath fits a path to a pattern, name by name; `**` stands for any number of names, also none.
func globPath(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	w, h := 0, 0
	// Where the last ** was, and how much it stands for so far.
	star, taken := -1, 0
	for h < len(have) {
		switch {
		case w < len(want) && want[w] == "**":
			star, taken = w, h
			w++
		case w < len(want) && globName(want[w], have[h]):
			w++
			h++
		case star >= 0:
			taken++
			w, h = star+1, taken
		default:
			return false
		}
	}
	// Behind the last name only ** fits, and not what is above all: `a/**` is what is in a.
	return w == len(want)
}

// globName fits one name: `*` any characters, `?` one, `[a-z]` and `[!a-z]` one of a set, `\` takes the next as it is.
func globName(pattern, name string) bool {
	p, n := 0, 0
	star, taken := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, taken = p, n
			p++
			continue
		}
		if p < len(pattern) {
			if pn, nn, ok := globOne(pattern[p:], name[n:]); ok {
				p, n = p+pn, n+nn
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(name[taken:])
		taken += size
		p, n = star+1, taken
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globOne fits the first element of a pattern to the first character of a name, and says how long both are.
func globOne(pattern, name string) (patternBytes, nameBytes int, ok bool) {
	char, size := utf8.DecodeRuneInString(name)
	switch pattern[0] {
	case '?':
		return 1, size, true
	case '[':
		if length, fits, whole := globSet(pattern, char, name[:size]); whole {
			return length, size, fits
		}
	case '\\':
		if len(pattern) > 1 {
			return 2, 1, pattern[1] == name[0]
		}
	}
	return 1, 1, pattern[0] == name[0]
}

// globSet reads a set; one that does not end is a bracket as any other character.
func globSet(pattern string, char rune, raw string) (length int, fits, whole bool) {
	at := 1
	negated := at < len(pattern) && (pattern[at] == '!' || pattern[at] == '^')
	if negated {
		at++
	}
	next := func() (rune, string) {
		if pattern[at] == '\\' && at+1 < len(pattern) {
			at++
		}
		r, size := utf8.DecodeRuneInString(pattern[at:])
		at += size
		return r, pattern[at-size : at]
	}
	for first := true; at < len(pattern) && (first || pattern[at] != ']'); first = false {
		low, lowRaw := next()
		if at+1 < len(pattern) && pattern[at] == '-' && pattern[at+1] != ']' {
			at++
			high, _ := next()
			fits = fits || low <= char && char <= high
			continue
		}
		fits = fits || lowRaw == raw
	}
	if at >= len(pattern) {
		return 0, false, false
	}
	return at + 1, fits != negated, true
}
