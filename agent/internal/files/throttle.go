package files

import (
	"slices"
	"strings"
	"time"
)

// writePause lies between two reports that one file was written.
const writePause = 50 * time.Millisecond

// throttle lets the first write of a file be told at once, and what comes in the pause behind it as one.
type throttle struct {
	files map[string]*written
	next  time.Duration // when the first that waits may be told; 0 when none does
}

type written struct {
	told    time.Duration
	waiting bool
}

// write says whether it is to be told now; else it comes out of due.
func (t *throttle) write(path string, now time.Duration) bool {
	w := t.files[path]
	if w != nil && now < w.told+writePause {
		if !w.waiting {
			w.waiting = true
			t.wake(w.told + writePause)
		}
		return false
	}
	if w == nil {
		if t.files == nil {
			t.files = map[string]*written{}
		}
		w = &written{}
		t.files[path] = w
		// One that is forgotten too late costs only memory.
		t.wake(now + writePause)
	}
	w.told = now
	return true
}

func (t *throttle) wake(at time.Duration) {
	if t.next == 0 || at < t.next {
		t.next = at
	}
}

// due gives the files that are to be told now, and forgets those that have been quiet.
func (t *throttle) due(now time.Duration) []string {
	if t.next == 0 || now < t.next {
		return nil
	}
	var paths []string
	t.next = 0
	for path, w := range t.files {
		until := w.told + writePause
		switch {
		case now < until:
			t.wake(until)
		case w.waiting:
			w.waiting, w.told = false, now
			paths = append(paths, path)
			t.wake(now + writePause)
		default:
			delete(t.files, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// drop forgets a path and what is below it.
func (t *throttle) drop(path string) {
	for one := range t.files {
		if one == path || isBelow(one, path) {
			delete(t.files, one)
		}
	}
}

// rename keeps what waits, under the new path.
func (t *throttle) rename(from, to string) {
	moved := map[string]*written{}
	for one, w := range t.files {
		if one == from || isBelow(one, from) {
			delete(t.files, one)
			moved[to+one[len(from):]] = w
		}
	}
	for one, w := range moved {
		t.files[one] = w
	}
}

func isBelow(path, dir string) bool {
	return len(path) > len(dir) && path[len(dir)] == '/' && strings.HasPrefix(path, dir)
}
