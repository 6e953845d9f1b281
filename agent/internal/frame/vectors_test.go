package frame

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// TestVectors reads the streams that the host's implementation is tested with too.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../../packages/guest-protocol/vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Hex string
		Skipped   uint64
		Frames    []struct {
			Session, Payload string
			Stream           uint32
			Kind, Flags      uint8
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		data, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 5, len(data)} {
			r := NewReader()
			got := feed(r, data, func() int { return size })
			if len(got) != len(v.Frames) || r.Skipped() != v.Skipped {
				t.Fatalf("%s: %d frames, %d skipped; want %d and %d", v.Name, len(got), r.Skipped(), len(v.Frames), v.Skipped)
			}
			for i, f := range got {
				want := v.Frames[i]
				payload := hex.EncodeToString(f.Payload)
				if fmt.Sprintf("%016x", f.Session) != want.Session || f.Stream != want.Stream || f.Kind != want.Kind || f.Flags != want.Flags || payload != want.Payload {
					t.Fatalf("%s: frame %d is %+v, want %+v", v.Name, i, f, want)
				}
			}
		}
	}
}
