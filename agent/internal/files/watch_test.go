package files

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nullspace.dev/agent/internal/wire"
)

func (h *host) watch(path string, recursive bool) {
	h.t.Helper()
	h.send(kindWatch, encode(kindWatch, request{path: path, recursive: recursive}))
	if m := h.next(); m.kind != kindStarted {
		h.t.Fatalf("kind %#x %q", m.kind, m.payload)
	}
}

// event gives the next as "create a/b".
func (h *host) event() string {
	h.t.Helper()
	m := h.next()
	if m.kind == kindRefused {
		return "refused " + refusals[m.payload[0]-1]
	}
	if m.kind != kindEvent {
		h.t.Fatalf("kind %#x", m.kind)
	}
	c := wire.Cursor{B: m.payload}
	kind := events[c.U8()]
	return kind + " " + strings.TrimPrefix(strings.TrimPrefix(c.Str(), h.dir), "/")
}

// hears checks the next events, in their order.
func (h *host) hears(want ...string) {
	h.t.Helper()
	for i, one := range want {
		if got := h.event(); got != one {
			h.t.Fatalf("event %d is %q, want %q", i, got, one)
		}
	}
}

// until gives all events up to one.
func (h *host) until(last string) (all []string) {
	h.t.Helper()
	for {
		one := h.event()
		all = append(all, one)
		if one == last {
			return all
		}
	}
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func TestWatch(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"sub/old": "", "f": "x"})
	h.watch(".", false)
	os.WriteFile(h.path("new"), nil, 0o644)
	h.hears("create new", "write new")
	os.Chmod(h.path("new"), 0o600)
	h.hears("chmod new")
	os.Rename(h.path("new"), h.path("newer"))
	h.hears("rename newer")
	os.Rename(h.path("newer"), h.path("sub/newer"))
	h.hears("remove newer")
	os.Rename(h.path("sub/newer"), h.path("back"))
	h.hears("rename back")
	os.Remove(h.path("back"))
	h.hears("remove back")
	os.Mkdir(h.path("dir"), 0o755)
	h.hears("create dir")
	// What is below is not its business.
	os.WriteFile(h.path("dir/x"), nil, 0o644)
	os.WriteFile(h.path("sub/x"), nil, 0o644)
	os.Symlink("x", h.path("link"))
	h.hears("create link")
}

func TestWatchOfATree(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"a/b/f": "", "workspace/.nullspace/f": "", "out/": ""})
	h.watch(".", true)
	os.WriteFile(h.path("a/b/g"), nil, 0o644)
	h.hears("create a/b/g", "write a/b/g")
	os.WriteFile(h.path("workspace/.nullspace/f"), []byte("x"), 0o644)
	os.WriteFile(h.path("workspace/.nullspace/g"), []byte("x"), 0o644)
	os.MkdirAll(h.path("a/n1/n2/n3"), 0o755)
	h.hears("create a/n1", "create a/n1/n2", "create a/n1/n2/n3")
	os.WriteFile(h.path("a/n1/n2/n3/f"), nil, 0o644)
	h.hears("create a/n1/n2/n3/f", "write a/n1/n2/n3/f")
	os.Rename(h.path("a/n1"), h.path("moved"))
	h.hears("rename moved")
	os.WriteFile(h.path("moved/n2/x"), nil, 0o644)
	h.hears("create moved/n2/x", "write moved/n2/x")
	os.Remove(h.path("moved/n2/n3/f"))
	os.Remove(h.path("moved/n2/n3"))
	h.hears("remove moved/n2/n3/f", "remove moved/n2/n3")
}

// What moves out of the tree is not heard of any more, what moves in is, with all that is in it.
func TestWatchOfWhatMovesInAndOut(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"tree/d/e/": "", "other/x/y/f": "text"})
	h.watch("tree", true)
	os.Rename(h.path("tree/d"), h.path("other/d"))
	h.hears("remove tree/d")
	os.WriteFile(h.path("other/d/e/f"), nil, 0o644)
	os.Rename(h.path("other/x"), h.path("tree/x"))
	h.hears("rename tree/x", "create tree/x/y", "create tree/x/y/f", "write tree/x/y/f")
	os.Remove(h.path("tree/x/y/f"))
	h.hears("remove tree/x/y/f")
}

