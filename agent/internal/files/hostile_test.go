package files

import (
	"archive/tar"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A link that somebody else has put into a directory where everybody may write is not followed at the end of a path: the
// kernel does not either (fs.protected_symlinks), but it does not see the links that the helper reads itself.
func TestLinksOfOthersInSharedDirectoriesAreNotFollowed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	h := newHost(t)
	h.tree(map[string]string{"shared/own": "-> ../target", "shared/theirs": "-> ../target", "shared/new": "-> ../made", "shared/d": "-> ../dir", "target": "old", "dir/f": "old"})
	os.Chmod(h.path("shared"), 0o777|os.ModeSticky)
	for _, name := range []string{"theirs", "new", "d"} {
		if err := os.Lchown(h.path("shared/"+name), someUser, someUser); err != nil {
			t.Fatal(err)
		}
	}
	if _, c := h.give(kindWrite, request{path: "shared/theirs"}, []byte("new")); c != permissionDenied {
		t.Errorf("written: %d", c)
	}
	if _, c := h.give(kindWrite, request{path: "shared/new", append: true}, []byte("new")); c != permissionDenied {
		t.Errorf("made: %d", c)
	}
	if _, c := h.give(kindUnpack, request{path: "shared/d", conflict: conflictReplace}, archive(t, map[string]string{"x": "new"})); c != permissionDenied {
		t.Errorf("unpacked: %d", c)
	}
	h.wants(permissionDenied, kindChmod, request{path: "shared/theirs", mode: 0o777})
	h.wants(permissionDenied, kindRead, request{path: "shared/theirs", length: 10})
	h.has("target", "old")
	h.has("dir/f", "old")
	// The link itself is nobody's trap, and neither is one of one's own, nor one of whom the directory is.
	h.wants(0, kindStat, request{path: "shared/theirs"})
	h.wants(0, kindRemove, request{path: "shared/theirs"})
	h.write("shared/own", "new")
	h.has("target", "new")
	os.Lchown(h.path("shared"), someUser, someUser)
	h.write("shared/new", "new")
	h.has("made", "new")
}

// Directories that a merge finds keep their modes, also when the archive's would have been set late.
func TestMergeLeavesTheModesOfDirectories(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"t/d/keep": "x"})
	data := archiveOf(t, []tar.Header{
		{Name: "d/", Mode: 0o500, Typeflag: tar.TypeDir}, {Name: "d/f", Mode: 0o644, Typeflag: tar.TypeReg},
		{Name: "d/new/", Mode: 0o500, Typeflag: tar.TypeDir},
	}, nil)
	if _, c := h.give(kindUnpack, request{path: "t", conflict: conflictMerge}, data); c != 0 {
		t.Fatal(c)
	}
	for name, mode := range map[string]os.FileMode{"d": 0o755, "d/new": 0o500} {
		if st, err := os.Stat(h.path("t/" + name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, st.Mode(), err)
		}
	}
}

// In whatever order an archive tells of directories, what is below one that is shut is reached, and the last word counts.
func TestLateModesInAnyOrder(t *testing.T) {
	h := newUserHost(t)
	h.tree(map[string]string{"open/": ""})
	os.Chmod(h.path("open"), 0o777)
	data := archiveOf(t, []tar.Header{
		{Name: "shut/in/", Mode: 0o500, Typeflag: tar.TypeDir}, {Name: "shut/", Mode: 0, Typeflag: tar.TypeDir},
		{Name: "twice/", Mode: 0o500, Typeflag: tar.TypeDir}, {Name: "twice/", Mode: 0o750, Typeflag: tar.TypeDir},
	}, nil)
	if _, c := h.give(kindUnpack, request{path: "open/t"}, data); c != 0 {
		t.Fatal(c)
	}
	for name, mode := range map[string]os.FileMode{"shut/in": 0o500, "shut": 0, "twice": 0o750} {
		if st, err := os.Stat(h.path("open/t/" + name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, st.Mode(), err)
		}
	}
}

// sparse is a file with a line of text in front of very much nothing.
func sparse(t *testing.T, size int64) int {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(strings.Repeat("text\n", 4096)); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	f.Seek(0, 0)
	return int(f.Fd())
}

func position(t *testing.T, fd int) int64 {
	t.Helper()
	at, err := unix.Seek(fd, 0, unix.SEEK_CUR)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// The size that was looked at says nothing about the size a moment later, when the file is somebody else's.
func TestAFileThatGrowsIsNotReadForEver(t *testing.T) {
	fd := sparse(t, 1<<30)
	f := finder{left: 1, fits: func([]byte) bool { return false }}
	if err := f.search(fd, "/f"); err != nil {
		t.Fatal(err)
	}
	if at := position(t, fd); at > largestSearched+1<<20 {
		t.Errorf("a search read %d bytes", at)
	}
	fd = sparse(t, 1<<30)
	r := replacer{fd: fd, pattern: []byte("none"), replacement: []byte("x")}
	if err := r.run(nil); err != errTooLarge {
		t.Errorf("a replace says %v", err)
	}
	if at := position(t, fd); at > largestReplaced+1<<20 {
		t.Errorf("a replace read %d bytes", at)
	}
}

// deepTree makes that many directories, each in the one before.
func deepTree(t *testing.T, dir, name string, levels int) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range levels {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
}

// allocated is what a piece of work takes from the heap, bytes.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Who may make directories must not be able to make the helper hold as many bytes as the square of their number.
func TestADeepTreeOfLongNamesIsCheap(t *testing.T) {
	h := newHost(t)
	name, levels := strings.Repeat("n", 255), 1500
	deepTree(t, h.dir, name, levels)
	t.Cleanup(func() { os.RemoveAll(h.dir) })
	top, err := unix.Open(h.dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(top)
	used := allocated(func() {
		r := remover{guard: &guard{}}
		if err := r.remove(top, name, "/x"); err != nil {
			t.Error(err)
		}
	})
	if h.names(".") != "" || used > 16<<20 {
		t.Errorf("%d MiB for %d levels; left: %.20q", used>>20, levels, h.names("."))
	}
}

func TestARefusalDeepDownSaysWhere(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"d/a/b/f": "x", "d/a/c": "x", "d/mounted/": ""})
	small(t, h, "d/a/b/m", "")
	list, c := h.ask(kindRemove, request{path: "d"})
	if c != ioError || len(list) != 0 {
		t.Fatal(c)
	}
	s := newServer(-1, -1, h.dir, h.dir+"/none")
	if err := s.remove(request{path: "d"}); err == nil || !strings.HasPrefix(err.Error(), h.dir+"/d/a/b/m: ") {
		t.Fatal(err)
	}
}

