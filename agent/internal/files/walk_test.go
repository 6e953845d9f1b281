package files

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func paths(h *host, list []entry) (out []string) {
	for _, e := range list {
		out = append(out, strings.TrimPrefix(e.path, h.dir+"/"))
	}
	return out
}

func TestList(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"b": "22", "a/x/deep": "", "a/\xff": "", "c": "-> a", "link": "-> a", "f": ""})
	for _, c := range []struct {
		path  string
		depth uint32
		want  string
	}{
		{".", 1, "a b c f link"}, {".", 2, "a a/x a/\xff b c f link"}, {".", 64, "a a/x a/x/deep a/\xff b c f link"},
		{"link", 1, "link/x link/\xff"}, {"a/x/", 1, "a/x/deep"},
	} {
		list := h.entries(h.wants(0, kindList, request{path: c.path, depth: c.depth}))
		if got := strings.Join(paths(h, list), " "); got != c.want {
			t.Errorf("%s to %d: %q, want %q", c.path, c.depth, got, c.want)
		}
	}
	list := h.entries(h.wants(0, kindList, request{path: ".", depth: 1}))
	if list[0].kind != typeDir || list[1].size != 2 || list[2].target != "a" {
		t.Fatalf("%+v", list)
	}
	h.wants(notDirectory, kindList, request{path: "b", depth: 1})
	h.wants(notFound, kindList, request{path: "none", depth: 1})
	h.wants(invalid, kindList, request{path: ".", depth: 0})
}

func TestAHugeDirectoryComesInBatches(t *testing.T) {
	h := newHost(t)
	small(t, h, "many", "size=200m,nr_inodes=200k")
	const count = 100_000
	for i := range count {
		fd, err := unix.Open(filepath.Join(h.dir, "many", fmt.Sprintf("file-with-a-rather-long-name-%d", i)), unix.O_CREAT|unix.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	}
	list := h.wants(0, kindList, request{path: "many", depth: 2})
	for _, m := range list {
		if len(m.payload) > DataBytes {
			t.Fatalf("a batch of %d bytes", len(m.payload))
		}
	}
	got := paths(h, h.entries(list))
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != count {
		t.Fatalf("%d entries", len(got))
	}
	h.wants(0, kindRemove, request{path: "many/file-with-a-rather-long-name-7"})
	if list := decodeNames(h.wants(0, kindSearch, request{path: "many", pattern: "*-77?", limit: 1000})); len(list) != 10 {
		t.Fatalf("%q", list)
	}
}

func TestOrderEndsAboveTheLimit(t *testing.T) {
	h := newHost(t)
	small(t, h, "m", "")
	for i := range sortedNames + 1 {
		if i == sortedNames {
			list := paths(h, h.entries(h.wants(0, kindList, request{path: "m", depth: 1})))
			if len(list) != sortedNames || !slices.IsSorted(list) {
				t.Fatalf("%d entries, sorted %v", len(list), slices.IsSorted(list))
			}
		}
		if err := os.Symlink("x", h.path(fmt.Sprint("m/", i))); err != nil {
			t.Fatal(err)
		}
	}
	if list := h.entries(h.wants(0, kindList, request{path: "m", depth: 1})); len(list) != sortedNames+1 {
		t.Fatal(len(list))
	}
}

func TestRemove(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"keep/f": "x", "d/a/b/c": "", "d/link": "-> ../keep", "d/dangling": "-> none", "link": "-> keep", "f": "", "e/": ""})
	unix.Mkfifo(filepath.Join(h.dir, "d/fifo"), 0o644)
	for _, path := range []string{"d", "link/", "f", "./e/."} {
		if list := h.wants(0, kindRemove, request{path: path}); len(list) != 0 {
			t.Fatalf("%+v", list)
		}
	}
	if h.names(".") != "keep" {
		t.Fatal(h.names("."))
	}
	h.has("keep/f", "x")
	h.wants(notFound, kindRemove, request{path: "d"})
	h.wants(notDirectory, kindRemove, request{path: "keep/f/x"})
	for _, path := range []string{"/", "/..", "//", "/."} {
		h.wants(invalid, kindRemove, request{path: path})
	}
}

func TestRemoveOfADeepTree(t *testing.T) {
	h := newHost(t)
	dir, err := unix.Open(h.dir, unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if err := unix.Mkdirat(dir, "deep", 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(dir, "deep", unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(dir)
		dir = next
	}
	unix.Close(dir)
	// Their paths are too long to be told; what can be told is.
	if got := decodeNames(h.wants(0, kindSearch, request{path: ".", pattern: "deep", limit: 10_000})); len(got) != 3000 {
		t.Fatal(len(got))
	}
	h.wants(0, kindRemove, request{path: "deep"})
	if h.names(".") != "" {
		t.Fatal(h.names("."))
	}
}

func TestWhatIsMountedIsNotRemoved(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"d/a": "", "source/f": "x"})
	small(t, h, "d/mounted", "")
	h.tree(map[string]string{"d/mounted/f": "x"})
	h.wants(ioError, kindRemove, request{path: "d"})
	h.wants(ioError, kindRemove, request{path: "d/mounted"})
	h.has("d/mounted/f", "x")
	os.Mkdir(h.dir+"/bound", 0o755)
	if err := unix.Mount(h.dir+"/source", h.dir+"/bound", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(h.dir+"/bound", unix.MNT_DETACH) })
	h.wants(ioError, kindRemove, request{path: "bound"})
	h.has("source/f", "x")
	// A mount inside does not keep what is laid over it from being seen for what it is.
	if _, c := h.give(kindUnpack, request{path: ".", conflict: conflictMerge}, archive(t, map[string]string{"bound/new": "x", "a": "x"})); c != ioError {
		t.Fatal(c)
	}
	if h.names("source") != "f" || h.names(".") != "bound d source" {
		t.Fatalf("%s; %s", h.names("source"), h.names("."))
	}
}

