#!/usr/bin/env python3
"""Compares collecting one command from many hosts: fleetstat, xargs -P ssh, AsyncSSH.

Starts one real sshd in a network namespace of its own (all of 127/8 answers), gives every contender
the same hosts, key, key exchange and width, and runs them in turn (A B C A B C ...). Prints CPU per
host and wall time per visit as medians with range, and the ratios within each round. The files that
the contenders wrote are compared with the captured file, byte for byte.

    cargo build --release && pip install asyncssh
    python3 benches/collect.py --hosts 200 --rounds 10

Needs root (network namespace, sshd). AsyncSSH is left out, and said to be, when it is missing.
"""

import argparse
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
KEX = "curve25519-sha256"
# A file that a site probe may read; the capture is bind-mounted over it in a mount namespace.
CAPTURE = "/etc/services"

ASYNCSSH = """
import asyncio, asyncssh, sys
folder, width, key, known, command = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
port = int(sys.argv[6])
async def one(gate, host):
    async with gate:
        async with asyncssh.connect(host, port=port, username='root', client_keys=[key], known_hosts=known,
                                    kex_algs=['%s'], agent_path=None, config=None) as link:
            answer = await link.run(command, encoding=None)
            assert answer.exit_status == 0
            with open(f'{folder}/{host}.txt', 'wb') as out:
                out.write(answer.stdout)
async def main():
    gate = asyncio.Semaphore(width)
    await asyncio.gather(*(one(gate, host) for host in sys.stdin.read().split()))
asyncio.run(main())
""" % KEX


def run(argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **more)


class Lab:
    """One sshd, keys and the file that every host has."""

    def __init__(self, folder):
        self.folder = folder
        self.port = 2222
        for name in ("host", "user"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name])
        os.chmod(folder, 0o755)
        # 19.5 kB: what ss prints for about 130 sockets.
        line = "tcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:50000 users:((\"sshd\",pid=1,fd=4)) uid:0 ino:1 sk:1\n"
        (folder / "capture.txt").write_text(line * 225)
        run(["mount", "--bind", folder / "capture.txt", CAPTURE])
        # An account whose login shell reads no profile: what is measured is collecting.
        (folder / "passwd").write_text(
            f"root:x:0:0:root:{folder}:/bin/sh\nsshd:x:33:33:sshd:/run/sshd:/usr/sbin/nologin\n"
        )
        run(["mount", "--bind", folder / "passwd", "/etc/passwd"])
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 0.0.0.0\nHostKey {folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin prohibit-password\nMaxStartups 1000\nLogLevel ERROR\nUseDNS no\n"
        )
        os.makedirs("/run/sshd", exist_ok=True)
        self.server = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL
        )
        key = (folder / "host.pub").read_text().split()
        (folder / "known_hosts").write_text(f"[127.*]:{self.port} {key[0]} {key[1]}\n")
        for _ in range(200):
            probe = subprocess.run(
                ["ssh-keyscan", "-p", str(self.port), "127.0.0.1"], capture_output=True, check=False
            )
            if probe.stdout:
                return
            time.sleep(0.05)
        sys.exit("sshd did not start")

    def hosts(self, count):
        return [f"127.0.{1 + i // 250}.{1 + i % 250}" for i in range(count)]


def fleetstat(lab, hosts, width, out):
    known = lab.folder / "known_hosts"
    inventory = out / "inventory.yaml"
    rows = "".join(f"  h-{h.replace('.', '-')}: {{address: {h}}}\n" for h in hosts)
    inventory.write_text(
        f"accounts:\n  bench: {{user: root, identity: {lab.folder}/user}}\n"
        f"all: {{account: bench, port: {lab.port}, role: bench}}\nhosts:\n{rows}"
    )
    (out / "site.yaml").write_text(
        "probes:\n- id: site/capture\n  platform: linux\n  views: [host]\n  reader: text\n"
        f"  argv: [/bin/cat, {CAPTURE}]\n"
    )
    playbook = out / "playbook.yaml"
    playbook.write_text(
        "name: bench\npurpose: routine\nviews: []\n"
        f"limits: {{width: {width}, starts_per_second: 10000}}\nsite_probes: [{out}/site.yaml]\n"
    )
    binary = HERE / "target/release/fleetstat"
    argv = [binary, "run", playbook, "-i", inventory, "--known-hosts", known, "--data", out / "data", "-q"]
    return argv, None, lambda: sorted((out / "data/evidence").glob("*/*-netstat.txt"))