// What is so deep down that a way up is as long as a path may be is not taken for reserved.
func TestDeepPathsAreNotReserved(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"workspace/.nullspace/f": "x"})
	deepTree(t, h.dir, "d", 1500)
	deepTree(t, h.dir+"/workspace/.nullspace", "d", 1500)
	t.Cleanup(func() { os.RemoveAll(h.dir) })
	way := strings.Repeat("d/", 1499) + "d"
	h.wants(0, kindStat, request{path: way})
	os.Symlink("workspace/.nullspace", h.path("in"))
	h.wants(reserved, kindStat, request{path: "in/" + way})
}

// The walk holds neither the paths of all levels nor their names without a bound.
func TestAWideAndDeepTreeIsWalkedWithinBounds(t *testing.T) {
	h := newHost(t)
	small(t, h, "m", "size=300m,nr_inodes=300k")
	const levels, width = 60, 4000
	at := h.path("m")
	for level := range levels {
		fd, err := unix.Open(at, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range width {
			// All behind the directory, so that all of them are held while that is gone through.
			if err := unix.Symlinkat("x", fd, "z"+strings.Repeat("n", 40)+strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
		}
		unix.Close(fd)
		at += "/d"
		if level < levels-1 {
			if err := os.Mkdir(at, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	fd, err := unix.Open(h.path("m"), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	most, seen := 0, 0
	w := walker{guard: &guard{}}
	w.visit = func(int, string, dirent) (bool, error) {
		most = max(most, w.held)
		seen++
		return true, nil
	}
	if err := w.walk(fd); err != nil {
		t.Fatal(err)
	}
	if seen != levels*width+levels-1 || most > heldNames+1 {
		t.Fatalf("%d seen, %d names held at once", seen, most)
	}
}

// Making a directory one's own does not go through a symlink that stands there by now.
func TestForceDoesNotFollow(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"target/f": "x", "link": "-> target", "flink": "-> target/f", "real/": ""})
	for _, one := range []string{"target", "target/f", "real"} {
		os.Chmod(h.path(one), 0o500)
	}
	top, err := unix.Open(h.dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(top)
	for _, one := range []string{"link", "flink", "real"} {
		makeOwn(top, one)
	}
	for one, mode := range map[string]os.FileMode{"target": 0o500, "target/f": 0o500, "real": 0o700} {
		if st, _ := os.Stat(h.path(one)); st.Mode().Perm() != mode {
			t.Errorf("%s: %v", one, st.Mode())
		}
	}
}

// While somebody swaps a directory for a symlink as fast as can be, nothing behind the symlink is removed, changed or told.
func TestSwappingADirectoryForASymlink(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"outside/f": "old", "outside/sub/g": "old", "t/l": "-> ../outside"})
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		a, b := h.path("t/d"), h.path("t/l")
		for !stop.Load() {
			unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
		}
	}()
	defer func() {
		stop.Store(true)
		<-done
	}()
	data := archiveOf(t, []tar.Header{
		{Name: "d/", Mode: 0o500, Typeflag: tar.TypeDir}, {Name: "d/f", Mode: 0o600, Typeflag: tar.TypeReg, Size: 3},
		{Name: "d/sub/", Mode: 0o500, Typeflag: tar.TypeDir}, {Name: "d/sub/g", Mode: 0o600, Typeflag: tar.TypeReg, Size: 3},
	}, func(tar.Header) string { return "new" })
	for range 150 {
		os.MkdirAll(h.path("t/d/sub"), 0o755)
		h.give(kindUnpack, request{path: "t", conflict: conflictMerge}, data)
		packed, _ := h.ask(kindPack, request{path: "t"})
		found, _ := h.ask(kindFind, request{path: "t", pattern: "old", limit: 100})
		if bytes.Contains(contents(packed), []byte("old")) || len(found) > 0 {
			t.Fatal("what is outside was told")
		}
		for _, path := range []string{"t/d", "t/l"} {
			if st, err := os.Lstat(h.path(path)); err == nil && st.IsDir() {
				h.ask(kindRemove, request{path: path})
			}
		}
		h.has("outside/f", "old")
		h.has("outside/sub/g", "old")
		if h.names("outside") != "f sub" || h.names("outside/sub") != "g" {
			t.Fatal(h.names("outside"))
		}
		if st, _ := os.Stat(h.path("outside/sub")); st.Mode().Perm() != 0o755 {
			t.Fatal(st.Mode())
		}
		if _, err := os.Lstat(h.path("t/l")); err != nil {
			os.Symlink("../outside", h.path("t/l"))
		}
		os.RemoveAll(h.path("t/d"))
	}
}