func TestFind(t *testing.T) {
	h := newHost(t)
	long := strings.Repeat("a", longestLine) + "needle"
	h.tree(map[string]string{
		"a":   "one needle\r\ntwo\nthree needles\nneedle at the end",
		"b/c": "nothing\n" + "neeedle\n", "binary": "needle\x00", "late": strings.Repeat("x", binaryBytes) + "\x00needle\n", "link": "-> a",
		"odd": "caf\xe9 needle\n", "long": long + "\nneedle behind\n" + "short", "zz": strings.Repeat("ü", 3000) + " needle\n", "empty": "",
	})
	unix.Mkfifo(filepath.Join(h.dir, "fifo"), 0o644)
	got := decodeMatches(h.wants(0, kindFind, request{path: ".", pattern: "needle", limit: 100}))
	want := []match{
		{"a", 1, "one needle"}, {"a", 3, "three needles"}, {"a", 4, "needle at the end"},
		{"late", 1, strings.Repeat("x", longestContent)}, {"long", 2, "needle behind"}, {"odd", 1, "caf\ufffd needle"},
		{"zz", 1, strings.Repeat("ü", 2048)},
	}
	for i := range want {
		want[i].path = h.dir + "/" + want[i].path
	}
	if !slices.Equal(got, want) {
		t.Fatalf("\n got %.300q\nwant %.300q", fmt.Sprint(got), fmt.Sprint(want))
	}
	for pattern, lines := range map[string]int{"ne+dle$": 5, "(": 0, "^two$": 1, "needle[": 0, "(?i)NEEDLE at": 1, "": 12} {
		if got := decodeMatches(h.wants(0, kindFind, request{path: ".", pattern: pattern, limit: 100})); len(got) != lines {
			t.Errorf("%s: %d lines", pattern, len(got))
		}
	}
	for limit, lines := range map[uint32]int{0: 0, 1: 1, 2: 2} {
		if got := decodeMatches(h.wants(0, kindFind, request{path: ".", pattern: "needle", limit: limit})); len(got) != lines {
			t.Errorf("%d: %d lines", limit, len(got))
		}
	}
	if got := decodeMatches(h.wants(0, kindFind, request{path: "link", pattern: "two", limit: 9})); len(got) != 1 || got[0] != (match{h.dir + "/link", 2, "two"}) {
		t.Fatalf("%+v", got)
	}
	h.tree(map[string]string{"a": "f(x\n[\n"})
	if got := decodeMatches(h.wants(0, kindFind, request{path: "a", pattern: "f(x", limit: 9})); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	if got := decodeMatches(h.wants(0, kindFind, request{path: "/proc/self/status", pattern: "^Uid:", limit: 9})); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	h.wants(notFound, kindFind, request{path: "none", pattern: "x", limit: 9})
	h.wants(unsupported, kindFind, request{path: "fifo", pattern: "x", limit: 9})
}

func TestFindPassesOverLargeFiles(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"f": "needle\n", "g": "needle\n"})
	if err := os.Truncate(h.dir+"/g", largestSearched+1); err != nil {
		t.Fatal(err)
	}
	if got := decodeMatches(h.wants(0, kindFind, request{path: ".", pattern: "needle", limit: 100})); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	if got := decodeMatches(h.wants(0, kindFind, request{path: "g", pattern: "needle", limit: 100})); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
}

