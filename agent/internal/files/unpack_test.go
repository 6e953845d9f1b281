package files

import (
	"archive/tar"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func unpacked(list []message) (size, files uint64) {
	last := list[len(list)-1].payload
	return binary.BigEndian.Uint64(last), binary.BigEndian.Uint64(last[8:])
}

func TestUnpack(t *testing.T) {
	h := newHost(t)
	list, c := h.give(kindUnpack, request{path: "new/target", conflict: conflictError}, archive(t, map[string]string{
		"./": "", "a": "1", "d/": "", "d/e/f/g": "22", "empty/": "", "link": "-> d/e", "d/up": "-> ../a", "x/same": "-> ./same2",
	}))
	if c != 0 {
		t.Fatal(c)
	}
	if size, files := unpacked(list); size != 3 || files != 5 {
		t.Fatalf("%d bytes, %d files", size, files)
	}
	h.has("new/target/d/e/f/g", "22")
	h.has("new/target/d/up", "1")
	h.has("new/target/link/f/g", "22")
	if got := h.names("new/target"); got != "a d empty link x" || h.names("new") != "target" {
		t.Fatalf("%s; %s", got, h.names("new"))
	}
	if st, _ := os.Stat(h.path("new/target")); st.Mode().Perm() != 0o755 {
		t.Fatal(st.Mode())
	}
	// Of a time of 0 it is not known that it means anything.
	if st, _ := os.Stat(h.path("new/target/a")); time.Since(st.ModTime()) > time.Hour {
		t.Fatal(st.ModTime())
	}
	if _, c := h.give(kindUnpack, request{path: "new/target", conflict: conflictError}, nil); c != exists {
		t.Fatal(c)
	}
	// No members at all is an empty directory, and it needs no end.
	if _, c := h.give(kindUnpack, request{path: "none", conflict: conflictError}); c != 0 || h.names("none") != "" {
		t.Fatal(c)
	}
}

func TestUnpackInOddPieces(t *testing.T) {
	h := newHost(t)
	text := strings.Repeat("0123456789", 20_000)
	data := archive(t, map[string]string{"a": text, "b": text})
	// What stands behind the end is no matter.
	data = append(data, make([]byte, 100_000)...)
	var pieces [][]byte
	for len(data) > 0 {
		n := min(len(data), 7001)
		pieces = append(pieces, data[:n], nil)
		data = data[n:]
	}
	if _, c := h.give(kindUnpack, request{path: "t"}, pieces...); c != 0 {
		t.Fatal(c)
	}
	h.has("t/a", text)
	h.has("t/b", text)
}

func TestUnpackReplaces(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"d/old": "x", "d/sub/f": "x", "f": "x", "link": "-> d"})
	os.Chmod(h.path("d"), 0o700)
	os.Chmod(h.path("d/sub"), 0o500)
	for _, path := range []string{"d", "link", "f"} {
		if _, c := h.give(kindUnpack, request{path: path, conflict: conflictReplace}, archive(t, map[string]string{"new/f": path})); c != 0 {
			t.Fatal(c)
		}
		h.has(path+"/new/f", path)
	}
	if h.names("d") != "new" || h.names(".") != "d f link" {
		t.Fatalf("%s; %s", h.names("d"), h.names("."))
	}
	if st, _ := os.Stat(h.path("d")); st.Mode().Perm() != 0o700 {
		t.Fatal(st.Mode())
	}
	if _, c := h.give(kindUnpack, request{path: "/", conflict: conflictReplace}); c != invalid {
		t.Fatal(c)
	}
}

func TestUnpackMerges(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"d/keep": "x", "d/sub/keep": "x", "d/sub/f": "old", "d/link": "-> sub/f", "d/tree/": ""})
	files := map[string]string{"sub/f": "new", "link": "file now", "tree/a/b": "1", "fresh/f": "1", "l2": "-> keep"}
	if _, c := h.give(kindUnpack, request{path: "d", conflict: conflictMerge}, archive(t, files)); c != 0 {
		t.Fatal(c)
	}
	for name, text := range map[string]string{"keep": "x", "sub/keep": "x", "sub/f": "new", "link": "file now", "tree/a/b": "1", "fresh/f": "1", "l2": "x"} {
		h.has("d/"+name, text)
	}
	if got := h.names("d"); got != "fresh keep l2 link sub tree" {
		t.Fatal(got)
	}
	if _, c := h.give(kindUnpack, request{path: "none", conflict: conflictMerge}, archive(t, files)); c != 0 {
		t.Fatal(c)
	}
}

