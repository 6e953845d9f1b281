package session

import (
	"encoding/binary"
	"strings"

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
	ended := 0
	for _, one := range t.kept {
		if one.Finished() {
			ended++
		}
	}
	if ended > maxEnded {
		t.remove(t.first(func(*process.Process) bool { return true }))
	}
}

// first is the process that ended first of those that fit; -1 when there is none.
func (t *table) first(fits func(*process.Process) bool) int {
	found := -1
	for i, one := range t.kept {
		if one.Finished() && fits(one) && (found < 0 || one.FinishedAt() < t.kept[found].FinishedAt()) {
			found = i
		}
	}
	return found
}

func (t *table) remove(i int) {
	t.kept[i].DropLog()
	t.kept = append(t.kept[:i], t.kept[i+1:]...)
}

// evict gives up the log of the process that ended first.
func (t *table) evict() bool {
	i := t.first((*process.Process).HasLog)
	if i >= 0 {
		t.kept[i].DropLog()
	}
	return i >= 0
}

func (t *table) find(pid uint32) *process.Process {
	for _, p := range t.kept {
		if uint32(p.Pid) == pid {
			return p
		}
	}
	return nil
}

// labelBytes of all together are listed in full: a list is one message.
const labelBytes = 3 << 20

// list is the payload of ProcessList. Labels that are too long for it together are cut.
func (t *table) list() []byte {
	most, all := labelBytes, 0
	for _, p := range t.kept {
		all += len(p.Label)
	}
	if all > labelBytes {
		most = labelBytes / len(t.kept)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(t.kept)))
	for _, p := range t.kept {
		info := wire.ProcessInfo{
			Pid: uint32(p.Pid), Running: !p.Finished(), Terminal: p.Terminal, Cols: p.Cols, Rows: p.Rows, ID: p.ID, Label: p.Label,
		}
		if len(p.Label) > most {
			info.Label = strings.ToValidUTF8(p.Label[:most], "")
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