func TestSearch(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"a.txt": "", "d/b.txt": "", "d/e/c.txt": "", "d/e/.hid": "", "x[1]": "", "\xff.txt": "", "loop": "-> ."})
	for pattern, want := range map[string]string{
		"*.txt": "a.txt d/b.txt d/e/c.txt \xff.txt", "?.txt": "a.txt d/b.txt d/e/c.txt \xff.txt", "d/*": "d/b.txt d/e", "d/**": "d/b.txt d/e d/e/.hid d/e/c.txt",
		"**/*.txt": "a.txt d/b.txt d/e/c.txt \xff.txt", "**/e/*": "d/e/.hid d/e/c.txt", "./d/*": "d/b.txt d/e", "[ab].txt": "a.txt d/b.txt",
		"x[[]1]": "x[1]", `x\[1\]`: "x[1]", h.dir + "/d/*.txt": "d/b.txt", "none": "", "": "", "d/**/**/c.txt": "d/e/c.txt", "**": "a.txt d d/b.txt d/e d/e/.hid d/e/c.txt loop x[1] \xff.txt",
	} {
		list := decodeNames(h.wants(0, kindSearch, request{path: ".", pattern: pattern, limit: 100}))
		for i := range list {
			list[i] = strings.TrimPrefix(list[i], h.dir+"/")
		}
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	if list := decodeNames(h.wants(0, kindSearch, request{path: "d", pattern: "*", limit: 2})); len(list) != 2 {
		t.Fatalf("%q", list)
	}
	h.wants(notDirectory, kindSearch, request{path: "a.txt", pattern: "*", limit: 2})
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false}, {"*a*b*", "xxaxxbxx", true}, {"?", "ü", true}, {"?", "\xff", true},
		{"??", "ü", false}, {"[a-c]", "b", true}, {"[!a-c]", "b", false}, {"[^a-c]", "d", true}, {"[ä-ü]", "ö", true}, {"[]]", "]", true},
		{"[", "[", true}, {"[a", "[a", true}, {"[a-]", "-", true}, {`[\]]`, "]", true}, {`\*`, "*", true}, {`\*`, "a", false}, {`\`, `\`, true}, {"[\xff]", "\xff", true}, {"[\xff]", "\xfe", false},
		{"a*\xff", "abc\xff", true}, {strings.Repeat("*a", 30) + "b", strings.Repeat("a", 2000), false},
	} {
		if got := globName(c.pattern, c.name); got != c.want {
			t.Errorf("%.30q of %.30q: %v", c.pattern, c.name, got)
		}
	}
	if globPath(strings.Repeat("**/a/", 30)+"b", strings.Repeat("a/", 500)+"a") {
		t.Error("it fits")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("**/[a-z]*/?", "a/bc/d")
	f.Add(`[!\]a`, "x")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		globPath(pattern, name)
		if !strings.ContainsAny(pattern, `*?[\`) && globName(pattern, name) != (pattern == name) {
			t.Fatalf("%q of %q", pattern, name)
		}
	})
}

func replaced(list []message) (out string) {
	for _, m := range list {
		n := len(m.payload)
		out += fmt.Sprintf("%d%s ", m.payload[n-2], []string{"", "b", "m", "d", "l", "n"}[m.payload[n-1]])
	}
	return out
}

func TestReplace(t *testing.T) {
	h := newHost(t)
	h.tree(map[string]string{"a": "x old x old", "b": "nothing", "bin": "old\x00", "d/": "", "link": "-> a", "many": strings.Repeat("old", 65)})
	os.Chmod(h.dir+"/a", 0o751)
	list := []string{"a", "b", "bin", "none", "d", "link", "a/x"}
	m := request{paths: list, pattern: "old", replacement: "newer", dryRun: true}
	if got := replaced(h.wants(0, kindReplace, m)); got != "2 0 0b 0m 0n 2 0m " {
		t.Fatal(got)
	}
	h.has("a", "x old x old")
	m.dryRun = false
	answer := h.wants(0, kindReplace, m)
	if got := replaced(answer); got != "2 0 0b 0m 0n 0 0m " {
		t.Fatal(got)
	}
	if want := appendReplaced(nil, "a", 2, skipNone); string(answer[0].payload) != string(want) {
		t.Fatalf("%q", answer[0].payload)
	}
	h.has("a", "x newer x newer")
	if st, _ := os.Stat(h.dir + "/a"); st.Mode().Perm() != 0o751 {
		t.Fatal(st.Mode())
	}
	if to, _ := os.Readlink(h.dir + "/link"); to != "a" {
		t.Fatal("the link is gone")
	}
	h.wants(invalid, kindReplace, request{paths: list})
	h.wants(0, kindReplace, request{pattern: "x"})
	if err := os.Truncate(h.dir+"/b", largestReplaced+1); err != nil {
		t.Fatal(err)
	}
	if got := replaced(h.wants(0, kindReplace, request{paths: []string{"b"}, pattern: "noth"})); got != "0l " {
		t.Fatal(got)
	}
	if h.names(".") != "a b bin d link many" {
		t.Fatal(h.names("."))
	}
}

// The window's borders fall into the pattern in every way.
func TestReplaceOverBorders(t *testing.T) {
	h := newHost(t)
	for _, pattern := range []string{"a", "ab", "aab", "abcabcabd", strings.Repeat("long", 10_000)} {
		for _, before := range []int{0, 1, blockBytes - 3, blockBytes - 1, blockBytes, blockBytes + 1, blockBytes + len(pattern) - 1, 2 * blockBytes} {
			text := strings.Repeat("-", before) + pattern + pattern + "aa" + pattern + strings.Repeat("=", 70_000) + pattern[:len(pattern)-1]
			h.tree(map[string]string{"f": text})
			h.wants(0, kindReplace, request{paths: []string{"f"}, pattern: pattern, replacement: "[new]"})
			h.has("f", strings.ReplaceAll(text, pattern, "[new]"))
		}
	}
}
