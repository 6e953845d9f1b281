package session

import (
	"time"

	"nullspace.dev/agent/internal/sys"
)

// chatter notices a process that writes line by line as fast as it can. Waking the agent for each line costs the
// process most of its time; so after some such turns in a row the agent lets a little gather in the pipe first.
type chatter struct {
	moved int // bytes read in this turn
	last  time.Duration
	turns int
}

const (
	smallTurn    = 4096
	chatterAfter = 16
	chatterRest  = 2 * time.Millisecond
)

// heard says that something was written to a process: one that answers does not chatter.
func (c *chatter) heard() { c.turns = 0 }

// rest ends a turn in which something was read.
func (c *chatter) rest(now time.Duration) {
	if c.moved > 0 && c.moved < smallTurn && now-c.last < 2*chatterRest {
		c.turns++
	} else if c.moved > 0 {
		c.turns = 0
	}
	c.moved, c.last = 0, now
	if c.turns > chatterAfter {
		sys.Sleep(chatterRest)
		c.last += chatterRest
	}
}
