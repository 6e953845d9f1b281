package files

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nullspace.dev/agent/internal/wire"
)

// The vectors are shared with the host's implementation.
const vectorFile = "../../../packages/guest-protocol/vectors/files.json"

type vector struct {
	Message, Name, Hex string
	Kind               uint8
	Value              json.RawMessage
}

// fields is the union of all, by the host's names; 64-bit numbers are in decimal.
type fields struct {
	Path, From, To       rawName
	Follow, Append       bool
	Exclusive, Recursive bool
	DryRun               bool
	Depth, Mode, Limit   uint32
	Offset, Length       string
	Pattern              rawName
	Replacement          string
	Paths                []rawName
	Conflict             string

	Type, Size, Owner   string
	UID, GID, Line      uint32
	Group, ModifiedNs   string
	Target              rawName
	Content, Skipped    string
	Replacements        string
	Bytes, Files, Event string
	Refusal, Message    string
}

// rawName is bytes: one that is no UTF-8 stands in the file as half of a pair of UTF-16, which JSON of this language
// cannot hold. So it is put there as a character of nobody's first.
type rawName string

var escapedByte = regexp.MustCompile(`\\udc([89a-f][0-9a-f])`)

func (n *rawName) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range text {
		if r >= 0xf780 && r <= 0xf7ff {
			out.WriteByte(byte(r))
		} else {
			out.WriteRune(r)
		}
	}
	*n = rawName(out.String())
	return nil
}

func names(list []rawName) []string {
	out := make([]string, 0, len(list))
	for _, one := range list {
		out = append(out, string(one))
	}
	return out
}

var (
	refusals = []string{
		"not_found", "exists", "not_directory", "is_directory", "permission_denied", "no_space", "not_empty", "reserved", "invalid",
		"too_many", "loop", "read_only", "unsupported", "bad_archive_path", "bad_archive_link", "bad_archive_entry", "io",
	}
	conflicts = []string{"merge", "replace", "error"}
	types     = []string{"file", "dir", "symlink", "other"}
	skips     = []string{"none", "binary", "missing", "denied", "too_large", "not_a_file"}
	events    = []string{"create", "write", "remove", "rename", "chmod", "overflow"}
	kinds     = map[string]uint8{
		"Stat": kindStat, "List": kindList, "Read": kindRead, "Write": kindWrite, "MakeDir": kindMakeDir, "Rename": kindRename,
		"Remove": kindRemove, "Chmod": kindChmod, "Find": kindFind, "Search": kindSearch, "Replace": kindReplace,
		"Watch": kindWatch, "Pack": kindPack, "Unpack": kindUnpack, "DataEnd": kindDataEnd, "Entry": kindEntry,
		"Entries": kindEntries, "Matches": kindMatches, "Names": kindNames, "Replaced": kindReplaced, "Unpacked": kindUnpacked,
		"WatchEvent": kindEvent, "Started": kindStarted, "Done": kindDone, "Refused": kindRefused,
	}
)

