"""Runs inside one namespace of a test: listens, probes, or joins a slot's tap to a namespace that plays the guest.

  net.py peer tcp:80 udp:7 dns:53 echo:9          JSON commands on stdin, JSON answers on stdout
  net.py bridge SLOT_NETNS TAP UID NETNS   frames between TAP, opened as its owner, and a new tap g0 in NETNS
"""
import ctypes, fcntl, json, os, select, socket, struct, sys, threading

printing = threading.Lock()


def say(**answer):
    with printing:
        print(json.dumps(answer), flush=True)


def forever(work):
    threading.Thread(target=work, daemon=True).start()


seen = []  # source and text of the datagrams, and of what came on echoing connections, that reached us
taken = threading.Event()
held = {}  # connections that stay open: the last that we opened, 'own', and that we took, 'taken'


def serve_tcp(port):
    server = socket.create_server(('0.0.0.0', port), backlog=64)

    def talk(connection, peer):
        with connection:
            data = connection.recv(4096)
            connection.sendall(f'{peer[0]} {data.decode()}'.encode())

    def accept():
        while True:
            pair = server.accept()
            forever(lambda: talk(*pair))
    forever(accept)


def serve_echo(port):
    server = socket.create_server(('0.0.0.0', port))

    def talk(connection, peer):
        try:
            while data := connection.recv(4096):
                seen.append(f'{peer[0]} {data.decode()}')
                connection.sendall(data)
            seen.append(f'{peer[0]} ended')
        except OSError as error:
            seen.append(f'{peer[0]} {os.strerror(error.errno)}')

    def accept():
        while True:
            held['taken'], peer = server.accept()
            taken.set()
            forever(lambda talking=held['taken'], peer=peer: talk(talking, peer))
    forever(accept)


def serve_udp(port, answer):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: answer from the address that was asked
    server.bind(('0.0.0.0', port))

    def loop():
        while True:
            data, extra, _, peer = server.recvmsg(4096, 256)
            seen.append(f'{peer[0]} {data.decode(errors="replace")}')
            info = next(body for level, kind, body in extra if (level, kind) == (0, 8))
            own = struct.pack('=i4s4s', 0, info[8:12], b'\0' * 4)
            server.sendmsg([answer(data, peer)], [(0, 8, own)], 0, peer)
    forever(loop)


def dns_answer(query, peer=None):
    end = query.index(b'\0', 12) + 5
    header = query[:2] + struct.pack('>HHHHH', 0x8180, 1, 1, 0, 0)
    return header + query[12:end] + b'\xc0\x0c' + struct.pack('>HHIH4s', 1, 1, 60, 4, socket.inet_aton('203.0.113.80'))


def serve_dns(port):
    serve_udp(port, dns_answer)
    server = socket.create_server(('0.0.0.0', port))

    def loop():
        while True:
            connection, _ = server.accept()
            with connection:
                reply = dns_answer(connection.recv(4096)[2:])
                connection.sendall(struct.pack('>H', len(reply)) + reply)
    forever(loop)


def probe_tcp(host, port, timeout, bind=None):
    source = (bind, 0) if bind else None
    with socket.create_connection((host, port), timeout, source) as connection:
        connection.sendall(b'hello')
        return connection.recv(4096).decode()


def probe_udp(host, port, timeout, bind=None, text='hello'):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(timeout)
        if bind:
            one.bind((bind, 0))
        one.connect((host, port))
        one.send(text.encode())
        return one.recv(4096).decode()


def probe_dns(host, port, timeout, over='udp'):
    query = struct.pack('>HHHHHH', 7, 0x100, 1, 0, 0, 0) + b'\x04name\x07example\0' + struct.pack('>HH', 1, 1)
    kind = socket.SOCK_DGRAM if over == 'udp' else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(timeout)
        one.connect((host, port))
        one.send(query if over == 'udp' else struct.pack('>H', len(query)) + query)
        return socket.inet_ntoa(one.recv(4096)[-4:])


def probe_open(host, port, timeout, text='hello'):
    held['own'] = socket.create_connection((host, port), timeout)
    return probe_say(text)


def probe_say(text):
    held['own'].sendall(text.encode())
    return held['own'].recv(4096).decode()


def probe_tell(text, timeout=10):
    # The caller's connect() is done before we have taken the connection from the queue.
    if not taken.wait(timeout):
        raise TimeoutError
    held['taken'].sendall(text.encode())


PROBES = {'open': probe_open, 'say': probe_say, 'tell': probe_tell, 'tcp': probe_tcp, 'udp': probe_udp, 'dns': probe_dns, 'seen': lambda: sorted(set(seen))}


def command(id, do, **arguments):
    try:
        say(id=id, got=PROBES[do](**arguments))
    except OSError as error:
        say(id=id, failed='timeout' if isinstance(error, TimeoutError) else os.strerror(error.errno))
    except Exception as error:  # whoever asked is told, and does not wait for an answer that never comes
        say(id=id, failed=repr(error))


def peer(listeners):
    for listener in listeners:
        kind, port = listener.split(':')
        if kind == 'udp':
            serve_udp(int(port), lambda data, from_: f'{from_[0]} {data.decode()}'.encode())
        else:
            {'tcp': serve_tcp, 'dns': serve_dns, 'echo': serve_echo}[kind](int(port))
    say(ready=True)
    for line in sys.stdin:
        forever(lambda words=json.loads(line): command(**words))


def open_tap(netns, name, uid):
    with open(f'/run/netns/{netns}') as where:
        if ctypes.CDLL(None, use_errno=True).setns(where.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), 'setns')
    tap = os.open('/dev/net/tun', os.O_RDWR)
    os.seteuid(uid)
    fcntl.ioctl(tap, 0x400454CA, struct.pack('16sH22x', name.encode(), 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
    os.seteuid(0)
    return tap


def bridge(slot, tap, uid, netns):
    one, other = open_tap(slot, tap, int(uid)), open_tap(netns, 'g0', 0)
    say(ready=True)
    while True:
        for ready in select.select([one, other, sys.stdin], [], [])[0]:
            if ready is sys.stdin:
                return
            frame = os.read(ready, 65536)
            try:
                os.write(other if ready == one else one, frame)
            except OSError:
                pass  # the other side is not up yet: a cable that is not plugged in


if __name__ == '__main__':
    {'peer': lambda *words: peer(words), 'bridge': bridge}[sys.argv[1]](*sys.argv[2:])
