package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// everyWay are paths to the reserved directory, or into it; links are symlinks that lead there.
var everyWay = []string{
	"workspace/.nullspace", "workspace/.nullspace/", "workspace/.nullspace/f", "workspace/.nullspace/none/x", "workspace/./.nullspace/f",
	"workspace/x/../.nullspace/f", "x/../workspace//.nullspace", "w/.nullspace", "w/.nullspace/f", "r/f", "r/none", "r/d/../f",
	"into/f", "far/.nullspace/f", "w/x/../.nullspace/d/f", "workspace/.nullspace/d/..", "r/d/..", "r/.", "into/..",
	"workspace/.nullspace/.",
}

var links = []string{"r", "into", "file", "up", "x/../up", "r/"}

func reservedHost(t *testing.T) *host {
	h := newHost(t)
	h.tree(map[string]string{
		"workspace/.nullspace/f": "secret", "workspace/.nullspace/d/f": "secret", "workspace/x/y": "open", "x/": "",
		"w": "-> workspace", "r": "-> workspace/.nullspace", "into": "-> " + h.dir + "/workspace/.nullspace/d",
		"file": "-> r/f", "far": "-> x/../w", "up": "-> workspace/x/../.nullspace",
	})
	return h
}

// allOf is a request of any kind for a path.
func allOf(path string) request {
	return request{path: path, to: path, paths: []string{path}, follow: true, depth: 1, limit: 9, pattern: "secret", replacement: "x"}
}

func TestTheReservedDirectoryCannotBeReached(t *testing.T) {
	h := reservedHost(t)
	for _, path := range everyWay {
		for kind := uint8(kindStat); kind <= kindUnpack; kind++ {
			if _, c := h.give2(kind, allOf(path)); c != reserved && !(kind == kindWrite && c == isDirectory) {
				t.Errorf("kind %#x of %s: refusal %d", kind, path, c)
			}
		}
		if _, c := h.give(kindWrite, request{path: path + "/new/file"}); c != reserved && c != notDirectory {
			t.Errorf("write below %s: refusal %d", path, c)
		}
		if _, c := h.ask(kindRename, request{path: "x", to: path}); c != reserved {
			t.Errorf("rename to %s: refusal %d", path, c)
		}
	}
	for _, path := range links {
		for kind := uint8(kindStat); kind <= kindUnpack; kind++ {
			// These two are about the symlink itself.
			if kind == kindRemove || kind == kindRename {
				continue
			}
			if _, c := h.give2(kind, allOf(path)); c != reserved && !(kind == kindWrite && c == isDirectory) {
				t.Errorf("kind %#x of %s: refusal %d", kind, path, c)
			}
		}
	}
	h.has("workspace/.nullspace/f", "secret")
	if got := h.names("workspace/.nullspace") + h.names("workspace/.nullspace/d"); got != "d ff" {
		t.Fatal(got)
	}
}

func TestASymlinkToItCanBeRemoved(t *testing.T) {
	h := reservedHost(t)
	h.wants(0, kindStat, request{path: "r"})
	h.wants(0, kindRename, request{path: "r", to: "q"})
	h.wants(0, kindRemove, request{path: "q"})
	h.has("workspace/.nullspace/f", "secret")
}

func TestOneThatIsNotThereIsReservedAllTheSame(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"workspace/": "", "w": "-> workspace"})
	for _, path := range []string{"workspace/.nullspace", "w/.nullspace", "w/.nullspace/a/b"} {
		if _, c := h.give(kindWrite, request{path: path}); c != reserved {
			t.Errorf("%s: %d", path, c)
		}
		h.wants(reserved, kindMakeDir, request{path: path})
	}
	if h.names("workspace") != "" {
		t.Fatal(h.names("workspace"))
	}
	// Nothing of it is lost then.
	h.wants(0, kindRename, request{path: "workspace", to: "v"})
	h.wants(0, kindRemove, request{path: "v"})
}

func TestBindMounts(t *testing.T) {
	h := reservedHost(t)
	for name, of := range map[string]string{"b1": "workspace", "b2": "workspace/.nullspace"} {
		path := filepath.Join(h.dir, name)
		os.Mkdir(path, 0o755)
		if err := unix.Mount(filepath.Join(h.dir, of), path, "", unix.MS_BIND, ""); err != nil {
			t.Skip("nothing can be mounted here: " + err.Error())
		}
		t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	}
	for _, path := range []string{"b1/.nullspace", "b1/.nullspace/f", "b1/.nullspace/d/f", "b2", "b2/f", "b2/d/f", "b1/x/../.nullspace/d"} {
		for kind := uint8(kindStat); kind <= kindUnpack; kind++ {
			if _, c := h.give2(kind, allOf(path)); c != reserved {
				t.Errorf("kind %#x of %s: refusal %d", kind, path, c)
			}
		}
	}
	found := decodeNames(h.wants(0, kindSearch, request{path: ".", pattern: "f", limit: 99}))
	if len(found) != 0 {
		t.Errorf("%q", found)
	}
	h.wants(reserved, kindRemove, request{path: "b1"})
	h.wants(ioError, kindRename, request{path: "x", to: "b1"})
	h.has("workspace/.nullspace/f", "secret")
}

