package files

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStat(t *testing.T) {
	h := newHost(t)
	name := "caf\xe9 \xff"
	h.tree(map[string]string{name: "12345", "link": "-> " + name, "d/": "", "loop": "-> loop", "far": "-> d/../none"})
	old := time.Unix(-2, 5)
	if err := os.Chtimes(filepath.Join(h.dir, name), old, old); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Join(h.dir, name), 0o751)
	got := h.entries(h.wants(0, kindStat, request{path: name}))[0]
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	want := entry{
		path: h.dir + "/" + name, kind: typeFile, size: 5, mode: 0o751, uid: uid, gid: gid,
		owner: got.owner, group: got.group, modifiedNs: old.UnixNano(),
	}
	if got != want {
		t.Fatalf("\n got %+v\nwant %+v", got, want)
	}
	if uid == 0 && (got.owner != "root" || got.group != "root") {
		t.Fatalf("%q %q", got.owner, got.group)
	}
	link := h.entries(h.wants(0, kindStat, request{path: "link"}))[0]
	if link.kind != typeSymlink || link.target != name || link.path != h.dir+"/link" {
		t.Fatalf("%+v", link)
	}
	if to := h.entries(h.wants(0, kindStat, request{path: "link", follow: true}))[0]; to.kind != typeFile || to.size != 5 || to.path != h.dir+"/link" {
		t.Fatalf("%+v", to)
	}
	for path, shown := range map[string]string{
		"d/": h.dir + "/d", "./d/.": h.dir + "/d", "d/..": h.dir, "d/../d": h.dir + "/d", ".": h.dir, "/": "/", "/../..": "/", "//": "/",
		h.dir + "//d": h.dir + "/d",
	} {
		if one := h.entries(h.wants(0, kindStat, request{path: path}))[0]; one.kind != typeDir || one.path != shown {
			t.Errorf("%s: %+v", path, one)
		}
	}
	for path, c := range map[string]code{
		"none": notFound, "none/x": notFound, name + "/x": notDirectory, "": invalid, "a\x00b": invalid, "loop/x": loop,
		strings.Repeat("x", 256): invalid, strings.Repeat("x/", 2100): invalid,
	} {
		if _, got := h.ask(kindStat, request{path: path}); got != c {
			t.Errorf("%.20q: %d, want %d", path, got, c)
		}
	}
	h.wants(loop, kindStat, request{path: "loop", follow: true})
	h.wants(notFound, kindStat, request{path: "far", follow: true})
	h.wants(0, kindStat, request{path: "far"})
}

func TestHomeAndBase(t *testing.T) {
	dir := real(t, t.TempDir())
	t.Setenv("HOME", dir)
	if got := newServer(0, 1, "", Reserved).paths.base; got != dir {
		t.Fatalf("base is %s", got)
	}
	s := newServer(0, 1, "~/sub", Reserved)
	for path, want := range map[string]string{"~": dir, "~/": dir + "/", "~/x/": dir + "/x/", "~/x": dir + "/x", "x": dir + "/sub/x", "/x": "/x", "~x": dir + "/sub/~x"} {
		if got, err := s.paths.absolute(path); err != nil || got != want {
			t.Errorf("%s: %s %v", path, got, err)
		}
	}
	t.Setenv("HOME", dir+"/none")
	if got := newServer(0, 1, "", Reserved).paths.base; got != firstDirectory("/workspace", "/") {
		t.Fatalf("base is %s", got)
	}
}

func TestRead(t *testing.T) {
	h := newHost(t)
	text := strings.Repeat("0123456789", 20_000)
	h.tree(map[string]string{"f": text, "link": "-> f", "d/": "", "empty": ""})
	unix.Mkfifo(filepath.Join(h.dir, "fifo"), 0o644)
	for _, c := range []struct {
		offset, length uint64
		want           string
	}{
		{0, 1 << 63, text}, {0, 1<<64 - 1, text}, {5, 7, text[5:12]}, {199_990, 100, text[199_990:]}, {200_000, 5, ""}, {1 << 63, 5, ""}, {3, 0, ""},
	} {
		list := h.wants(0, kindRead, request{path: "link", offset: c.offset, length: c.length})
		if got := string(contents(list)); got != c.want {
			t.Errorf("%+v: %d bytes", c.offset, len(got))
		}
		if e := h.entries(list)[0]; e.size != 200_000 || e.kind != typeFile {
			t.Errorf("%+v", e)
		}
		for _, m := range list {
			if len(m.payload) > DataBytes {
				t.Errorf("%d bytes in one frame", len(m.payload))
			}
		}
	}
	if got := contents(h.wants(0, kindRead, request{path: "empty", length: 9})); len(got) != 0 {
		t.Fatal(len(got))
	}
	if got := contents(h.wants(0, kindRead, request{path: "/proc/self/stat", length: 1 << 20})); !bytes.Contains(got, []byte("(")) {
		t.Fatalf("%q", got)
	}
	h.wants(isDirectory, kindRead, request{path: "d", length: 1})
	h.wants(unsupported, kindRead, request{path: "fifo", length: 1})
	h.wants(unsupported, kindRead, request{path: "/dev/zero", length: 1})
	h.wants(notFound, kindRead, request{path: "none", length: 1})
}

