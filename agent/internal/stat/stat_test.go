package stat

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"nullspace.dev/agent/internal/wire"
)

func TestCPU(t *testing.T) {
	text := "cpu  10 20 30 400 5 6 7 8 900 1000\ncpu0 5 10 15 200 2 3 3 4 0 0\ncpu1 5 10 15 200 3 3 4 4 0 0\nintr 99 1 2\nctxt 5\n"
	if total, idle, cpus := parseCPU([]byte(text)); total != 486 || idle != 405 || cpus != 2 {
		t.Fatal(total, idle, cpus)
	}
	for _, odd := range []string{"", "\n", "intr 1\n", "cpu", "cpu \n\n"} {
		if total, idle, cpus := parseCPU([]byte(odd)); total != 0 || idle != 0 || cpus != 0 {
			t.Fatal(odd, total, idle, cpus)
		}
	}
}

func TestMemory(t *testing.T) {
	text := "MemTotal:         238144 kB\nMemFree:           91240 kB\nMemAvailable:     191216 kB\nBuffers: 1 kB\n"
	if total, available := parseMemory([]byte(text)); total != 238144<<10 || available != 191216<<10 {
		t.Fatal(total, available)
	}
	if total, available := parseMemory([]byte("MemFree: 1 kB\nMemTotal:")); total != 0 || available != 0 {
		t.Fatal(total, available)
	}
}

func TestNetworkIsAllButLoopback(t *testing.T) {
	text := `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    5000      50    0    0    0     0          0         0     5000      50    0    0    0     0       0          0
  eth0:18446744073709551000 5 0    0    0     0          0         0      200       3    0    0    0     0       0          0
docker0:     10       1    0    0    0     0          0         0       20       1    0    0    0     0       0          0
  lo2:1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0
`
	if received, sent := parseNetwork([]byte(text)); received != 18446744073709551011 || sent != 222 {
		t.Fatal(received, sent)
	}
	if received, sent := parseNetwork([]byte("eth0:")); received != 0 || sent != 0 {
		t.Fatal(received, sent)
	}
}

func TestReadsTheMachineItRunsOn(t *testing.T) {
	r := Open()
	var stat, later wire.GuestStat
	r.Read(&stat)
	if int(stat.CPUs) < runtime.NumCPU() || stat.CPUTotalTicks <= stat.CPUIdleTicks || stat.CPUTotalTicks == 0 {
		t.Errorf("processors: %+v", stat)
	}
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if fields := strings.Fields(first); strconv.FormatUint(stat.MemTotalBytes>>10, 10) != fields[1] {
		t.Errorf("memory: %+v, the kernel says %q", stat, first)
	}
	if stat.MemAvailableBytes == 0 || stat.MemAvailableBytes > stat.MemTotalBytes || stat.DiskUsedBytes == 0 || stat.DiskUsedBytes > stat.DiskTotalBytes {
		t.Errorf("memory and disk: %+v", stat)
	}
	r.Read(&later)
	if later.CPUTotalTicks < stat.CPUTotalTicks || later.NetReceivedBytes < stat.NetReceivedBytes {
		t.Errorf("%+v, then %+v", stat, later)
	}
	if n := testing.AllocsPerRun(10, func() { r.Read(&later) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhatIsNotThereIsZero(t *testing.T) {
	r := &Reader{cpu: -1, memory: -1, network: -1, root: -1}
	var stat wire.GuestStat
	r.Read(&stat)
	if stat != (wire.GuestStat{}) {
		t.Fatalf("%+v", stat)
	}
}

func TestALongFileIsCutAtALinesEnd(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString(strings.Repeat("eth0: 1 0 0 0 0 0 0 0 2\n", 1000))
	r := &Reader{}
	if got := r.all(int(f.Fd())); len(got) != len(r.buf)/24*24 {
		t.Fatalf("%d bytes", len(got))
	}
}
