package guest

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Every machine has the same address in a network of its own, so a restored one needs no re-addressing.
var (
	address = [4]byte{10, 111, 0, 2}
	netmask = [4]byte{255, 255, 255, 252}
	gateway = [4]byte{10, 111, 0, 1}
)

const mtu = 1500

// setUpNetwork brings up loopback and, if the machine has a card, eth0 with its default route.
func setUpNetwork() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := up(fd, "lo"); err != nil {
		return err
	}
	if _, err := os.Stat("/sys/class/net/eth0"); err != nil {
		return nil
	}
	for _, set := range []struct {
		request uint
		value   [4]byte
	}{{unix.SIOCSIFADDR, address}, {unix.SIOCSIFNETMASK, netmask}} {
		ifr, err := unix.NewIfreq("eth0")
		if err != nil {
			return err
		}
		if err := ifr.SetInet4Addr(set.value[:]); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, set.request, ifr); err != nil {
			return err
		}
	}
	ifr, err := unix.NewIfreq("eth0")
	if err != nil {
		return err
	}
	ifr.SetUint32(mtu)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFMTU, ifr); err != nil {
		return err
	}
	if err := up(fd, "eth0"); err != nil {
		return err
	}
	return addDefaultRoute(fd)
}

func up(fd int, name string) error {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// rtentry is struct rtentry of <linux/route.h>.
type rtentry struct {
	_                     uint64
	dst, gateway, genmask unix.RawSockaddrInet4
	flags                 uint16
	_                     int16
	_                     uint64
	_                     uintptr
	metric                int16
	_                     uintptr
	_, _                  uint64
	_                     uint16
}

func addDefaultRoute(fd int) error {
	const upAndGateway = 0x1 | 0x2
	route := rtentry{
		dst:     unix.RawSockaddrInet4{Family: unix.AF_INET},
		gateway: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: gateway},
		genmask: unix.RawSockaddrInet4{Family: unix.AF_INET},
		flags:   upAndGateway,
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCADDRT, uintptr(unsafe.Pointer(&route))); errno != 0 {
		return os.NewSyscallError("SIOCADDRT", errno)
	}
	return nil
}
