package process

import (
	"reflect"
	"testing"

	"nullspace.dev/agent/internal/account"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "1")
	got := environment(account.Root, []string{"A=1", "HOME=/elsewhere", "A=2", "EMPTY=", "=x", "nonsense", "Z=a\x00b"})
	want := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/elsewhere", "USER=root", "LANG=C.UTF-8", "A=2", "EMPTY=",
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q", got)
	}
}
