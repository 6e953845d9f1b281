package files

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds every wait.
const patience = 20 * time.Second

// helperMode makes the test's own program a helper: one that runs as somebody else.
const helperMode = "NULLSPACE_TEST_FILES_RESERVED"

func TestMain(m *testing.M) {
	unix.Umask(0)
	if reserved := os.Getenv(helperMode); reserved != "" {
		if err := newServer(0, 1, os.Args[1], reserved).serve(); err != nil && err != errGone {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// host talks to a helper whose base is dir, and for whom dir/workspace/.nullspace is reserved.
type host struct {
	t    *testing.T
	dir  string
	in   *os.File
	out  *os.File
	done chan error
}

type message struct {
	kind    uint8
	payload []byte
}

func newHost(t *testing.T) *host {
	t.Helper()
	dir := real(t, t.TempDir())
	h := &host{t: t, dir: dir, done: make(chan error, 1)}
	// Only these ends wait in the runtime's poller: the helper's block.
	var to, from [2]int
	for _, pipe := range []*[2]int{&to, &from} {
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	h.in, h.out = ownEnd(t, to[1]), ownEnd(t, from[0])
	s := newServer(to[0], from[1], dir, dir+"/workspace/.nullspace")
	go func() {
		h.done <- s.serve()
		unix.Close(to[0])
		unix.Close(from[1])
	}()
	t.Cleanup(h.close)
	return h
}

// newUserHost is one whose helper runs as nobody in particular.
func newUserHost(t *testing.T) *host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	dir := real(t, t.TempDir())
	for up := dir; len(up) > len(os.TempDir()); up = filepath.Dir(up) {
		os.Chmod(up, 0o755)
	}
	h := &host{t: t, dir: dir, done: make(chan error, 1)}
	cmd := exec.Command("/proc/self/exe", dir)
	cmd.Dir = "/"
	cmd.Env = []string{helperMode + "=" + dir + "/workspace/.nullspace", "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUser, Gid: someUser}}
	theirs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, answers, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	answers.Close()
	h.in, h.out = in, out
	go func() { h.done <- cmd.Wait() }()
	t.Cleanup(h.close)
	return h
}

const someUser = 4321

func ownEnd(t *testing.T, fd int) *os.File {
	t.Helper()
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "pipe")
}

func real(t *testing.T, dir string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// close ends the helper by its input, and waits for it.
func (h *host) close() {
	h.in.Close()
	select {
	case <-h.done:
	case <-time.After(patience):
		h.t.Error("the helper does not end with its input")
	}
	h.out.Close()
}

func (h *host) send(kind uint8, payload []byte) {
	h.t.Helper()
	frame := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)))
	h.in.SetWriteDeadline(time.Now().Add(patience))
	if _, err := h.in.Write(append(append(frame, kind), payload...)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) next() message {
	h.t.Helper()
	h.out.SetReadDeadline(time.Now().Add(patience))
	var head [4]byte
	if _, err := io.ReadFull(h.out, head[:]); err != nil {
		h.t.Fatalf("no answer: %v", err)
	}
	length := binary.BigEndian.Uint32(head[:])
	if length == 0 || length > LongestFrame {
		h.t.Fatalf("a frame of %d bytes", length)
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(h.out, b); err != nil {
		h.t.Fatal(err)
	}
	return message{b[0], b[1:]}
}

// answers reads up to the end of an answer; the refusal is 0 for Done.
func (h *host) answers() (list []message, c code) {
	h.t.Helper()
	for {
		m := h.next()
		switch m.kind {
		case kindDone:
			return list, 0
		case kindRefused:
			h.t.Logf("refused: %s", m.payload[5:])
			return list, code(m.payload[0])
		}
		list = append(list, m)
	}
}

func (h *host) ask(kind uint8, m request) ([]message, code) {
	h.t.Helper()
	h.send(kind, encode(kind, m))
	return h.answers()
}

// wants asks and checks how it ends.
func (h *host) wants(c code, kind uint8, m request) []message {
	h.t.Helper()
	list, got := h.ask(kind, m)
	if got != c {
		h.t.Fatalf("kind %#x of %q: refusal %d, want %d", kind, m.path, got, c)
	}
	return list
}

// give asks for something that takes data, and sends it when it is wanted.
func (h *host) give(kind uint8, m request, data ...[]byte) ([]message, code) {
	h.t.Helper()
	h.send(kind, encode(kind, m))
	first := h.next()
	if first.kind != kindStarted {
		if first.kind != kindRefused {
			h.t.Fatalf("kind %#x", first.kind)
		}
		h.t.Logf("refused: %s", first.payload[5:])
		return nil, code(first.payload[0])
	}
	for _, one := range data {
		for len(one) > DataBytes {
			h.send(kindData, one[:DataBytes])
			one = one[DataBytes:]
		}
		h.send(kindData, one)
	}
	h.send(kindDataEnd, nil)
	return h.answers()
}

func (h *host) write(path string, data ...string) {
	h.t.Helper()
	var pieces [][]byte
	for _, one := range data {
		pieces = append(pieces, []byte(one))
	}
	if _, c := h.give(kindWrite, request{path: path}, pieces...); c != 0 {
		h.t.Fatalf("%s: refusal %d", path, c)
	}
}

func contents(list []message) (data []byte) {
	for _, m := range list {
		if m.kind == kindData {
			data = append(data, m.payload...)
		}
	}
	return data
}

func (h *host) entries(list []message) (out []entry) {
	h.t.Helper()
	for _, m := range list {
		switch m.kind {
		case kindEntry:
			one, rest := decodeEntry(m.payload)
			if len(rest) > 0 {
				h.t.Fatalf("%d bytes too many", len(rest))
			}
			out = append(out, one)
		case kindEntries:
			rest := m.payload[4:]
			for range binary.BigEndian.Uint32(m.payload) {
				var one entry
				one, rest = decodeEntry(rest)
				out = append(out, one)
			}
		}
	}
	return out
}

// tree makes files under dir: a name that ends in a slash is a directory, "-> x" a symlink.
func (h *host) tree(files map[string]string) {
	h.t.Helper()
	for name, text := range files {
		path := filepath.Join(h.dir, name)
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case strings.HasPrefix(text, "-> "):
			os.MkdirAll(filepath.Dir(path), 0o755)
			err = os.Symlink(text[3:], path)
		default:
			os.MkdirAll(filepath.Dir(path), 0o755)
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *host) has(name, text string) {
	h.t.Helper()
	got, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil || string(got) != text {
		h.t.Fatalf("%s: %.100q %v", name, got, err)
	}
}

// names lists a directory without the helper.
func (h *host) names(name string) string {
	h.t.Helper()
	list, err := os.ReadDir(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, one := range list {
		out = append(out, one.Name())
	}
	return strings.Join(out, " ")
}
