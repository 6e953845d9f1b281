package files

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestPack(t *testing.T) {
	h := newHost(t)
	long := strings.Repeat("long/", 50) + "name"
	odd := "caf\xe9"
	h.tree(map[string]string{"p/a": "text", "p/d/e/": "", "p/link": "-> ../out", "p/" + long: "deep", "p/" + odd: "x", "p/big": strings.Repeat("0123456789", 30_000)})
	os.Link(h.path("p/a"), h.path("p/hard"))
	unix.Mkfifo(h.path("p/fifo"), 0o644)
	os.Chmod(h.path("p/d"), 0o711|os.ModeSticky)
	when := time.Unix(-5, 123456789)
	os.Chtimes(h.path("p/a"), when, when)
	list := h.wants(0, kindPack, request{path: "p/"})
	for i, m := range list {
		if m.kind != kindData || len(m.payload) > DataBytes || i < len(list)-1 && len(m.payload) != DataBytes {
			t.Fatalf("kind %#x, %d bytes", m.kind, len(m.payload))
		}
	}
	got := map[string]tar.Header{}
	for _, m := range members(t, contents(list)) {
		got[m.Name] = m
	}
	if len(got) != 8+50 {
		t.Fatalf("%d members", len(got))
	}
	if a := got["a"]; a.Size != 4 || a.Mode != 0o644 || !a.ModTime.Equal(when) || a.Uid != os.Getuid() || a.Typeflag != tar.TypeReg {
		t.Errorf("%+v", a)
	}
	if d := got["d/"]; d.Typeflag != tar.TypeDir || d.Mode != 0o1711 {
		t.Errorf("%+v", d)
	}
	if l := got["link"]; l.Typeflag != tar.TypeSymlink || l.Linkname != "../out" {
		t.Errorf("%+v", l)
	}
	if got["hard"].Typeflag != tar.TypeReg || got["hard"].Size != 4 || got[long].Size != 4 || got[odd].Size != 1 {
		t.Errorf("%+v %+v %+v", got["hard"], got[long], got[odd])
	}
	// And back again.
	if _, c := h.give(kindUnpack, request{path: "q", conflict: conflictError}, contents(list)); c != badArchiveLink {
		t.Fatal(c)
	}
	os.Remove(h.path("p/link"))
	data := contents(h.wants(0, kindPack, request{path: "p"}))
	if _, c := h.give(kindUnpack, request{path: "q", conflict: conflictError}, data); c != 0 {
		t.Fatal(c)
	}
	for name, text := range map[string]string{"a": "text", "hard": "text", long: "deep", odd: "x", "big": strings.Repeat("0123456789", 30_000)} {
		h.has("q/"+name, text)
	}
	if st, _ := os.Stat(h.path("q/a")); !st.ModTime().Equal(when) {
		t.Error(st.ModTime())
	}
	if st, _ := os.Stat(h.path("q/d")); st.Mode().Perm() != 0o711 || st.Mode()&os.ModeSticky == 0 {
		t.Error(st.Mode())
	}
	h.wants(notDirectory, kindPack, request{path: "p/a"})
	h.wants(notFound, kindPack, request{path: "none"})
}

// A file that shrinks while it is read is as long in the archive as it was said to be.
func TestPackOfAFileThatShrinks(t *testing.T) {
	h := newHost(t)
	const size = 4 << 20
	h.tree(map[string]string{"p/f": strings.Repeat("x", size), "p/g": "after"})
	h.send(kindPack, encode(kindPack, request{path: "p"}))
	data := h.next().payload
	// The pipe is full: the helper is somewhere in the first file.
	if err := os.Truncate(h.path("p/f"), 1<<20); err != nil {
		t.Fatal(err)
	}
	list, c := h.answers()
	all := members(t, append(data, contents(list)...))
	if c != 0 || len(all) != 2 || all[0].Size != size || all[1].Name != "g" {
		t.Fatalf("%d: %+v", c, all)
	}
}

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

// A merge that cannot be done changes nothing.
func TestUnpackMergeRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		files map[string]string
		want  code
	}{
		"a directory over a file":    {"d", map[string]string{"a": "new", "f/x": "new"}, notDirectory},
		"a directory over a symlink": {"d", map[string]string{"a": "new", "link/x": "new"}, notDirectory},
		"a file over a directory":    {"d", map[string]string{"a": "new", "sub": "new"}, isDirectory},
		"over a file":                {"d/f", map[string]string{"a": "new"}, notDirectory},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.tree(map[string]string{"d/a": "old", "d/f": "old", "d/sub/x": "old", "d/link": "-> ../out", "out/x": "old"})
			// In whatever order they come, some are before the one that cannot be.
			for i := range 20 {
				c.files[fmt.Sprint("new", i)] = "new"
			}
			if _, got := h.give(kindUnpack, request{path: c.path, conflict: conflictMerge}, archive(t, c.files)); got != c.want {
				t.Fatal(got)
			}
			for _, one := range []string{"d/a", "d/f", "d/sub/x", "out/x"} {
				h.has(one, "old")
			}
			if h.names("d") != "a f link sub" || h.names(".") != "d out" {
				t.Fatalf("%s; %s", h.names("d"), h.names("."))
			}
		})
	}
}

