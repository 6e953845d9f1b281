package files

import (
	"io"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"nullspace.dev/agent/internal/account"
	"nullspace.dev/agent/internal/wire"
)

// server answers one request after the other.
type server struct {
	link  *link
	paths resolver
	names *account.Names
}

// Run serves until the host closes its end. Relative paths begin at base; when that is empty, at the user's home
// directory if there is one, else where machines are worked in.
func Run(in, out int, base string) error {
	// Collect only what a large tree or a long watch leaves behind, from 8 MiB on: a guest may have dozens of these.
	debug.SetGCPercent(200)
	// Modes are meant as they are told.
	unix.Umask(0)
	err := newServer(in, out, base, Reserved).serve()
	if err == errGone {
		return nil
	}
	return err
}

func newServer(in, out int, base, reserved string) *server {
	home := os.Getenv("HOME")
	if !strings.HasPrefix(home, "/") {
		home = "/"
	}
	s := &server{link: newLink(in, out), names: account.NewNames(account.System)}
	s.paths = resolver{guard: guard{path: reserved}, base: "/", home: home}
	if base == "" {
		base = firstDirectory(home, "/workspace", "/")
	}
	if abs, err := s.paths.absolute(base); err == nil {
		s.paths.base = abs
	}
	return s
}

func firstDirectory(candidates ...string) string {
	var st unix.Stat_t
	for _, one := range candidates {
		if unix.Stat(one, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return one
		}
	}
	return "/"
}

func (s *server) serve() error {
	for {
		kind, payload, err := s.link.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.answer(kind, payload); err != nil {
			return err
		}
	}
}

// answer ends with Done or Refused; its error is the end of the link.
func (s *server) answer(kind uint8, payload []byte) error {
	err := s.do(kind, payload)
	if err == errAnswered {
		return nil
	}
	if r, ok := err.(*refusal); ok {
		return s.refused(r)
	}
	if err != nil {
		return err
	}
	if err := s.link.put(kindDone, nil); err != nil {
		return err
	}
	return s.link.flush()
}

func (s *server) do(kind uint8, payload []byte) error {
	if !isRequest(kind) {
		return refuse(unsupported, "", "this agent does not know that request")
	}
	m, ok := decode(kind, payload)
	if !ok {
		return refuse(invalid, "", "the request ends early")
	}
	s.names.Refresh()
	s.paths.guard.look()
	switch kind {
	case kindStat:
		return s.stat(m)
	case kindList:
		return s.list(m)
	case kindRead:
		return s.read(m)
	case kindWrite:
		return s.write(m)
	case kindMakeDir:
		return s.makeDir(m)
	case kindRename:
		return s.rename(m)
	case kindRemove:
		return s.remove(m)
	case kindChmod:
		return s.chmod(m)
	case kindFind:
		return s.find(m)
	case kindSearch:
		return s.search(m)
	case kindReplace:
		return s.replace(m)
	case kindWatch:
		return s.watch(m)
	case kindPack:
		return s.pack(m)
	}
	return s.unpack(m)
}

// errAnswered: the last word has been said.
var errAnswered = &refusal{}

func (s *server) refused(r *refusal) error {
	b := append(make([]byte, 0, 64), byte(r.code))
	if err := s.link.put(kindRefused, wire.AppendStr(b, r.message)); err != nil {
		return err
	}
	return s.link.flush()
}

func (s *server) started() error {
	if err := s.link.put(kindStarted, nil); err != nil {
		return err
	}
	return s.link.flush()
}

// receive says Started and lets take have what comes. When that fails, the host hears of it at once, and the rest of
// what it sends is dropped.
func (s *server) receive(take func(*incoming) error) error {
	if err := s.started(); err != nil {
		return err
	}
	in := &incoming{link: s.link}
	err := take(in)
	r, isRefusal := err.(*refusal)
	if err != nil && !isRefusal {
		return err
	}
	if isRefusal {
		if err := s.refused(r); err != nil {
			return err
		}
	}
	if err := in.drop(); err != nil {
		return err
	}
	if isRefusal {
		return errAnswered
	}
	return nil
}