func TestVectors(t *testing.T) {
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(escapedByte.ReplaceAll(text, []byte(`\uf7$1`)), &vectors); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range vectors {
		seen[v.Message] = true
		t.Run(v.Message+"/"+v.Name, func(t *testing.T) {
			payload, err := hex.DecodeString(v.Hex)
			if err != nil {
				t.Fatal(err)
			}
			if kind, known := kinds[v.Message]; !known || kind != v.Kind {
				t.Fatalf("kind %#x, want %#x", kind, v.Kind)
			}
			if isRequest(v.Kind) {
				checkRequest(t, v, payload)
			} else {
				checkAnswer(t, v, payload)
			}
		})
	}
	if len(seen) != len(kinds) {
		t.Fatalf("%d of %d messages have a vector", len(seen), len(kinds))
	}
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkRequest decodes what the host sends.
func checkRequest(t *testing.T, v vector, payload []byte) {
	var want fields
	if err := json.Unmarshal(v.Value, &want); err != nil {
		t.Fatal(err)
	}
	expected := request{
		path: string(want.Path) + string(want.From), to: string(want.To), follow: want.Follow, append: want.Append,
		exclusive: want.Exclusive, recursive: want.Recursive, dryRun: want.DryRun, depth: want.Depth, mode: want.Mode,
		limit: want.Limit, offset: number(t, want.Offset), length: number(t, want.Length), pattern: string(want.Pattern),
		replacement: want.Replacement, conflict: uint8(max(0, slices.Index(conflicts, want.Conflict))),
	}
	if v.Kind == kindReplace {
		expected.paths = names(want.Paths)
	}
	got, ok := decode(v.Kind, payload)
	if !ok || !reflect.DeepEqual(got, expected) {
		t.Fatalf("\n got %+v\nwant %+v", got, expected)
	}
	if again := encode(v.Kind, got); !bytes.Equal(again, payload) {
		t.Fatalf("the tests' own encoder gives %x", again)
	}
	for n := range len(payload) {
		if _, ok := decode(v.Kind, payload[:n]); ok {
			t.Fatalf("the first %d bytes of %d were taken for a whole message", n, len(payload))
		}
	}
}

// checkAnswer encodes what the helper sends.
func checkAnswer(t *testing.T, v vector, payload []byte) {
	var list []fields
	var want fields
	var paths []rawName
	var err error
	switch v.Message {
	case "Names":
		err = json.Unmarshal(v.Value, &paths)
	case "Entries", "Matches":
		err = json.Unmarshal(v.Value, &list)
	default:
		err = json.Unmarshal(v.Value, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	switch v.Message {
	case "Entry":
		e := entryFrom(t, want)
		got = e.append(nil)
	case "Entries":
		got = binary.BigEndian.AppendUint32(nil, uint32(len(list)))
		for _, one := range list {
			e := entryFrom(t, one)
			got = e.append(got)
		}
	case "Matches":
		got = binary.BigEndian.AppendUint32(nil, uint32(len(list)))
		for _, one := range list {
			got = appendMatch(got, string(one.Path), one.Line, one.Content)
		}
	case "Names":
		got = binary.BigEndian.AppendUint32(nil, uint32(len(paths)))
		for _, one := range paths {
			got = wire.AppendStr(got, string(one))
		}
	case "Replaced":
		got = appendReplaced(nil, string(want.Path), number(t, want.Replacements), uint8(slices.Index(skips, want.Skipped)))
	case "Unpacked":
		got = appendUnpacked(nil, number(t, want.Bytes), number(t, want.Files))
	case "WatchEvent":
		got = appendEvent(nil, uint8(slices.Index(events, want.Event)), string(want.Path))
	case "Refused":
		got = wire.AppendStr([]byte{uint8(slices.Index(refusals, want.Refusal) + 1)}, want.Message)
	}
	if !bytes.Equal(got, payload) {
		t.Fatalf("\n got %x\nwant %x", got, payload)
	}
}

func entryFrom(t *testing.T, f fields) entry {
	modified, err := strconv.ParseInt(f.ModifiedNs, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return entry{
		path: string(f.Path), kind: uint8(slices.Index(types, f.Type)), size: number(t, f.Size), mode: f.Mode, uid: f.UID, gid: f.GID,
		owner: f.Owner, group: f.Group, modifiedNs: modified, target: string(f.Target),
	}
}

// encode is what the host does; only tests need it here.
func encode(kind uint8, m request) []byte {
	flag := func(b []byte, v bool) []byte {
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	}
	var b []byte
	if kind != kindReplace {
		b = wire.AppendStr(b, m.path)
	}
	switch kind {
	case kindStat:
		b = flag(b, m.follow)
	case kindList:
		b = binary.BigEndian.AppendUint32(b, m.depth)
	case kindRead:
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, m.offset), m.length)
	case kindWrite:
		b = flag(binary.BigEndian.AppendUint32(flag(b, m.append), m.mode), m.exclusive)
	case kindRename:
		b = wire.AppendStr(b, m.to)
	case kindChmod:
		b = binary.BigEndian.AppendUint32(b, m.mode)
	case kindFind, kindSearch:
		b = binary.BigEndian.AppendUint32(wire.AppendStr(b, m.pattern), m.limit)
	case kindReplace:
		b = binary.BigEndian.AppendUint32(b, uint32(len(m.paths)))
		for _, path := range m.paths {
			b = wire.AppendStr(b, path)
		}
		b = flag(wire.AppendStr(wire.AppendStr(b, m.pattern), m.replacement), m.dryRun)
	case kindWatch:
		b = flag(b, m.recursive)
	case kindUnpack:
		b = append(b, m.conflict)
	}
	return b
}

func FuzzDecode(f *testing.F) {
	for kind := range uint8(0x12) {
		f.Add(kind, []byte("\x00\x00\x00\x01a\x00\x00\x00\x01b\x00\x00\x00\x07\x01"))
	}
	f.Add(uint8(kindReplace), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		m, ok := decode(kind, b)
		if ok != (isRequest(kind) && ok) {
			t.Fatalf("kind %#x is a request", kind)
		}
		if !ok {
			return
		}
		if len(m.paths) > len(b) {
			t.Fatalf("%d strings out of %d bytes", len(m.paths), len(b))
		}
		// What was understood says the same again.
		if again, ok := decode(kind, encode(kind, m)); !ok || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v became %+v", m, again)
		}
	})
}