func TestUnpackRefusals(t *testing.T) {
	headers := func(list ...tar.Header) []byte {
		return archiveOf(t, list, func(h tar.Header) string { return strings.Repeat("x", int(h.Size)) })
	}
	file := func(name string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	whole := headers(file("a"), file("b"))
	for name, c := range map[string]struct {
		data []byte
		want code
	}{
		"absolute":                 {headers(file("/a")), badArchivePath},
		"upwards":                  {headers(file("a/../../b")), badArchivePath},
		"upwards but inside":       {headers(file("a/../b")), badArchivePath},
		"dots":                     {headers(tar.Header{Name: "..", Typeflag: tar.TypeDir}), badArchivePath},
		"through a symlink":        {headers(link("l", "d"), file("d/x"), file("l/y")), badArchivePath},
		"through a symlink above":  {headers(file("d/z/x"), link("l", "d"), file("l/z/y")), badArchivePath},
		"a directory on a symlink": {headers(file("d/x"), link("l", "d"), tar.Header{Name: "l/", Typeflag: tar.TypeDir}), badArchivePath},
		"through a file":           {headers(file("a"), file("a/b")), badArchivePath},
		"a file on a directory":    {headers(file("a/b"), file("a")), badArchiveEntry},
		"no name":                  {headers(file("./.")), badArchivePath},
		"link upwards":             {headers(link("l", "../x")), badArchiveLink},
		"link upwards from below":  {headers(link("d/l", "../../x")), badArchiveLink},
		"link down and up":         {headers(link("d/l", "x/../../y")), badArchiveLink},
		"link down and up inside":  {headers(link("d/l", "x/../y")), badArchiveLink},
		"absolute link":            {headers(link("l", "/etc/passwd")), badArchiveLink},
		"hard link":                {headers(file("a"), tar.Header{Name: "h", Linkname: "a", Typeflag: tar.TypeLink}), badArchiveEntry},
		"fifo":                     {headers(tar.Header{Name: "p", Typeflag: tar.TypeFifo}), badArchiveEntry},
		"device":                   {headers(tar.Header{Name: "p", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}), badArchiveEntry},
		"no archive":               {bytes.Repeat([]byte("no archive"), 200), badArchiveEntry},
		"cut in a header":          {whole[:1024+200], badArchiveEntry},
		"cut in a file":            {headers(tar.Header{Name: "f", Size: 5000, Typeflag: tar.TypeReg})[:3000], badArchiveEntry},
	} {
		for _, conflict := range []uint8{conflictMerge, conflictReplace, conflictError} {
			t.Run(fmt.Sprint(name, " ", conflict), func(t *testing.T) {
				h := newHost(t)
				if conflict != conflictError {
					h.tree(map[string]string{"t/keep": "x"})
				}
				if _, got := h.give(kindUnpack, request{path: "t", conflict: conflict}, c.data); got != c.want {
					t.Fatalf("refusal %d, want %d", got, c.want)
				}
				want := "t"
				if conflict == conflictError {
					want = ""
				} else if h.names("t") != "keep" {
					t.Fatal(h.names("t"))
				}
				if h.names(".") != want {
					t.Fatal(h.names("."))
				}
			})
		}
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

// FuzzUnpack makes archives out of a few words, in any order and of any type, and looks whether anything outside of the
// target has changed.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x05\x03\x09\x10\x22\x31\x02"), uint8(0))
	f.Add([]byte("2\x0cL2\x0dF"), uint8(1))
	names := []string{
		"a", "b", "a/b", "b/a", "a/b/c", "../x", "/x", "a/../b", "./a", "a/", "b/", "..", ".nullspace/f", ".nullspace", "a/./b", "c", "c/a", "c/b/a", "",
		"sub", "sub/a", "out", "out/x",
	}
	targets := []string{"a", "b", "..", "../outside", "a/..", "a/../..", "../..", "/", ".", "a/b", "c", "../a", "b/../../outside", "../../outside", ".nullspace", "sub/.."}
	types := []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeXHeader}
	f.Fuzz(func(t *testing.T, plan []byte, conflict uint8) {
		dir := real(t, t.TempDir())
		for _, one := range []string{"workspace/.nullspace", "workspace/sub", "outside"} {
			if err := os.MkdirAll(filepath.Join(dir, one), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		os.WriteFile(dir+"/outside/x", []byte("old"), 0o644)
		os.WriteFile(dir+"/workspace/.nullspace/f", []byte("old"), 0o644)
		os.Symlink("../outside", dir+"/workspace/out")
		before := fingerprint(t, dir)
		s := newServer(-1, -1, dir, dir+"/workspace/.nullspace")
		s.paths.guard.look()
		p, err := s.paths.resolve("workspace", how{follow: true, make: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		tree, err := s.newTree(p, conflict%3)
		if err == nil {
			err = layPlan(t, tree, plan, names, targets, types)
			if err == nil {
				err = tree.publish()
			}
			if _, ok := err.(*refusal); err != nil && !ok {
				t.Fatalf("%v", err)
			}
			tree.close()
		}
		if after := fingerprint(t, dir); after != before {
			t.Fatalf("before:\n%s\nafter:\n%s", before, after)
		}
		os.RemoveAll(dir + "/workspace")
	})
}

func layPlan(t *testing.T, tree *tree, plan []byte, names, targets []string, types []byte) error {
	for len(plan) >= 3 {
		h := tar.Header{
			Name: names[int(plan[0])%len(names)], Linkname: targets[int(plan[1])%len(targets)], Typeflag: types[int(plan[2])%len(types)],
			Mode: int64(plan[2])<<4 | int64(plan[0]&15), Size: 3,
		}
		plan = plan[3:]
		if err := tree.member(&h, strings.NewReader("new")); err != nil {
			return err
		}
	}
	return nil
}

// fingerprint is of all that lies outside of the target, and of what is reserved in it.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if strings.HasPrefix(rel, "workspace/") && !strings.HasPrefix(rel, "workspace/.nullspace") {
			if err == nil && d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if err != nil {
			return err
		}
		text := ""
		if d.Type().IsRegular() {
			b, _ := os.ReadFile(path)
			text = string(b)
		}
		if rel != "workspace" {
			fmt.Fprintln(&out, rel, d.Type(), text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
