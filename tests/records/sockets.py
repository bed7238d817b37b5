"""Makes sockets in every state in this network namespace and writes what each tool and /proc say.

Usage, as root: unshare -n python3 sockets.py FOLDER

FOLDER gets what `ss`, netstat, busybox and lsof print, the tables of /proc/net, and truth.json:
each socket as /proc/net, /proc/PID/fd and the socket itself (SO_COOKIE, IPV6_V6ONLY,
SO_BINDTODEVICE) tell it.
A tun device stands for the rest of the world, so a peer can be made to stop in any state.
"""

import ctypes, fcntl, glob, json, os, re, signal, socket, struct, subprocess, sys, time

OUT = sys.argv[1]
TABLES = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"]
HOSTILE = [b"users:((", b"(sd-pam)", b"comma,fd=3", b"a)b,pid=9,\"q", b"new\nline", b"tab\tname", b"my server",
           b"esc\x1b[31m", b"\xff\xfe\x80", b"\",pid=1,fd=2", b"\",1,2),(\"x", b"\ntcp ESTAB 0 0",
           b"nl\n\nx", b"cr\r\nx", b"tail\n", "\u00e9t\u00e9".encode(), b"15charsexactly!"]
ARGV0 = [b"my server", b"new\nline", b"a)b (c", b"/usr/sbin/nginx: x", b"tail\n", b"off (0.00/0/0)",
         b"-", b"/", b"far longer than nineteen characters", b"\xff\x1b[1m"]
TOOLS = {
    "ss4": "ss -4 -n -a -t -u -w -e -o -p",
    "ss6": "ss -6 -n -a -t -u -w -e -o -p",
    "netstat-wide": "netstat -n -a -t -u -w -e -e -o -p -W",
    "netstat-narrow": "netstat -n -a -t -u -w -e -e -o -p",
    "busybox": "busybox netstat -t -u -w -a -n",
    "lsof": "lsof +c0 -w -n -P -i -F0pcuLRftPndT",
}
libc = ctypes.CDLL(None)
keep, known = [], {}


def run(*argv):
    subprocess.run(argv, check=True)


def note(sock, backlog=None):
    """Remembers what only the socket itself can tell."""
    device = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).split(b"\0")[0]
    facts = {"cookie": struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, 57, 8))[0]}
    facts["device"] = device.decode() or None
    if sock.family == socket.AF_INET6:
        facts["v6only"] = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    facts["backlog"] = backlog
    known[os.fstat(sock.fileno()).st_ino] = facts
    keep.append(sock)
    return sock


def listener(address, family=socket.AF_INET, v6only=None, device=None, backlog=7):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if v6only is not None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    if device:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
    sock.bind(address)
    sock.listen(backlog)
    return note(sock, backlog)