func TestWalksDoNotEnterIt(t *testing.T) {
	h := reservedHost(t)
	for _, e := range h.entries(h.wants(0, kindList, request{path: ".", depth: 9})) {
		if strings.Contains(e.path, ".nullspace") {
			t.Errorf("%+v", e)
		}
	}
	if got := h.entries(h.wants(0, kindList, request{path: "w", depth: 9})); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if got := decodeNames(h.wants(0, kindSearch, request{path: "/" + h.dir, pattern: "**", limit: 99})); strings.Contains(strings.Join(got, " "), ".nullspace") {
		t.Errorf("%q", got)
	}
	if got := decodeMatches(h.wants(0, kindFind, request{path: ".", pattern: "secret|open", limit: 99})); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	for _, m := range members(t, contents(h.wants(0, kindPack, request{path: "."}))) {
		if strings.Contains(m.Name, ".nullspace") {
			t.Errorf("%+v", m)
		}
	}
}

func TestWhatHoldsItIsNotRemoved(t *testing.T) {
	h := reservedHost(t)
	h.tree(map[string]string{"other/": ""})
	for _, path := range []string{"workspace", "workspace/", "../" + filepath.Base(h.dir), h.dir, "x/../workspace"} {
		h.wants(reserved, kindRemove, request{path: path})
		if _, c := h.give(kindUnpack, request{path: path, conflict: conflictReplace}); c != reserved {
			t.Errorf("%s: %d", path, c)
		}
	}
	h.wants(reserved, kindRename, request{path: "workspace", to: "other/w"})
	h.has("workspace/x/y", "open")
	h.has("workspace/.nullspace/f", "secret")
	// A symlink goes itself, whatever it leads to.
	h.wants(0, kindRemove, request{path: "w/"})
	h.has("workspace/x/y", "open")
}

func TestArchivesDoNotReachIt(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		files  map[string]string
	}{
		"in it":          {"workspace", map[string]string{".nullspace/x": "new"}},
		"above":          {".", map[string]string{"workspace/.nullspace/x": "new"}},
		"itself":         {"workspace", map[string]string{".nullspace": "new"}},
		"by a symlink":   {"w", map[string]string{"./a": "new", ".nullspace/x": "new"}},
		"with more":      {"workspace", map[string]string{"good": "new", ".nullspace/": ""}},
		"the whole tree": {".", map[string]string{"./workspace/./.nullspace/d/f": "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := reservedHost(t)
			before := h.names("workspace")
			if _, c := h.give(kindUnpack, request{path: c.target, conflict: conflictMerge}, archive(t, c.files)); c != reserved {
				t.Fatal(c)
			}
			h.has("workspace/.nullspace/d/f", "secret")
			if h.names("workspace/.nullspace") != "d f" || h.names("workspace") != before {
				t.Fatalf("%s; %s", h.names("workspace/.nullspace"), h.names("workspace"))
			}
		})
	}
}

// The property: no path, over whatever symlinks, ends in the reserved directory.
func FuzzResolve(f *testing.F) {
	for _, path := range everyWay {
		f.Add(path, "workspace/.nullspace", "../r")
	}
	f.Add("a/b/../f", "b/..", "w/.nullspace/d")
	f.Fuzz(func(t *testing.T, path, link1, link2 string) {
		dir := real(t, t.TempDir())
		inside := dir + "/workspace/.nullspace"
		if os.MkdirAll(inside+"/d", 0o755) != nil || os.WriteFile(inside+"/f", nil, 0o644) != nil || os.Mkdir(dir+"/x", 0o755) != nil {
			t.Fatal("cannot lay out the tree")
		}
		os.Symlink("workspace", dir+"/w")
		os.Symlink(inside, dir+"/r")
		os.Symlink(link1, dir+"/a")
		os.Symlink(link2, dir+"/b")
		os.Symlink(link2, dir+"/workspace/b")
		s := newServer(0, 1, dir, inside)
		s.paths.guard.look()
		for _, h := range []how{{}, {follow: true}, {follow: true, make: !strings.HasPrefix(path, "/") && !strings.Contains(path+link1+link2, "..")}} {
			if strings.HasPrefix(link1, "/") || strings.HasPrefix(link2, "/") || strings.HasPrefix(path, "~") {
				h.make = false
			}
			p, err := s.paths.resolve(path, h)
			if err != nil {
				if _, ok := err.(*refusal); !ok {
					t.Fatalf("%q: %v", path, err)
				}
				continue
			}
			at, err := realPath(p.dir)
			if err != nil || strings.HasPrefix(join(at, p.name)+"/", inside+"/") {
				t.Fatalf("%q came to %s in %s (%v)", path, p.name, at, err)
			}
			if h.follow {
				if target, err := readLink(p.dir, p.name); err == nil {
					t.Fatalf("%q ends in a symlink to %q", path, target)
				}
			}
			p.close()
		}
		if entries, err := os.ReadDir(inside); err != nil || len(entries) != 2 {
			t.Fatalf("%v %v", entries, err)
		}
	})
}
