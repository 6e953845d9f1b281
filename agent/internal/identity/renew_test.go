package identity

import (
	"regexp"
	"strings"
	"testing"
)

func TestRenameHostsTouchesOnlyTheOwnLine(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1\tlocalhost\n127.0.1.1\told\n10.0.0.5\tdb\n": "127.0.0.1\tlocalhost\n127.0.1.1\tnew\n10.0.0.5\tdb\n",
		"127.0.1.1\told":         "127.0.1.1\tnew\n",
		"10.0.0.5\tdb\n":         "127.0.1.1\tnew\n10.0.0.5\tdb\n",
		"":                       "127.0.1.1\tnew\n",
		"# 127.0.1.1\tcomment\n": "127.0.1.1\tnew\n# 127.0.1.1\tcomment\n",
	} {
		if got := renameHosts(text, "new"); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestHostnames(t *testing.T) {
	for _, good := range []string{"a", "mch-7f3a", "a.b.c", strings.Repeat("x", 64)} {
		if !validHostname(good) {
			t.Errorf("%q was refused", good)
		}
	}
	for _, bad := range []string{"", "-a", ".a", "a b", "a\n127.0.0.1 b", "ü", strings.Repeat("x", 65)} {
		if validHostname(bad) {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestUUID(t *testing.T) {
	var raw [16]byte
	for i := range raw {
		raw[i] = 0xff
	}
	if got := string(appendUUID(nil, raw)); !regexp.MustCompile(`^[0-9a-f]{8}-ffff-4fff-bfff-[0-9a-f]{12}\n$`).MatchString(got) {
		t.Fatalf("%q", got)
	}
}
