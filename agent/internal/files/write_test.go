package files

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWrite(t *testing.T) {
	h := newHost(t)
	list, c := h.give(kindWrite, request{path: "a/b/f"}, []byte("one "), nil, []byte("two"))
	if c != 0 {
		t.Fatal(c)
	}
	h.has("a/b/f", "one two")
	if e := h.entries(list)[0]; e.path != h.dir+"/a/b/f" || e.size != 7 || e.mode != 0o644 {
		t.Fatalf("%+v", e)
	}
	if st, _ := os.Stat(h.dir + "/a/b"); st.Mode().Perm() != 0o755 {
		t.Fatal(st.Mode())
	}
	h.write("a/b/f")
	h.has("a/b/f", "")
	if _, c := h.give(kindWrite, request{path: "m", mode: 0o2711}, []byte("x")); c != 0 {
		t.Fatal(c)
	}
	if st, _ := os.Stat(h.dir + "/m"); st.Mode() != 0o711|os.ModeSetgid {
		t.Fatal(st.Mode())
	}
	if h.names(".") != "a m" || h.names("a/b") != "f" {
		t.Fatalf("%s; %s", h.names("."), h.names("a/b"))
	}
}

func TestWriteKeepsModeAndOwnerAndTheLink(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"d/f": "old", "link": "-> d/f", "dangling": "-> d/new"})
	path := h.dir + "/d/f"
	os.Chmod(path, 0o600)
	if os.Getuid() == 0 {
		os.Chown(path, 7, 8)
		os.Chmod(path, 0o600|os.ModeSetuid)
	}
	before, _ := os.Stat(path)
	h.write("link", "new")
	h.has("d/f", "new")
	after, err := os.Lstat(path)
	if err != nil || after.Mode() != before.Mode() {
		t.Fatalf("%v %v", after.Mode(), before.Mode())
	}
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if was.Uid != is.Uid || was.Gid != is.Gid || was.Ino == is.Ino {
		t.Fatalf("%+v %+v", was, is)
	}
	if to, _ := os.Readlink(h.dir + "/link"); to != "d/f" {
		t.Fatal("the link is gone")
	}
	h.write("dangling", "there")
	h.has("d/new", "there")
	if h.names("d") != "f new" {
		t.Fatal(h.names("d"))
	}
}

func TestNothingIsSeenBeforeItIsWhole(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "old"})
	h.send(kindWrite, encode(kindWrite, request{path: "f"}))
	if m := h.next(); m.kind != kindStarted {
		t.Fatal(m.kind)
	}
	h.send(kindData, []byte("ne"))
	// The helper has taken it when it takes more than the pipe holds.
	for range 20 {
		h.send(kindData, make([]byte, DataBytes))
	}
	h.has("f", "old")
	h.send(kindDataEnd, nil)
	h.answers()
	if st, _ := os.Stat(h.dir + "/f"); st.Size() != 2+20*DataBytes {
		t.Fatal(st.Size())
	}
}

func TestAWriteThatIsBrokenOffLeavesNothing(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "old"})
	for _, path := range []string{"f", "g"} {
		h := &host{t: t, dir: h.dir, done: make(chan error, 1)}
		fresh := newHost(t)
		fresh.send(kindWrite, encode(kindWrite, request{path: h.dir + "/" + path}))
		if m := fresh.next(); m.kind != kindStarted {
			t.Fatal(m.kind)
		}
		fresh.send(kindData, []byte("new"))
		fresh.in.Close()
		select {
		case err := <-fresh.done:
			if err != errGone {
				t.Fatal(err)
			}
			fresh.done <- nil
		case <-time.After(patience):
			t.Fatal("it goes on")
		}
		if h.names(".") != "f" {
			t.Fatal(h.names("."))
		}
		h.has("f", "old")
	}
}

func TestWriteRefusals(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "old", "d/": "", "link": "-> f", "dangling": "-> none", "tolink": "-> d"})
	unix.Mkfifo(filepath.Join(h.dir, "fifo"), 0o644)
	for _, c := range []struct {
		m    request
		want code
	}{
		{request{path: "d"}, isDirectory}, {request{path: "tolink"}, isDirectory}, {request{path: "new/"}, isDirectory},
		{request{path: "fifo"}, unsupported}, {request{path: "fifo", append: true}, unsupported}, {request{path: "/dev/null"}, unsupported},
		{request{path: "f/x"}, notDirectory}, {request{path: "f", exclusive: true}, exists}, {request{path: "link", exclusive: true}, exists},
		{request{path: "dangling", exclusive: true}, exists}, {request{path: "dangling", exclusive: true, append: true}, exists},
		{request{path: "x", mode: 0o10000}, invalid}, {request{path: ""}, invalid}, {request{path: "/proc/none"}, notFound},
	} {
		if _, got := h.give(kindWrite, c.m); got != c.want {
			t.Errorf("%+v: refusal %d", c.m, got)
		}
	}
	h.has("f", "old")
	if h.names(".") != "d dangling f fifo link tolink" {
		t.Fatal(h.names("."))
	}
}

