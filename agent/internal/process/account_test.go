package process

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"nullspace.dev/agent/internal/wire"
)

func testAccounts(t *testing.T) accounts {
	t.Helper()
	dir := t.TempDir()
	a := accounts{filepath.Join(dir, "passwd"), filepath.Join(dir, "group")}
	passwd := "root:x:0:0:root:/root:/bin/bash\nbroken line\nuser:x:1000:1001:U:/home/user:/bin/sh\nbad:x:x:1:::\n"
	group := "root:x:0:\nsudo:x:27:other,user\nusers:x:100:user\nnear:x:5:users\n"
	if os.WriteFile(a.passwd, []byte(passwd), 0o600) != nil || os.WriteFile(a.group, []byte(group), 0o600) != nil {
		t.Fatal("cannot write the databases")
	}
	return a
}

func TestFindAccount(t *testing.T) {
	a := testAccounts(t)
	want := account{name: "user", home: "/home/user", uid: 1000, gid: 1001, groups: []uint32{27, 100}}
	for _, name := range []string{"user", "1000"} {
		if got, failure := a.find(name); failure != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", name, got, failure)
		}
	}
	for _, name := range []string{"", "root", "0"} {
		if got, failure := a.find(name); failure != nil || got.uid != 0 || got.home != "/root" {
			t.Errorf("%q: %+v %v", name, got, failure)
		}
	}
	for _, name := range []string{"nobody", "bad", "4000000000000", "broken line"} {
		if _, failure := a.find(name); failure == nil || failure.Reason != wire.BadUser {
			t.Errorf("%s: %v", name, failure)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "1")
	got := environment(rootAccount, []string{"A=1", "HOME=/elsewhere", "A=2", "EMPTY=", "=x", "nonsense", "Z=a\x00b"})
	want := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/elsewhere", "USER=root", "LANG=C.UTF-8", "A=2", "EMPTY=",
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q", got)
	}
}
