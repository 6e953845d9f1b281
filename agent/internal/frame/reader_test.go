package frame

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// feed pushes data in pieces of the sizes that next gives and collects copies of the frames found.
func feed(r *Reader, data []byte, next func() int) (found []Frame) {
	for len(data) > 0 {
		n := copy(r.Space(), data[:min(len(data), next())])
		r.Added(n)
		data = data[n:]
		for {
			f, ok := r.Next()
			if !ok {
				break
			}
			f.Payload = bytes.Clone(f.Payload)
			found = append(found, f)
		}
	}
	return found
}

func message(session uint64, stream uint32, kind uint8, payload []byte) []byte {
	return AppendMessage(nil, session, stream, kind, payload)
}

func TestFramesSurviveAnySplit(t *testing.T) {
	var data []byte
	for i := range 20 {
		data = AppendMessage(data, 0x1122334455667788, uint32(i), 0x12, bytes.Repeat([]byte{byte(i)}, i*3001))
	}
	for _, size := range []int{1, 7, 4096, 1 << 20} {
		r, total := NewReader(), 0
		for _, f := range feed(r, data, func() int { return size }) {
			total += len(f.Payload)
		}
		if want := 3001 * 190; total != want || r.Skipped() != 0 {
			t.Fatalf("pieces of %d: %d payload bytes of %d, %d skipped", size, total, want, r.Skipped())
		}
	}
}

func TestFlushEndsHalfFrame(t *testing.T) {
	half := message(1, 1, 0x16, make([]byte, MaxPayload))[:5000]
	hello := message(2, 0, 0x01, []byte("hello"))
	r := NewReader()
	found := feed(r, append(append(half, make([]byte, 40<<10)...), hello...), func() int { return 4096 })
	if len(found) != 1 || string(found[0].Payload) != "hello" {
		t.Fatalf("found %v", found)
	}
}

func TestGarbageBetweenFrames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var data []byte
		want := 0
		for range 10 {
			junk := make([]byte, rnd.IntN(300))
			for i := range junk {
				junk[i] = byte("NSF1\x00\xff"[rnd.IntN(6)])
			}
			// What looks like a header may claim what follows; a real one must still be found behind a full flush.
			data = append(append(data, junk...), make([]byte, HeaderBytes+MaxPayload+TrailerBytes)...)
			data = append(data, message(uint64(round), 3, 0x12, junk)...)
			want++
		}
		found := 0
		for _, f := range feed(NewReader(), data, func() int { return 1 + rnd.IntN(9000) }) {
			if f.Session == uint64(round) && f.Stream == 3 {
				found++
			}
		}
		if found != want {
			t.Fatalf("round %d: found %d of %d", round, found, want)
		}
	}
}

func TestJoiner(t *testing.T) {
	var j Joiner
	big := bytes.Repeat([]byte("x"), 3*MaxPayload+5)
	var got []byte
	for _, f := range feed(NewReader(), message(1, 4, 0x10, big), func() int { return 4096 }) {
		if m, ok := j.Add(f); ok {
			got = m
		}
	}
	if !bytes.Equal(got, big) {
		t.Fatalf("joined %d bytes of %d", len(got), len(big))
	}
	tooBig := message(1, 4, 0x10, make([]byte, MaxMessage+1))
	for _, f := range feed(NewReader(), append(tooBig, message(1, 4, 0x10, []byte("ok"))...), func() int { return 4096 }) {
		if m, ok := j.Add(f); ok && string(m) != "ok" {
			t.Fatalf("a message of %d bytes came through", len(m))
		}
	}
	if j.held != 0 || len(j.parts) != 0 {
		t.Fatalf("the joiner still holds %d bytes", j.held)
	}
}

func TestJoinerIsBounded(t *testing.T) {
	var j Joiner
	payload := make([]byte, MaxPayload)
	for stream := range uint32(1000) {
		j.Add(Frame{Stream: stream, Kind: 0x10, Flags: FlagMore, Payload: payload})
	}
	if j.held > MaxMessage || len(j.parts) > maxParts {
		t.Fatalf("%d bytes in %d parts are held", j.held, len(j.parts))
	}
}

func FuzzReader(f *testing.F) {
	good := message(0x0102030405060708, 1, 0x12, []byte("payload"))
	f.Add(good, uint16(3))
	f.Add(good[:20], uint16(1))
	f.Add(append([]byte("NSF1NSF1\x00\x00"), good...), uint16(5000))
	f.Add(message(9, 0, 0x10, make([]byte, MaxPayload+1)), uint16(4096))
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		r, total := NewReader(), 0
		var j Joiner
		for _, fr := range feed(r, data, func() int { return int(piece)%8192 + 1 }) {
			if len(fr.Payload) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(fr.Payload))
			}
			total += HeaderBytes + len(fr.Payload) + TrailerBytes
			j.Add(fr)
		}
		if uint64(total)+r.Skipped()+uint64(r.end-r.start) != uint64(len(data)) {
			t.Fatalf("%d in frames, %d skipped, %d kept of %d", total, r.Skipped(), r.end-r.start, len(data))
		}
		// Whatever came before, a frame behind a whole flush is found.
		tail := append(make([]byte, 40<<10), message(7, 7, 7, []byte("seven"))...)
		for _, fr := range feed(r, tail, func() int { return 4096 }) {
			if fr.Session == 7 && string(fr.Payload) == "seven" {
				return
			}
		}
		t.Fatal("the frame behind the flush was not found")
	})
}
