package session

import (
	"encoding/binary"

	"nullspace.dev/agent/internal/process"
	"nullspace.dev/agent/internal/wire"
)

// maxEnded bounds how many processes are remembered that have ended; the oldest are forgotten.
const maxEnded = 512

// table is the processes that the host may ask for by their pid, in the order of their start. It lives in the agent's
// memory, so it is paused, saved and forked with the machine.
type table struct {
	kept []*process.Process
}

// add takes a process in. One that had the same pid before has been gone for long.
func (t *table) add(p *process.Process) {
	for i, old := range t.kept {
		if old.Pid == p.Pid {
			t.remove(i)
			break
		}
	}
	t.kept = append(t.kept, p)
}

// resting notes that nothing is to be done for a process any more: it has ended.
func (t *table) resting(p *process.Process) {
	if !p.Kept {
		return
	}
	ended, oldest := 0, -1
	for i, one := range t.kept {
		if one.Finished() {
			ended++
			if oldest < 0 {
				oldest = i
			}
		}
	}
	if ended > maxEnded {
		t.remove(oldest)
	}
}

func (t *table) remove(i int) {
	t.kept[i].DropLog()
	t.kept = append(t.kept[:i], t.kept[i+1:]...)
}

// evict gives up the log of the process that ended first.
func (t *table) evict() bool {
	for _, p := range t.kept {
		if p.Finished() && p.HasLog() {
			p.DropLog()
			return true
		}
	}
	return false
}

func (t *table) find(pid uint32) *process.Process {
	for _, p := range t.kept {
		if uint32(p.Pid) == pid {
			return p
		}
	}
	return nil
}

// list is the payload of ProcessList.
func (t *table) list() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(t.kept)))
	for _, p := range t.kept {
		info := wire.ProcessInfo{
			Pid: uint32(p.Pid), Running: !p.Finished(), Terminal: p.Terminal, Cols: p.Cols, Rows: p.Rows, ID: p.ID, Label: p.Label,
		}
		if p.Finished() {
			info.Code = p.ExitCode()
		}
		b = info.Append(b)
	}
	return b
}

func (s *Session) attach(stream uint32, payload []byte) {
	m, ok := wire.DecodeAttach(payload)
	if !ok {
		s.fail(stream, &wire.Failure{Reason: wire.IO, Message: "the request ends early"})
		return
	}
	if stream == 0 || s.find(stream) != nil {
		return
	}
	p := s.table.find(m.Pid)
	if p == nil {
		s.fail(stream, &wire.Failure{Reason: wire.NoProcess, Message: "no such process"})
		return
	}
	if !p.Attach(stream, m.Mode, m.Window) {
		s.fail(stream, &wire.Failure{Reason: wire.NoResources, Message: "too many are attached to the process"})
		return
	}
	// One at rest wakes up for the answer.
	active := false
	for _, one := range s.procs {
		active = active || one == p
	}
	if !active {
		s.procs = append(s.procs, p)
	}
	var b [4]byte
	s.out.message(s.key, stream, wire.KindExecStarted, wire.AppendStarted(b[:0], p.Pid))
}
