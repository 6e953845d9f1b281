package frame

// Joiner puts messages together that came in several frames. What it holds is bounded: one message is at most
// MaxMessage, all unfinished ones together too; a message over that is dropped to its last frame.
type Joiner struct {
	parts []part
	held  int
}

type part struct {
	stream  uint32
	kind    uint8
	dropped bool
	bytes   []byte
}

// maxParts bounds how many messages may be unfinished at once.
const maxParts = 64

// Add takes a frame and returns the message that it completes. The common case, a message in one frame, costs nothing.
func (j *Joiner) Add(f Frame) ([]byte, bool) {
	more := f.Flags&FlagMore != 0
	at := -1
	for i := range j.parts {
		if j.parts[i].stream == f.Stream && j.parts[i].kind == f.Kind {
			at = i
			break
		}
	}
	if at < 0 {
		if !more {
			return f.Payload, true
		}
		if len(j.parts) == maxParts {
			j.remove(0)
		}
		j.parts = append(j.parts, part{stream: f.Stream, kind: f.Kind})
		at = len(j.parts) - 1
	}
	p := &j.parts[at]
	if !p.dropped && j.held+len(f.Payload) > MaxMessage {
		j.held -= len(p.bytes)
		p.bytes, p.dropped = nil, true
	}
	if !p.dropped {
		p.bytes = append(p.bytes, f.Payload...)
		j.held += len(f.Payload)
	}
	if more {
		return nil, false
	}
	whole, ok := p.bytes, !p.dropped
	j.remove(at)
	return whole, ok
}

// Reset forgets everything unfinished.
func (j *Joiner) Reset() { j.parts, j.held = nil, 0 }

func (j *Joiner) remove(at int) {
	j.held -= len(j.parts[at].bytes)
	j.parts = append(j.parts[:at], j.parts[at+1:]...)
}
