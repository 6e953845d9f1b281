// Package tcp ends connections that came along when a guest's memory was copied. Their other end speaks to the machine
// that was copied, and would take this one's words for its.
package tcp

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Connections asks the kernel over sock_diag(7). The socket is opened at the start, with a question: the answering
// modules are loaded then, at the one boot, and not in each machine made from it.
type Connections struct {
	fd  int
	err error
	buf [32 << 10]byte
}

func Open() *Connections {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	c := &Connections{fd: fd, err: err}
	if err == nil {
		c.list(nil)
	}
	return c
}

// request is struct nlmsghdr with struct inet_diag_req_v2 of <linux/inet_diag.h> behind it, and answer the beginning of
// struct inet_diag_msg. Addresses and ports are in network order; an IPv4 address stands in the first of its words.
type request struct {
	header           unix.NlMsghdr
	family, protocol uint8
	extensions, _    uint8
	states           uint32
	id               identifier
}

type answer struct {
	family, state, timer, retransmits uint8
	id                                identifier
}

type identifier struct {
	sourcePort, port      uint16
	sourceAddr, addr      address
	netInterface          uint32
	cookieLow, cookieHigh uint32
}

type address [16]byte

// connected are the states with another end, numbered as in <net/tcp_states.h>: ESTABLISHED, SYN_SENT, SYN_RECV,
// FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING, NEW_SYN_RECV. One in TIME_WAIT has nothing more to say.
const connected = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<8 | 1<<9 | 1<<11 | 1<<12

const sockDestroy = 21 // SOCK_DESTROY of <linux/sock_diag.h>

// End ends every connection of this network namespace whose other end is not in it as well.
func (c *Connections) End() error {
	if c.err != nil {
		return c.err
	}
	var found []request
	if err := c.list(&found); err != nil {
		return err
	}
	for i := range found {
		found[i].header.Type, found[i].header.Flags = sockDestroy, unix.NLM_F_REQUEST|unix.NLM_F_ACK
		// One that ended meanwhile is not there any more.
		if err := c.ask(&found[i], nil); err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	return nil
}

// list collects what is to be ended, as requests that name it.
func (c *Connections) list(found *[]request) error {
	for _, family := range [...]uint8{unix.AF_INET, unix.AF_INET6} {
		r := request{family: family, states: connected}
		r.header.Type, r.header.Flags = unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_REQUEST|unix.NLM_F_DUMP
		err := c.ask(&r, func(a *answer) {
			if found != nil && leaves(a) {
				*found = append(*found, request{family: a.family, id: a.id})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends a request and reads all of its answer. The kernel writes it before it returns, so nothing is waited for.
func (c *Connections) ask(r *request, each func(*answer)) error {
	r.header.Len, r.protocol = uint32(unsafe.Sizeof(*r)), unix.IPPROTO_TCP
	raw := (*[unsafe.Sizeof(*r)]byte)(unsafe.Pointer(r))
	if err := unix.Sendto(c.fd, raw[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sock_diag", err)
	}
	for {
		n, err := unix.Read(c.fd, c.buf[:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("sock_diag", err)
		}
		for b := c.buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
			header := (*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
			body := b[unix.NLMSG_HDRLEN:min(max(int(header.Len), unix.NLMSG_HDRLEN), len(b))]
			switch {
			case header.Type == unix.NLMSG_ERROR || header.Type == unix.NLMSG_DONE:
				if len(body) >= 4 {
					if errno := *(*int32)(unsafe.Pointer(&body[0])); errno < 0 {
						return os.NewSyscallError("sock_diag", syscall.Errno(-errno))
					}
				}
				return nil
			case each != nil && len(body) >= int(unsafe.Sizeof(answer{})):
				each((*answer)(unsafe.Pointer(&body[0])))
			}
			b = b[min((unix.NLMSG_HDRLEN+len(body)+3)&^3, len(b)):]
		}
	}
}

// leaves says whether the other end is another machine's: not loopback, and not the address that this end has.
func leaves(a *answer) bool {
	source, addr := a.id.sourceAddr, a.id.addr
	return source != addr && !isLoopback(a.family, &source) && !isLoopback(a.family, &addr)
}

func isLoopback(family uint8, a *address) bool {
	if family == unix.AF_INET {
		return a[0] == 127
	}
	return *a == address{15: 1} || [12]byte(a[:12]) == [12]byte{10: 0xff, 11: 0xff} && a[12] == 127
}