// Directories are made and filled faster than they can be watched; nothing of it is missed, and nothing told twice.
func TestNothingInNewDirectoriesIsMissed(t *testing.T) {
	h := newHost(t)
	h.watch(".", true)
	want := map[string]bool{}
	for i := range 300 {
		dir := fmt.Sprintf("d%d/a/b", i)
		if err := os.MkdirAll(h.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.path(dir+"/f"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, one := range []string{fmt.Sprintf("d%d", i), fmt.Sprintf("d%d/a", i), dir, dir + "/f"} {
			want["create "+one] = true
		}
		want["write "+dir+"/f"] = true
	}
	os.Mkdir(h.path("end"), 0o755)
	seen := map[string]int{}
	for len(want) > 0 {
		one := h.event()
		seen[one]++
		if strings.HasPrefix(one, "create") && seen[one] > 1 {
			t.Fatalf("%s was told twice", one)
		}
		delete(want, one)
	}
}

func TestWritesAreToldSeldomButTheLastAlways(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": ""})
	h.watch(".", false)
	f, err := os.OpenFile(h.path("f"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		f.Write([]byte("x"))
	}
	h.hears("write f")
	f.Close()
	os.Mkdir(h.path("end"), 0o755)
	all := h.until("create end")
	if len(all) > 500 {
		t.Fatalf("%d events", len(all))
	}
	h.hears("write f")
}

func TestThrottle(t *testing.T) {
	var w throttle
	const start = time.Hour
	told := []string{}
	at := func(ms time.Duration) time.Duration { return start + ms*time.Millisecond }
	tell := func(path string, ms time.Duration) {
		if w.write(path, at(ms)) {
			told = append(told, fmt.Sprintf("%s at %d", path, ms))
		}
	}
	due := func(ms time.Duration) {
		for _, path := range w.due(at(ms)) {
			told = append(told, fmt.Sprintf("%s late at %d", path, ms))
		}
	}
	tell("a", 0)
	tell("a", 1)
	tell("b", 2)
	tell("a", 49)
	due(49)
	due(50)
	tell("a", 51)
	due(52)
	tell("d/x", 60)
	tell("d/x", 61)
	w.rename("d", "e")
	due(100)
	due(110)
	tell("gone", 120)
	tell("gone", 121)
	w.drop("gone")
	due(500)
	due(600)
	want := []string{"a at 0", "b at 2", "a late at 50", "d/x at 60", "a late at 100", "e/x late at 110", "gone at 120"}
	if !slices.Equal(told, want) {
		t.Fatalf("\n got %q\nwant %q", told, want)
	}
	if len(w.files) != 0 || w.next != 0 {
		t.Fatalf("%d files are remembered, next at %v", len(w.files), w.next)
	}
}

func TestOwnWritesAreTold(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"w/f": "old"})
	h.watch("w", true)
	other := newHost(t)
	other.write(h.path("w/f"), "new")
	h.hears("write w/f")
	if _, c := other.give(kindUnpack, request{path: h.path("w/d")}, archive(t, map[string]string{"x": "1"})); c != 0 {
		t.Fatal(c)
	}
	h.hears("rename w/d", "create w/d/x", "write w/d/x")
}

func TestANewFileIsToldAsSuch(t *testing.T) {
	h := newHost(t)
	h.watch(".", true)
	newHost(t).write(h.path("f"), "new")
	h.hears("create f")
}

func TestTheTopGoes(t *testing.T) {
	for name, do := range map[string]func(h *host){
		"removed": func(h *host) { os.Remove(h.path("top")) }, "renamed": func(h *host) { os.Rename(h.path("top"), h.path("away")) },
	} {
		for _, recursive := range []bool{false, true} {
			t.Run(fmt.Sprint(name, recursive), func(t *testing.T) {
				h := newHost(t)
				h.tree(map[string]string{"top/": ""})
				h.watch("top", recursive)
				do(h)
				h.hears("remove top", "refused not_found")
				h.wants(0, kindStat, request{path: "."})
			})
		}
	}
}

func TestWatchOfAFile(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"d/f": "", "d/g": "", "link": "-> d/f"})
	h.watch("link", true)
	os.WriteFile(h.path("d/g"), []byte("x"), 0o644)
	os.WriteFile(h.path("d/f"), []byte("x"), 0o644)
	h.hears("write link")
	os.Chmod(h.path("d/f"), 0o600)
	// The second half of the write may come in between.
	if one := h.event(); one != "chmod link" {
		if one != "write link" {
			t.Fatal(one)
		}
		h.hears("chmod link")
	}
	os.WriteFile(h.path("d/temp"), []byte("x"), 0o644)
	os.Rename(h.path("d/temp"), h.path("d/f"))
	if one := h.event(); one == "write link" {
		one = h.event()
	} else if one != "rename link" {
		t.Fatal(one)
	}
	os.Remove(h.path("d/f"))
	h.hears("remove link", "refused not_found")
}

func TestWatchRefusals(t *testing.T) {
	h := newHost(t)
	h.wants(notFound, kindWatch, request{path: "none"})
	h.tree(map[string]string{"workspace/": "", "d/": ""})
	h.watch("workspace", true)
	os.MkdirAll(h.path("workspace/.nullspace/d"), 0o755)
	os.Mkdir(h.path("workspace/after"), 0o755)
	h.hears("create workspace/after")
}

func TestAnOverflowIsTold(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	var most int
	if fmt.Sscan(string(limit), &most); err != nil || most > 100_000 {
		t.Skip("the queue is too long to be filled")
	}
	h := newHost(t)
	small(t, h, "m", "")
	h.watch("m", true)
	// Nobody reads: the pipe fills, then the queue.
	for i := range most + 8000 {
		name := h.path(fmt.Sprint("m/link", i%50))
		if os.Symlink("x", name) != nil || os.Remove(name) != nil {
			t.Fatal("cannot make links")
		}
	}
	os.Mkdir(h.path("m/during"), 0o755)
	h.until("overflow m")
	// Once it is over nothing is missed, in what was made meanwhile neither.
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				os.WriteFile(h.path("m/during/f"), []byte("x"), 0o644)
			}
		}
	}()
	h.until("write m/during/f")
}

func TestAWatchEndsWithItsInput(t *testing.T) {
	h := newHost(t)
	h.watch(".", true)
	// The clean-up closes the input, and fails if that does not end it.
}