func TestUnpackModes(t *testing.T) {
	h := newHost(t)
	for _, conflict := range []uint8{conflictError, conflictReplace, conflictMerge} {
		data := archiveOf(t, []tar.Header{
			{Name: "s", Mode: 0o6755, Typeflag: tar.TypeReg}, {Name: "shut/", Mode: 0o555, Typeflag: tar.TypeDir},
			{Name: "shut/in/", Mode: 0, Typeflag: tar.TypeDir}, {Name: "shut/in/f", Mode: 0o400, Typeflag: tar.TypeReg},
			{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir},
		}, nil)
		if _, c := h.give(kindUnpack, request{path: "t", conflict: conflict}, data); c != 0 {
			t.Fatal(conflict, c)
		}
		for name, mode := range map[string]os.FileMode{"s": 0o755, "shut": 0o555, "shut/in": 0, "tmp": 0o777 | os.ModeSticky, "shut/in/f": 0o400} {
			if st, err := os.Stat(h.path("t/" + name)); err != nil || st.Mode()&^os.ModeDir != mode {
				t.Errorf("%d: %s: %v %v", conflict, name, st, err)
			}
		}
	}
}

func TestUnpackAsAUser(t *testing.T) {
	h := newUserHost(t)
	h.tree(map[string]string{"open/": ""})
	os.Chmod(h.path("open"), 0o777)
	data := archiveOf(t, []tar.Header{
		{Name: "shut/", Mode: 0o555, Typeflag: tar.TypeDir}, {Name: "shut/d/", Mode: 0o500, Typeflag: tar.TypeDir},
		{Name: "shut/d/f", Mode: 0o400, Typeflag: tar.TypeReg},
	}, nil)
	// Into one that is in the directory of somebody else; then aside, in its stead, and in vain.
	for _, c := range []struct {
		path     string
		conflict uint8
		data     []byte
		want     code
	}{
		{"open", conflictMerge, data, 0}, {"open/t", conflictError, data, 0}, {"open/t", conflictMerge, archive(t, map[string]string{"x": ""}), 0},
		{"open/u", conflictError, append(data[:len(data)-1024:len(data)-1024], 1, 2, 3), badArchiveEntry},
		{"open/t", conflictMerge, archive(t, map[string]string{"a": "", "shut/new": ""}), permissionDenied},
	} {
		if _, got := h.give(kindUnpack, request{path: c.path, conflict: c.conflict}, c.data); got != c.want {
			t.Fatalf("%s: refusal %d, want %d", c.path, got, c.want)
		}
	}
	if h.names("open") != "shut t" || h.names("open/t") != "shut x" || h.names("open/t/shut/d") != "f" {
		t.Fatalf("%s; %s", h.names("open"), h.names("open/t"))
	}
}

func TestUnpackWithoutSpace(t *testing.T) {
	h := newHost(t)
	small(t, h, "small", "size=256k")
	h.tree(map[string]string{"small/t/f": "old"})
	data := archive(t, map[string]string{"a": "x", "f": strings.Repeat("x", 2<<20)})
	for _, conflict := range []uint8{conflictMerge, conflictReplace} {
		if _, c := h.give(kindUnpack, request{path: "small/t", conflict: conflict}, data); c != noSpace {
			t.Fatal(c)
		}
	}
	h.has("small/t/f", "old")
	if h.names("small") != "t" || h.names("small/t") != "f" {
		t.Fatalf("%s; %s", h.names("small"), h.names("small/t"))
	}
}

func TestAnUnpackThatIsBrokenOffLeavesNothing(t *testing.T) {
	dir := real(t, t.TempDir())
	h := newHost(t)
	h.send(kindUnpack, encode(kindUnpack, request{path: dir + "/t"}))
	if m := h.next(); m.kind != kindStarted {
		t.Fatal(m.kind)
	}
	h.send(kindData, archive(t, map[string]string{"a/b": "x", "c": strings.Repeat("x", 30_000)})[:20_000])
	h.in.Close()
	select {
	case <-h.done:
		h.done <- nil
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Fatalf("%v %v", list, err)
	}
}

func TestSparseFilesStaySparse(t *testing.T) {
	h := newHost(t)
	data := archiveOf(t, []tar.Header{{Name: "f", Size: 16 << 20, Typeflag: tar.TypeReg, Mode: 0o644}}, func(tar.Header) string { return string(make([]byte, 16<<20)) })
	if _, c := h.give(kindUnpack, request{path: "t"}, data); c != 0 {
		t.Fatal(c)
	}
	var st unix.Stat_t
	if err := unix.Stat(h.path("t/f"), &st); err != nil || st.Size != 16<<20 || st.Blocks > 2048 {
		t.Fatalf("%d bytes, %d blocks", st.Size, st.Blocks)
	}
}
