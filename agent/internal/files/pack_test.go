package files

import (
	"archive/tar"
	"os"
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
