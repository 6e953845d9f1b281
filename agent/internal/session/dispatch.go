package session

import (
	"nullspace.dev/agent/internal/frame"
	"nullspace.dev/agent/internal/process"
	"nullspace.dev/agent/internal/wire"
)

// take handles one frame. Frames of another session than the current are nobody's; only a Hello is heard from all.
func (s *Session) take(f frame.Frame) {
	if f.Kind != wire.KindHello && (!s.open || f.Session != s.key) {
		return
	}
	// Standard input has no structure to wait for, and joining it would only hold it.
	if f.Kind == wire.KindStdin {
		s.input(f.Stream, f.Payload)
		return
	}
	if f.Kind == wire.KindHello && f.Session != s.key {
		s.joiner.Reset()
	}
	if payload, whole := s.joiner.Add(f); whole {
		s.handle(f.Session, f.Stream, f.Kind, payload)
	}
}

func (s *Session) handle(session uint64, stream uint32, kind uint8, payload []byte) {
	switch kind {
	case wire.KindHello:
		s.hello(session, payload)
	case wire.KindPing:
		s.out.message(s.key, stream, wire.KindPong, nil)
	case wire.KindQuiesce:
		s.out.hush(s.key, wire.KindQuiesced)
	case wire.KindThaw:
		s.out.speak()
	case wire.KindSetClock:
		if now, ok := wire.DecodeSetClock(payload); ok {
			s.Machine.SetClock(now)
		}
	case wire.KindExecStart:
		s.exec(stream, payload)
	case wire.KindStdinClose:
		if p := s.find(stream); p != nil {
			p.CloseInput()
		}
	case wire.KindSignal:
		if signal, ok := wire.DecodeSignal(payload); ok {
			if p := s.find(stream); p != nil {
				p.Signal(signal)
			}
		}
	case wire.KindWindow:
		if more, ok := wire.DecodeWindow(payload); ok {
			if p := s.find(stream); p != nil {
				p.Grant(stream, more)
			}
		}
	case wire.KindProcesses:
		s.out.message(s.key, stream, wire.KindProcessList, s.table.list())
	case wire.KindAttach:
		s.attach(stream, payload)
	case wire.KindDetach:
		if p := s.find(stream); p != nil {
			p.Detach(stream)
		}
	case wire.KindResize:
		if size, ok := wire.DecodeSize(payload); ok {
			if p := s.find(stream); p != nil {
				p.Resize(size.Cols, size.Rows)
			}
		}
	case wire.KindGrowDisk:
		bytes, _ := wire.DecodeGrowDisk(payload)
		if err := s.Machine.GrowDisk(bytes); err != nil {
			s.fail(stream, &wire.Failure{Reason: wire.IO, Message: err.Error()})
		} else {
			s.out.message(s.key, stream, wire.KindDone, nil)
		}
	case wire.KindGuestStat:
		var stat wire.GuestStat
		var b [wire.GuestStatBytes]byte
		s.Machine.Stat(&stat)
		s.out.message(s.key, stream, wire.KindGuestStatResult, stat.Append(b[:0]))
	default:
		s.fail(stream, &wire.Failure{Reason: wire.Unsupported, Message: "this agent does not know that kind of message"})
	}
}

// hello adopts the host that speaks. A repeat is answered as the first was: its answer may have been lost.
func (s *Session) hello(session uint64, payload []byte) {
	m, ok := wire.DecodeHello(payload)
	if !ok {
		return
	}
	if s.open && session == s.key {
		s.out.message(s.key, 0, wire.KindWelcome, s.welcome)
		return
	}
	for _, p := range s.procs {
		p.Forget()
	}
	s.out.reset()
	s.key, s.open = session, true

	w := wire.Welcome{Generation: min(m.MaxGeneration, wire.Generation), Starts: s.Starts, Version: s.Version}
	if w.Generation < max(m.MinGeneration, wire.MinGeneration) {
		w.Generation, w.Error = 0, "no generation of the protocol is known to both sides"
	} else if m.Renew != nil {
		if err := s.Machine.Renew(m.Renew); err != nil {
			w.Error = err.Error()
		} else {
			w.Renewed = true
		}
	}
	s.welcome = w.Append(s.welcome[:0])
	s.out.message(s.key, 0, wire.KindWelcome, s.welcome)
}

func (s *Session) exec(stream uint32, payload []byte) {
	m, ok := wire.DecodeExecStart(payload)
	if !ok {
		s.fail(stream, &wire.Failure{Reason: wire.IO, Message: "the request ends early"})
		return
	}
	// A second start on a stream that lives is the host's mistake; failing it would end the first one's stream.
	if s.find(stream) != nil || stream == 0 {
		return
	}
	if len(s.procs) >= maxProcesses {
		s.fail(stream, &wire.Failure{Reason: wire.NoResources, Message: "too many processes are being watched"})
		return
	}
	p, failure := s.spawner.Start(stream, &m)
	if failure != nil {
		s.fail(stream, failure)
		return
	}
	s.procs = append(s.procs, p)
	if p.Kept {
		s.table.add(p)
	}
	var b [4]byte
	s.out.message(s.key, stream, wire.KindExecStarted, wire.AppendStarted(b[:0], p.Pid))
}

// input passes standard input on. A host that sends more than it was granted loses the stream, and a process that is only
// the stream's. One that is kept may be written to over many streams, each with its own credit: it lives on, and the host is
// told that this was not taken.
func (s *Session) input(stream uint32, data []byte) {
	s.chatter.heard()
	p := s.find(stream)
	if p == nil || p.Input(stream, data) {
		return
	}
	if !p.Kept {
		p.Signal(uint8(sigkill))
	}
	p.Detach(stream)
	s.fail(stream, &wire.Failure{Reason: wire.NoResources, Message: "standard input: too much is waiting for the process to read it"})
}

const sigkill = 9

func (s *Session) find(stream uint32) *process.Process {
	for _, p := range s.procs {
		if p.Has(stream) {
			return p
		}
	}
	return nil
}

func (s *Session) fail(stream uint32, f *wire.Failure) {
	s.out.message(s.key, stream, wire.KindFailed, f.Append(nil))
}
