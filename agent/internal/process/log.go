package process

import "nullspace.dev/agent/internal/wire"

const (
	// LogBytes is kept of what a process prints on its pipes: the first so many, for what was read once must not vanish.
	LogBytes = 1 << 20
	// ScreenBytes is kept of a terminal: the last so many.
	ScreenBytes = 256 << 10
	// AllLogBytes bounds all logs together; the oldest of ended processes make room.
	AllLogBytes = 8 << 20

	partBytes = 4
	onStderr  = 1 << 31
)

// Budget is shared by all logs.
type Budget struct {
	used int
	// Evict gives up the log of one ended process; false when there is none.
	Evict func() bool
}

func (b *Budget) take(n int) bool {
	for b.used+n > AllLogBytes {
		if b.Evict == nil || !b.Evict() {
			return false
		}
	}
	b.used += n
	return true
}

// log is what a process has printed, both streams in the order in which they were read. A nil log keeps nothing.
type log struct {
	budget *Budget
	screen bool   // the tail of a terminal, not the head of two pipes
	base   int64  // position of bytes[0], counted from the first byte printed; 0 but for a screen
	bytes  []byte // changed only at its end, and cut at its front for a screen
	parts  []uint32
	cut    [2]uint64 // printed past the bound, per stream
	taken  int       // of the budget
	gone   bool      // given up: nothing is kept any more
}

func (l *log) end() int64 {
	if l == nil {
		return 0
	}
	return l.base + int64(len(l.bytes))
}

// append keeps as much as the bounds allow and counts the rest.
func (l *log) append(kind uint8, data []byte) {
	if l == nil {
		return
	}
	if l.screen {
		l.scroll(data)
		return
	}
	which := int(kind - wire.KindStdout)
	mark, last := uint32(which)*onStderr, len(l.parts)-1
	more := last >= 0 && l.parts[last]&onStderr == mark
	mine := partBytes
	if more {
		mine = 0
	}
	room := max(0, LogBytes-len(l.bytes)-partBytes*len(l.parts)-mine)
	n := min(len(data), room)
	if l.gone || l.cut != [2]uint64{} {
		// What is kept is the beginning, without a hole.
		n = 0
	}
	if n > 0 && !l.charge(n+mine) {
		n = 0
	}
	l.cut[which] += uint64(len(data) - n)
	if n == 0 {
		return
	}
	l.bytes = append(l.bytes, data[:n]...)
	if more {
		l.parts[last] += uint32(n)
	} else {
		l.parts = append(l.parts, mark|uint32(n))
	}
}

// scroll keeps as much of the end as the bounds allow, in one piece of memory that grows up to that.
func (l *log) scroll(data []byte) {
	most := 2 * ScreenBytes
	if need := min(most, len(l.bytes)+len(data)); need > cap(l.bytes) {
		size := min(most, max(2*cap(l.bytes), need))
		if !l.gone && l.charge(size-l.taken) {
			l.bytes = append(make([]byte, 0, size), l.bytes...)
		}
	}
	most = cap(l.bytes)
	if over := len(l.bytes) + len(data) - most; over > 0 {
		// Half of it at once, so that it is not moved for every line.
		over += most / 2
		l.base += int64(over)
		front := min(over, len(l.bytes))
		l.bytes = l.bytes[:copy(l.bytes, l.bytes[front:])]
		data = data[min(over-front, len(data)):]
	}
	l.bytes = append(l.bytes, data...)
}

func (l *log) charge(n int) bool {
	if !l.budget.take(n) {
		return false
	}
	l.taken += n
	return true
}

// drop gives the memory back. What was there counts as cut.
func (l *log) drop() {
	if l == nil {
		return
	}
	for _, part := range l.parts {
		l.cut[part>>31] += uint64(part &^ onStderr)
	}
	l.budget.used -= l.taken
	l.base, l.bytes, l.parts, l.taken, l.gone = l.end(), nil, nil, 0, true
	if !l.screen {
		l.base = 0
	}
}

// behind counts per stream what is kept from a place up to a position.
func (l *log) behind(p place, until int64) (count [2]uint64) {
	if l == nil || l.screen {
		return count
	}
	from := int64(0)
	for _, part := range l.parts {
		to := from + int64(part&^onStderr)
		count[part>>31] += uint64(max(0, min(to, until)-max(from, p.at)))
		from = to
	}
	return count
}

// place is where a reader of a log stands.
type place struct {
	at   int64
	part int
	from int64 // position at which that part begins
}

// next gives the kind and the bytes at a place, up to the given number, and the end of them as the new place.
func (l *log) next(p place, most int) (kind uint8, data []byte, then place) {
	if l.screen {
		p.at = max(p.at, l.base)
		data = l.bytes[p.at-l.base:]
		data = data[:min(len(data), most)]
		return wire.KindStdout, data, place{at: p.at + int64(len(data))}
	}
	for p.part < len(l.parts) && p.at >= p.from+int64(l.parts[p.part]&^onStderr) {
		p.from += int64(l.parts[p.part] &^ onStderr)
		p.part++
	}
	if p.part >= len(l.parts) {
		return wire.KindStdout, nil, place{at: l.end(), part: p.part, from: p.from}
	}
	mark := l.parts[p.part]
	rest := p.from + int64(mark&^onStderr) - p.at
	data = l.bytes[p.at:min(p.at+rest, p.at+int64(most))]
	p.at += int64(len(data))
	return wire.KindStdout + uint8(mark>>31), data, p
}