// A file that grows while it is read does not make the answer longer.
func TestReadOfAFileThatGrows(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": strings.Repeat("x", 300_000)})
	h.send(kindRead, encode(kindRead, request{path: "f", length: 300_000}))
	f, err := os.OpenFile(filepath.Join(h.dir, "f"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(bytes.Repeat([]byte("y"), 100_000))
	if list, c := h.answers(); c != 0 || len(contents(list)) != 300_000 {
		t.Fatalf("refusal %d, %d bytes", c, len(contents(list)))
	}
}

func TestMakeDir(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "", "d/": "", "link": "-> d"})
	got := h.entries(h.wants(0, kindMakeDir, request{path: "a/b/c/"}))[0]
	if got.kind != typeDir || got.path != h.dir+"/a/b/c" || got.mode != 0o755 {
		t.Fatalf("%+v", got)
	}
	h.wants(0, kindMakeDir, request{path: "a/b"})
	h.wants(0, kindMakeDir, request{path: "link"})
	h.wants(0, kindMakeDir, request{path: "link/x"})
	h.wants(exists, kindMakeDir, request{path: "f"})
	h.wants(notDirectory, kindMakeDir, request{path: "f/x"})
	h.wants(0, kindMakeDir, request{path: "/"})
	if h.names("d") != "x" {
		t.Fatal(h.names("d"))
	}
}

func TestRename(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"a": "a", "b": "b", "d/x": "", "e/y": "", "link": "-> a"})
	got := h.entries(h.wants(0, kindRename, request{path: "a", to: "b"}))[0]
	if got.path != h.dir+"/b" {
		t.Fatalf("%+v", got)
	}
	h.has("b", "a")
	h.wants(0, kindRename, request{path: "b", to: "b"})
	h.wants(0, kindRename, request{path: "link", to: "d/link"})
	if to, _ := os.Readlink(h.dir + "/d/link"); to != "a" {
		t.Fatal("a symlink was followed")
	}
	h.wants(notEmpty, kindRename, request{path: "d", to: "e"})
	h.wants(notFound, kindRename, request{path: "none", to: "x"})
	h.wants(notFound, kindRename, request{path: "b", to: "none/x"})
	h.wants(invalid, kindRename, request{path: "e", to: "e/z"})
	h.wants(ioError, kindRename, request{path: "/", to: "x"})
}

func TestRenameToAnotherFilesystem(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": ""})
	other, err := os.MkdirTemp("/dev/shm", "files")
	if err != nil {
		t.Skip("no second filesystem here")
	}
	defer os.RemoveAll(other)
	h.send(kindRename, encode(kindRename, request{path: "f", to: other + "/f"}))
	if m := h.next(); m.kind != kindRefused || code(m.payload[0]) != ioError || !strings.Contains(string(m.payload), "another filesystem") {
		t.Fatalf("%q", m.payload)
	}
}

func TestChmod(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "", "link": "-> f"})
	h.wants(0, kindChmod, request{path: "link", mode: 0o1640})
	if st, _ := os.Stat(h.dir + "/f"); st.Mode() != 0o640|os.ModeSticky {
		t.Fatal(st.Mode())
	}
	h.wants(invalid, kindChmod, request{path: "f", mode: 0o10000})
	h.wants(notFound, kindChmod, request{path: "none"})
}

func TestBadRequests(t *testing.T) {
	h := newHost(t)
	h.send(0x3f, nil)
	if _, c := h.answers(); c != unsupported {
		t.Fatal(c)
	}
	h.send(kindStat, []byte{0, 0, 0, 9, 'x'})
	if _, c := h.answers(); c != invalid {
		t.Fatal(c)
	}
	// And it goes on.
	h.wants(0, kindStat, request{path: "/"})
}

func TestALengthThatCannotBeEndsIt(t *testing.T) {
	for _, length := range []uint32{0, LongestFrame + 1, 1<<32 - 1} {
		h := newHost(t)
		h.in.Write(binary.BigEndian.AppendUint32(nil, length))
		select {
		case err := <-h.done:
			if err != errProtocol {
				t.Fatal(err)
			}
			h.done <- nil
		case <-time.After(patience):
			t.Fatal("it goes on")
		}
	}
}

func TestFramesInPieces(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "x"})
	var all []byte
	for range 3 {
		payload := encode(kindStat, request{path: "f"})
		all = append(binary.BigEndian.AppendUint32(all, uint32(1+len(payload))), kindStat)
		all = append(all, payload...)
	}
	for i := range all {
		h.in.Write(all[i : i+1])
	}
	for range 3 {
		if _, c := h.answers(); c != 0 {
			t.Fatal(c)
		}
	}
}
