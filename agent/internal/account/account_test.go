package account

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func testFiles(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	f := Files{filepath.Join(dir, "passwd"), filepath.Join(dir, "group")}
	passwd := "root:x:0:0:root:/root:/bin/bash\nbroken line\nuser:x:1000:1001:U:/home/user:/bin/sh\nbad:x:x:1:::\nalias:x:1000:1:::\n"
	group := "root:x:0:\nsudo:x:27:other,user\nusers:x:100:user\nnear:x:5:users\n"
	if os.WriteFile(f.Passwd, []byte(passwd), 0o600) != nil || os.WriteFile(f.Group, []byte(group), 0o600) != nil {
		t.Fatal("cannot write the databases")
	}
	return f
}

func TestFind(t *testing.T) {
	f := testFiles(t)
	want := Account{Name: "user", Home: "/home/user", UID: 1000, GID: 1001, Groups: []uint32{27, 100}}
	for _, name := range []string{"user", "1000"} {
		if got, err := f.Find(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	for _, name := range []string{"", "root", "0"} {
		if got, err := f.Find(name); err != nil || got.UID != 0 || got.Home != "/root" {
			t.Errorf("%q: %+v %v", name, got, err)
		}
	}
	for _, name := range []string{"nobody", "bad", "4000000000000", "broken line"} {
		if _, err := f.Find(name); err == nil {
			t.Errorf("%s was found", name)
		}
	}
}

func TestNames(t *testing.T) {
	f := testFiles(t)
	n := NewNames(f)
	if got := [...]string{n.User(0), n.User(1000), n.User(7), n.Group(27), n.Group(7)}; got != [...]string{"root", "user", "", "sudo", ""} {
		t.Fatalf("%q", got)
	}
	if err := os.WriteFile(f.Passwd, []byte("new:x:7:7::/:/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n.User(7) != "" {
		t.Fatal("the file was read again in the middle of a piece of work")
	}
	n.Refresh()
	if n.User(7) != "new" || n.User(0) != "" {
		t.Fatalf("%q %q", n.User(7), n.User(0))
	}
	os.Remove(f.Passwd)
	n.Refresh()
	if n.User(7) != "" {
		t.Fatal("a file that is gone still has names")
	}
}