def datagram(local, remote=None, family=socket.AF_INET, v6only=None, device=None):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if v6only is not None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    if device:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
    sock.bind(local)
    if remote:
        sock.connect(remote)
    return note(sock)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Peer:
    """A TCP peer behind the tun device that answers only when told to."""

    def __init__(self, tun, address, port, target):
        self.tun, self.port, self.target = tun, port, target
        self.address, self.seq, self.ack = address, 1000, 0

    def send(self, flags, window=64240):
        here, there = socket.inet_aton(self.address), socket.inet_aton(self.target[0])
        tcp = struct.pack("!HHIIBBHHH", self.port, self.target[1], self.seq, self.ack, 5 << 4,
                          flags, window, 0, 0)
        pseudo = here + there + struct.pack("!BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, here, there)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        os.write(self.tun, head + tcp)

    def handshake(self, server, window=64240):
        self.send(0x02, window)
        self.seq += 1
        while True:
            packet = os.read(self.tun, 2048)
            if packet[0] != 0x45 or packet[9] != 6 or packet[16:20] != socket.inet_aton(self.address):
                continue
            source, target, seq, _, _, flags = struct.unpack("!HHIIBB", packet[20:34])
            if target == self.port and flags & 0x12 == 0x12:
                break
        self.ack = seq + 1
        self.send(0x10, window)
        sock, _ = server.accept()
        return note(sock)


def child(name, port):
    """A process of this name that listens on this port."""
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        for sock in keep:
            sock.close()
        libc.prctl(15, ctypes.c_char_p(name), 0, 0, 0)
        sock = socket.socket()
        sock.bind(("127.0.0.1", port))
        sock.listen(7)
        cookie = struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
        ino = os.fstat(sock.fileno()).st_ino
        os.write(done, struct.pack("QQ", ino, cookie))
        signal.pause()
        os._exit(0)
    ino, cookie = struct.unpack("QQ", os.read(ready, 16))
    os.close(ready)
    os.close(done)
    known[ino] = {"cookie": cookie, "device": None, "backlog": 7}
    return pid


def renamed(name, port):
    """A process with this argv[0] that holds a listener on this port."""
    sock = listener(("127.0.0.1", port))
    keep.remove(sock)
    pid = os.fork()
    if pid == 0:
        for other in keep:
            other.close()
        sock.set_inheritable(True)
        os.execv("/bin/sleep", [name, b"300"])
    sock.close()
    return pid


def shared(port, owners):
    """One listener that several processes hold."""
    listener(("10.99.0.1", port))
    pids = []
    for _ in range(owners - 1):
        pids.append(os.fork())
        if pids[-1] == 0:
            for other in keep[:-1]:
                other.close()
            signal.pause()
            os._exit(0)
    return pids


def make():
    run("ip", "link", "set", "lo", "up")
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"t0", 0x1001))
    run("ip", "addr", "add", "10.99.0.1/24", "dev", "t0")
    run("ip", "link", "set", "t0", "up")
    run("ip", "addr", "add", "fe80::99/64", "dev", "t0", "nodad")
    run("ip", "addr", "add", "2001:db8:1111:2222:3333:4444:5555:6666/64", "dev", "t0", "nodad")
    v6 = socket.AF_INET6

    listener(("0.0.0.0", 22))
    listener(("127.0.0.1", 9090), backlog=128)
    listener(("0.0.0.0", 8443), device="t0")
    listener(("::", 23), v6, v6only=1)
    dual = listener(("::", 8080), v6, v6only=0)
    listener(("::1", 5432), v6, v6only=1)
    listener(("2001:db8:1111:2222:3333:4444:5555:6666", 65535), v6)
    listener(("fe80::99", 9000, 0, socket.if_nametoindex("t0")), v6)

    datagram(("0.0.0.0", 68), device="t0")
    datagram(("0.0.0.0", 5353))
    datagram(("::", 5353), family=v6, v6only=1)
    datagram(("::", 5354), family=v6, v6only=0)
    datagram(("10.99.0.1", 6000), ("10.99.0.2", 53))
    datagram(("fe80::99", 546, 0, socket.if_nametoindex("t0")), family=v6)
    full = datagram(("127.0.0.1", 6001))
    full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    sender = datagram(("127.0.0.1", 6002))
    for _ in range(20):
        sender.sendto(b"x" * 500, ("127.0.0.1", 6001))
    for family, protocol in ((socket.AF_INET, 1), (v6, 58)):
        raw = socket.socket(family, socket.SOCK_RAW, protocol)
        keep.append(raw)
        known[os.fstat(raw.fileno()).st_ino] = {"raw": True}

    # Both ends here: established with unread bytes, half closed, closed, v4-mapped.
    for client_family, address in ((socket.AF_INET, "127.0.0.1"), (v6, "::1")):
        for step in ("established", "half", "wait"):
            client = socket.socket(client_family)
            client.connect((address, 8080))
            server, _ = dual.accept()
            if step == "established":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 300)
                client.send(b"y" * 4096)
            elif step == "half":
                client.shutdown(socket.SHUT_WR)
            else:
                client.close()
                server.close()
                continue
            note(client), note(server)

    # Connections that get no answer.
    for family, address in ((socket.AF_INET, "10.99.0.77"), (v6, "2001:db8:1111:2222::9")):
        waiting = socket.socket(family)
        waiting.setblocking(False)
        waiting.connect_ex((address, 4444))
        note(waiting)

    # Peers that stop in the middle.
    server = listener(("10.99.0.1", 7000))
    Peer(tun, "10.99.0.50", 5000, ("10.99.0.1", 7000)).send(0x02)
    peers = [Peer(tun, f"10.99.0.{60 + n}", 5000, ("10.99.0.1", 7000)) for n in range(5)]
    fin_wait_1 = peers[0].handshake(server)
    fin_wait_1.shutdown(socket.SHUT_WR)
    closing = peers[1].handshake(server)
    closing.shutdown(socket.SHUT_WR)
    peers[1].send(0x11)
    last_ack = peers[2].handshake(server)
    peers[2].send(0x11)
    time.sleep(0.1)
    last_ack.shutdown(socket.SHUT_WR)
    unacked = peers[3].handshake(server)
    unacked.send(b"z" * 700)
    orphan = peers[4].handshake(server)
    keep.remove(orphan)
    orphan.close()
    # IPv4 on IPv6 sockets.
    listener(("::ffff:10.99.0.1", 7200), v6)
    datagram(("::ffff:10.99.0.1", 6003), ("::ffff:10.99.0.2", 53), family=v6)
    # An address that is cut to one that looks whole.
    run("ip", "addr", "add", "2001:db8:85a3::8a2e:370:7334/64", "dev", "t0", "nodad")
    listener(("2001:db8:85a3::8a2e:370:7334", 443), v6)
    pids = [child(name, 7100 + n) for n, name in enumerate(HOSTILE)]
    pids += [renamed(name, 7150 + n) for n, name in enumerate(ARGV0)]
    return pids + shared(7300, 4) + [os.getpid()]