func TestExclusiveWriteLosesARace(t *testing.T) {
	h := newHost(t)
	h.send(kindWrite, encode(kindWrite, request{path: "f", exclusive: true}))
	if m := h.next(); m.kind != kindStarted {
		t.Fatal(m.kind)
	}
	h.tree(map[string]string{"f": "theirs"})
	h.send(kindDataEnd, nil)
	if _, c := h.answers(); c != exists {
		t.Fatal(c)
	}
	h.has("f", "theirs")
	if h.names(".") != "f" {
		t.Fatal(h.names("."))
	}
}

func TestAppend(t *testing.T) {
	h := newHost(t)
	for _, text := range []string{"one", " two", ""} {
		if _, c := h.give(kindWrite, request{path: "x/f", append: true}, []byte(text)); c != 0 {
			t.Fatal(c)
		}
	}
	h.has("x/f", "one two")
	if _, c := h.give(kindWrite, request{path: "x/f", append: true, mode: 0o600}, make([]byte, 200_000)); c != 0 {
		t.Fatal(c)
	}
	if st, _ := os.Stat(h.dir + "/x/f"); st.Mode().Perm() != 0o600 || st.Size() != 200_007 {
		t.Fatal(st.Mode(), st.Size())
	}
}

func TestAFileOfTheKernelIsWrittenInPlace(t *testing.T) {
	h := newHost(t)
	comm := "/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/comm"
	h.write(comm, "renamed")
	if got := string(contents(h.wants(0, kindRead, request{path: comm, length: 99}))); got != "renamed\n" {
		t.Fatalf("%q", got)
	}
	if _, c := h.give(kindWrite, request{path: "/proc/self/none"}); c == 0 {
		t.Fatal("something was made in /proc")
	}
}

// The host may send more in a frame than it gets.
func TestLongFrames(t *testing.T) {
	h := newHost(t)
	h.send(kindWrite, encode(kindWrite, request{path: "f"}))
	if m := h.next(); m.kind != kindStarted {
		t.Fatal(m.kind)
	}
	long := bytes.Repeat([]byte("0123456"), LongestFrame)[:LongestFrame-1]
	h.send(kindData, long)
	h.send(kindData, long)
	h.send(kindDataEnd, nil)
	if _, c := h.answers(); c != 0 {
		t.Fatal(c)
	}
	h.has("f", string(long)+string(long))
}

func TestFilesystemsWithoutUnnamedFiles(t *testing.T) {
	before := openUnnamed
	openUnnamed = func(int) (int, error) { return -1, unix.EOPNOTSUPP }
	// After the clean-ups of the tests below.
	t.Cleanup(func() { openUnnamed = before })
	t.Run("write", TestWrite)
	t.Run("mode and owner", TestWriteKeepsModeAndOwnerAndTheLink)
	t.Run("whole", func(t *testing.T) {
		h := newHost(t)
		h.tree(map[string]string{"f": "old"})
		h.send(kindWrite, encode(kindWrite, request{path: "f"}))
		if m := h.next(); m.kind != kindStarted {
			t.Fatal(m.kind)
		}
		if name, _, _ := strings.Cut(h.names("."), " "); !isTempName(name) {
			t.Fatalf("%q is no name for something unfinished", name)
		}
		h.has("f", "old")
		h.send(kindDataEnd, nil)
		h.answers()
		h.has("f", "")
	})
	t.Run("broken off", TestAWriteThatIsBrokenOffLeavesNothing)
	t.Run("exclusive", TestExclusiveWriteLosesARace)
	t.Run("no space", TestNoSpace)
	t.Run("watch", TestOwnWritesAreTold)
}

func TestZerosBecomeHoles(t *testing.T) {
	const size = 40 << 20
	data := make([]byte, size)
	copy(data[10<<20:], "middle")
	for name, piece := range map[string]int{"in whole blocks": DataBytes, "in odd pieces": 10_007} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			var pieces [][]byte
			for rest := data; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
				pieces = append(pieces, rest[:min(piece, len(rest))])
			}
			if _, c := h.give(kindWrite, request{path: "f"}, pieces...); c != 0 {
				t.Fatal(c)
			}
			got, err := os.ReadFile(h.dir + "/f")
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			var st unix.Stat_t
			if err := unix.Stat(h.dir+"/f", &st); err != nil || st.Blocks*512 > 1<<20 {
				t.Fatalf("%d bytes on the disk", st.Blocks*512)
			}
		})
	}
}

func TestNoSpace(t *testing.T) {
	h := newHost(t)
	small(t, h, "small", "size=256k")
	h.tree(map[string]string{"small/f": "old"})
	for _, m := range []request{{path: "small/f"}, {path: "small/g"}} {
		big := bytes.Repeat([]byte("x"), 2<<20)
		if _, c := h.give(kindWrite, m, big); c != noSpace {
			t.Fatal(c)
		}
	}
	h.has("small/f", "old")
	if h.names("small") != "f" {
		t.Fatal(h.names("small"))
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(h.dir+"/small", &fs); err != nil || fs.Bfree < fs.Blocks-4 {
		t.Fatalf("%d of %d blocks are free", fs.Bfree, fs.Blocks)
	}
	// It still answers.
	h.write("small/g", "new")
	h.has("small/g", "new")
}

// small mounts a filesystem of memory for the test.
func small(t *testing.T, h *host, name, options string) {
	t.Helper()
	path := filepath.Join(h.dir, name)
	os.MkdirAll(path, 0o755)
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		t.Skip("nothing can be mounted here: " + err.Error())
	}
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
}

