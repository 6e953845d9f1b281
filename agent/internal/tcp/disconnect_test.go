package tcp

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestLayout(t *testing.T) {
	if size := unsafe.Sizeof(request{}); size != 72 {
		t.Errorf("a request of %d bytes", size)
	}
	if size := unsafe.Sizeof(answer{}); size != 52 {
		t.Errorf("an answer of %d bytes", size)
	}
}

func TestWhatLeavesTheMachine(t *testing.T) {
	for _, c := range []struct {
		source, addr string
		want         bool
	}{
		{"10.111.0.2", "203.0.113.1", true},
		{"10.111.0.2", "10.111.0.1", true},
		{"10.111.0.2", "10.111.0.2", false},
		{"127.0.0.1", "127.0.0.1", false},
		{"127.0.1.1", "127.0.0.1", false},
		{"::1", "::1", false},
		{"2001:db8::1", "2001:db8::2", true},
	} {
		source, addr := net.ParseIP(c.source), net.ParseIP(c.addr)
		var four, six answer
		six.family = unix.AF_INET6
		copy(six.id.sourceAddr[:], source.To16())
		copy(six.id.addr[:], addr.To16())
		if got := leaves(&six); got != c.want {
			t.Errorf("IPv6, or IPv4 in it: %s to %s: %v", c.source, c.addr, got)
		}
		if source.To4() == nil {
			continue
		}
		four.family = unix.AF_INET
		copy(four.id.sourceAddr[:], source.To4())
		copy(four.id.addr[:], addr.To4())
		if got := leaves(&four); got != c.want {
			t.Errorf("IPv4: %s to %s: %v", c.source, c.addr, got)
		}
	}
}

// The real kernel is asked in a network namespace of its own: this test starts itself there, with a veth pair whose other
// end is one namespace further.
const inNamespace = "NULLSPACE_TEST_IN_NAMESPACE"

func TestEndsConnectionsToOthersAndNoOther(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		endInNamespace(t)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("namespaces need root")
	}
	self := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	self.Env = append(os.Environ(), inNamespace+"=1")
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := self.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func endInNamespace(t *testing.T) {
	// The other machine is a process that does nothing but hold its namespace; the listener in it is opened from here.
	other := exec.Command("sleep", "60")
	other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { other.Process.Kill(); other.Wait() }()
	pid := strconv.Itoa(other.Process.Pid)
	for _, args := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", pid},
		{"ip", "addr", "add", "192.0.2.1/24", "dev", "v0"},
		{"ip", "link", "set", "v0", "up"},
		{"nsenter", "-t", pid, "-n", "ip", "addr", "add", "192.0.2.2/24", "dev", "v1"},
		{"nsenter", "-t", pid, "-n", "ip", "link", "set", "v1", "up"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v %s", args, err, out)
		}
	}
	here := listen(t, ":0")
	there := listenIn(t, "/proc/"+pid+"/ns/net", "192.0.2.2:0")
	port := portOf(here)
	away := connect(t, there, "192.0.2.2:"+portOf(there))
	loopback := connect(t, here, "127.0.0.1:"+port)
	own := connect(t, here, "192.0.2.1:"+port)

	c := Open()
	for range 2 {
		if err := c.End(); errors.Is(err, syscall.EOPNOTSUPP) {
			t.Skip("this kernel ends no sockets")
		} else if err != nil {
			t.Fatal(err)
		}
	}
	away[0].SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := away[0].Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNABORTED) {
		t.Errorf("the connection to another machine: %v", err)
	}
	// Listeners live on.
	for name, pair := range map[string][2]net.Conn{
		"loopback": loopback, "own address": own, "new": connect(t, here, "127.0.0.1:"+port), "new away": connect(t, there, "192.0.2.2:"+portOf(there)),
	} {
		pair[0].Write([]byte("x"))
		pair[1].SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := pair[1].Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// listenIn listens in another namespace; the socket stays there.
func listenIn(t *testing.T, namespace, address string) net.Listener {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, path := range []string{"/proc/thread-self/ns/net", namespace} {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if path == namespace {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
		} else {
			defer unix.Setns(fd, unix.CLONE_NEWNET)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return listen(t, address)
}

// connect returns both ends.
func connect(t *testing.T, to net.Listener, address string) [2]net.Conn {
	t.Helper()
	from, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := to.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return [2]net.Conn{from, peer}
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