def owners():
    found = {}
    for path in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            target = os.readlink(path)
            _, _, pid, _, fd = path.split("/")
            if match := re.fullmatch(r"socket:\[(\d+)\]", target):
                name = open(f"/proc/{pid}/comm", "rb").read()[:-1]
                argv0 = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")[0]
                entry = {"pid": int(pid), "fd": int(fd), "name": name.hex(), "argv0": argv0.hex()}
                found.setdefault(int(match[1]), []).append(entry)
        except (FileNotFoundError, PermissionError):
            pass
    return found


def address(text):
    words, port = text.split(":")
    raw = b"".join(struct.pack("=I", int(words[i:i + 8], 16)) for i in range(0, len(words), 8))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw), int(port, 16)


def tables():
    return {table: open(f"/proc/net/{table}", "rb").read() for table in TABLES}


def timeless(text):
    """A table without slots, times and pointers: what must not change while ss runs."""
    rows = [row.split() for row in text.splitlines()[1:]]
    return [row[1:5] + [row[5][:2]] + row[6:10] for row in rows]


def capture():
    for _ in range(50):
        before = tables()
        said = {name: subprocess.run(command.split(), capture_output=True, check=True).stdout
                for name, command in TOOLS.items()}
        after = tables()
        if all(timeless(before[t]) == timeless(after[t]) for t in TABLES):
            return after, said
        time.sleep(0.05)
    sys.exit("the sockets did not come to rest")


def truth(after):
    held, rows = owners(), []
    for table in TABLES:
        for line in after[table].decode().splitlines()[1:]:
            f = line.split()
            tx, rx = (int(x, 16) for x in f[4].split(":"))
            kind, when = (int(x, 16) for x in f[5].split(":"))
            inode = int(f[9])
            rows.append({
                "table": table, "local": address(f[1]), "remote": address(f[2]),
                "state": int(f[3], 16), "tx": tx, "rx": rx, "timer": kind, "expires_ms": when * 10,
                "retransmits": int(f[6], 16), "uid": int(f[7]), "probes": int(f[8]),
                "inode": inode, "drops": int(f[12]) if "tcp" not in table else None,
                "owners": held.get(inode, []), "known": known.get(inode),
            })
    return rows


signal.alarm(60)
pids = make()
time.sleep(0.3)
after, said = capture()
for name, text in [*after.items(), *said.items()]:
    with open(f"{OUT}/{name}.txt", "wb") as file:
        file.write(text)
with open(f"{OUT}/truth.json", "w") as file:
    json.dump(truth(after), file)
for pid in pids[:-1]:
    os.kill(pid, signal.SIGKILL)