def xargs(lab, hosts, width, out):
    options = (
        f"-F none -n -p {lab.port} -l root -i {lab.folder}/user -o IdentitiesOnly=yes -o BatchMode=yes "
        f"-o UserKnownHostsFile={lab.folder}/known_hosts -o GlobalKnownHostsFile=none "
        f"-o StrictHostKeyChecking=yes -o KexAlgorithms={KEX}"
    )
    line = f"ssh {options} {{}} cat {CAPTURE} > {out}/{{}}.txt"
    argv = ["xargs", "-P", str(width), "-I{}", "sh", "-c", line]
    return argv, "\n".join(hosts), lambda: sorted(out.glob("127.*.txt"))


def asyncssh(lab, hosts, width, out):
    script = out / "client.py"
    script.write_text(ASYNCSSH)
    command = f"cat {CAPTURE}"
    argv = [sys.executable, script, out, str(width), lab.folder / "user", lab.folder / "known_hosts", command, str(lab.port)]
    return argv, "\n".join(hosts), lambda: sorted(out.glob("127.*.txt"))


def measure(contender, lab, count, width):
    out = Path(tempfile.mkdtemp(dir=lab.folder))
    argv, stdin, files = contender(lab, lab.hosts(count), width, out)
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run([str(word) for word in argv], input=stdin, text=True)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wanted = (lab.folder / "capture.txt").read_bytes()
    found = files()
    assert len(found) == count, f"{contender.__name__}: {len(found)} files for {count} hosts"
    for path in found:
        assert wanted in path.read_bytes(), f"{path} lacks the captured bytes"
    # Nothing is removed before the end: ext4 searches long for an inode beside freshly freed ones,
    # and no nightly run creates files just after thousands were removed.
    return cpu, wall


def report(title, unit, scale, rows):
    print(f"\n{title}")
    base = rows["fleetstat"]
    for name, values in rows.items():
        ratios = [value / mine for value, mine in zip(values, base)]
        low, mid, high = (f(values) * scale for f in (min, statistics.median, max))
        ratio = f"{statistics.median(ratios):6.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"  {name:10} {mid:8.2f} {unit} ({low:.2f} to {high:.2f})   {ratio}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    if os.environ.get("FLEETSTAT_BENCH_NETNS") != "1":
        os.environ["FLEETSTAT_BENCH_NETNS"] = "1"
        inner = 'ip link set lo up && exec "$@"'
        os.execvp("unshare", ["unshare", "-nm", "sh", "-c", inner, "sh", sys.executable, *sys.argv])
    contenders = [fleetstat, xargs]
    if subprocess.run([sys.executable, "-c", "import asyncssh"], capture_output=True, check=False).returncode:
        print("asyncssh is not installed: left out")
    else:
        contenders.append(asyncssh)
    load = os.getloadavg()[0]
    print(f"load {load:.2f}{' (busy)' if load > 0.5 else ''}, {os.cpu_count()} cores, kex {KEX}")
    folder = Path(tempfile.mkdtemp(prefix="fleetstat-bench-"))
    lab = Lab(folder)
    few = max(arguments.hosts // 5, 1)
    cpu, slope, single = ({c.__name__: [] for c in contenders} for _ in range(3))
    try:
        for _ in range(arguments.rounds):
            for contender in contenders:
                name = contender.__name__
                small, _ = measure(contender, lab, few, arguments.width)
                large, _ = measure(contender, lab, arguments.hosts, arguments.width)
                cpu[name].append(large / arguments.hosts)
                slope[name].append((large - small) / (arguments.hosts - few))
                _, short = measure(contender, lab, 1, 1)
                _, long = measure(contender, lab, 21, 1)
                single[name].append((long - short) / 20)
    finally:
        lab.server.terminate()
        lab.server.wait()
        shutil.rmtree(folder)
    report(f"CPU per host, {arguments.hosts} hosts, {arguments.width} in flight", "ms", 1e3, cpu)
    report(f"CPU per host, slope from {few} to {arguments.hosts} hosts (start-up left out)", "ms", 1e3, slope)
    report("Wall time of one visit, one host at a time (slope from 1 to 21 hosts)", "ms", 1e3, single)


if __name__ == "__main__":
    main()
