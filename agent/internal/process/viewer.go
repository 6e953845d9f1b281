package process

import (
	"nullspace.dev/agent/internal/wire"
)

// MaxViewers bounds how many streams may look at one process.
const MaxViewers = 32

// grantBelow: standard input is granted again once so little is queued.
const grantBelow = 64 << 10

// viewer is a stream of the host that belongs to a process: it hears of its end, and of its output if it asked for that.
type viewer struct {
	stream uint32
	mode   wire.AttachMode
	window uint64
	place  place
	until  int64 // of a reader of the log alone: where it ends
	missed [2]uint64
	owed   uint32 // bytes of standard input to be granted again
}

func (v *viewer) follows() bool { return v.mode == wire.AttachFollow }

// Attach adds a stream to the process, which may have ended. False when there are too many.
func (p *Process) Attach(stream uint32, mode wire.AttachMode, window uint32) bool {
	if len(p.viewers) >= MaxViewers {
		return false
	}
	v := viewer{stream: stream, mode: mode, window: uint64(window), until: p.log.end()}
	if mode != wire.AttachWait && p.log != nil {
		v.missed = p.log.cut
	}
	p.viewers = append(p.viewers, v)
	return true
}

// Detach takes a stream away; the process goes on. One whose input is guided sees the end of it.
func (p *Process) Detach(stream uint32) {
	for i := range p.viewers {
		if p.viewers[i].stream == stream {
			p.viewers = append(p.viewers[:i], p.viewers[i+1:]...)
			break
		}
	}
	if p.guided && len(p.viewers) == 0 {
		p.in.finish(p.loop)
	}
}

// Has says whether a stream belongs to the process.
func (p *Process) Has(stream uint32) bool { return p.viewer(stream) != nil }

func (p *Process) viewer(stream uint32) *viewer {
	for i := range p.viewers {
		if p.viewers[i].stream == stream {
			return &p.viewers[i]
		}
	}
	return nil
}

// replay sends viewers what was printed before they came. It returns whether it stopped for the turn only.
func (p *Process) replay(sink Sink) (more bool) {
	for i := 0; i < len(p.viewers); i++ {
		v := &p.viewers[i]
		if v.mode == wire.AttachWait || p.log == nil {
			continue
		}
		for step := 0; ; step++ {
			end := p.log.end()
			if v.mode == wire.AttachLogs {
				end = min(end, v.until)
			}
			if v.place.at >= end {
				break
			}
			if v.window == 0 || !sink.Room() {
				break
			}
			if step == stepsPerTurn {
				more = true
				break
			}
			buf := sink.Buffer()
			kind, data, then := p.log.next(v.place, int(min(uint64(len(buf)), v.window, uint64(end-v.place.at))))
			n := copy(buf, data)
			v.place = then
			if n == 0 {
				continue
			}
			v.window -= uint64(n)
			sink.Moved(n)
			sink.Output(v.stream, kind, n)
		}
		if v.mode == wire.AttachLogs && v.place.at >= min(p.log.end(), v.until) {
			sink.Logged(v.stream, !p.finished, p.report(v))
			p.viewers = append(p.viewers[:i], p.viewers[i+1:]...)
			i--
		}
	}
	return more
}

// allowed is how much may be read now for those who follow; without any it is unbounded.
func (p *Process) allowed() uint64 {
	most := ^uint64(0)
	for i := range p.viewers {
		if v := &p.viewers[i]; v.follows() {
			if v.place.at < p.log.end() {
				return 0
			}
			most = min(most, v.window)
		}
	}
	return most
}

// show gives what was just read to everybody, the log first.
func (p *Process) show(kind uint8, n int, sink Sink) {
	p.log.append(kind, sink.Buffer()[:n])
	for i := range p.viewers {
		v := &p.viewers[i]
		if !v.follows() {
			continue
		}
		v.window -= uint64(n)
		v.place.at = p.log.end()
		sink.Output(v.stream, kind, n)
	}
}

// tellEnd tells those who wait for it, once they have seen all that came before.
func (p *Process) tellEnd(sink Sink) {
	kept := p.viewers[:0]
	for i := range p.viewers {
		v := &p.viewers[i]
		if v.mode == wire.AttachLogs || v.follows() && v.place.at < p.log.end() {
			kept = append(kept, *v)
			continue
		}
		sink.Exited(v.stream, p.report(v))
	}
	p.viewers = kept
}

// grantInput lets those write on whose input has been taken.
func (p *Process) grantInput(sink Sink) {
	if !p.Kept && !p.guided || len(p.in.queue) > grantBelow {
		return
	}
	for i := range p.viewers {
		if v := &p.viewers[i]; v.owed > 0 {
			sink.Granted(v.stream, v.owed)
			v.owed = 0
		}
	}
}