func TestPermissions(t *testing.T) {
	h := newUserHost(t)
	h.tree(map[string]string{"open/": "", "open/mine": "old", "open/theirs": "old", "closed/f": "x", "shut/f": "x", "shown/dir/f": ""})
	os.Chmod(h.dir+"/open", 0o777)
	os.Chown(h.dir+"/open/mine", someUser, someUser)
	os.Chmod(h.dir+"/shut", 0o700)
	os.Chmod(h.dir+"/shown/dir", 0o700)
	os.Chmod(h.dir+"/closed/f", 0o600)
	h.write("open/mine", "new")
	h.write("open/more/f", "new")
	for _, c := range []struct {
		kind uint8
		m    request
		want code
	}{
		{kindWrite, request{path: "open/theirs"}, permissionDenied}, {kindWrite, request{path: "open/theirs", append: true}, permissionDenied},
		{kindWrite, request{path: "closed/new"}, permissionDenied}, {kindWrite, request{path: "closed/x/y"}, permissionDenied},
		{kindWrite, request{path: "shut/f"}, permissionDenied}, {kindUnpack, request{path: "closed/x"}, permissionDenied},
		{kindRead, request{path: "closed/f"}, permissionDenied}, {kindRead, request{path: "shut/f"}, permissionDenied},
		{kindStat, request{path: "closed/f"}, 0}, {kindStat, request{path: "shut/f"}, permissionDenied},
		{kindList, request{path: "shut", depth: 1}, permissionDenied}, {kindChmod, request{path: "closed/f", mode: 0o777}, permissionDenied},
		{kindRemove, request{path: "closed/f"}, permissionDenied}, {kindRemove, request{path: "closed"}, permissionDenied},
		{kindMakeDir, request{path: "closed/d"}, permissionDenied}, {kindRename, request{path: "closed/f", to: "open/f"}, permissionDenied},
		{kindFind, request{path: "closed/f", pattern: "x", limit: 9}, permissionDenied}, {kindWatch, request{path: "shut"}, permissionDenied},
		{kindPack, request{path: "closed"}, permissionDenied}, {kindSearch, request{path: "shut", pattern: "*", limit: 1}, permissionDenied},
	} {
		if _, got := h.give2(c.kind, c.m); got != c.want {
			t.Errorf("kind %#x of %q: refusal %d, want %d", c.kind, c.m.path, got, c.want)
		}
	}
	// A directory that may not be entered is shown.
	list := h.entries(h.wants(0, kindList, request{path: "shown", depth: 9}))
	if len(list) != 1 || list[0].path != h.dir+"/shown/dir" {
		t.Fatalf("%+v", list)
	}
	if found := h.wants(0, kindFind, request{path: ".", pattern: "x", limit: 9}); len(found) != 0 {
		t.Fatalf("%+v", decodeMatches(found))
	}
	h.has("closed/f", "x")
	h.has("open/theirs", "old")
	if h.names("open") != "mine more theirs" || h.names("closed") != "f" {
		t.Fatalf("%s; %s", h.names("open"), h.names("closed"))
	}
	skipped := h.wants(0, kindReplace, request{paths: []string{"open/theirs", "shut/f", "closed/f", "open/mine"}, pattern: "new", replacement: "newer"})
	for i, want := range []uint8{skipNone, skipDenied, skipDenied, skipNone} {
		if got := skipped[i].payload; got[len(got)-1] != want {
			t.Errorf("%d: %x", i, got)
		}
	}
	denied := h.wants(0, kindReplace, request{paths: []string{"open/theirs"}, pattern: "old", replacement: "new"})
	if got := denied[0].payload; got[len(got)-1] != skipDenied {
		t.Errorf("%x", got)
	}
	h.has("open/mine", "newer")
}

// give2 sends an end of data when data is wanted.
func (h *host) give2(kind uint8, m request) ([]message, code) {
	if kind == kindWrite || kind == kindUnpack {
		return h.give(kind, m)
	}
	return h.ask(kind, m)
}

func TestAnotherOwnersRightsAreNotKept(t *testing.T) {
	h := newUserHost(t)
	h.tree(map[string]string{"open/f": "old"})
	os.Chmod(h.dir+"/open", 0o777)
	os.Chmod(h.dir+"/open/f", 0o666|os.ModeSetuid)
	h.write("open/f", strings.Repeat("n", 10))
	st, err := os.Stat(h.dir + "/open/f")
	if err != nil || st.Mode() != 0o666 || st.Sys().(*syscall.Stat_t).Uid != someUser {
		t.Fatalf("%v %+v", st.Mode(), st.Sys())
	}
}
