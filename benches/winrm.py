#!/usr/bin/env python3
"""Compares collecting from Windows hosts over WinRM: fleetstat, and pypsrp's WinRS.

Starts the service of tests/lab/winrm with many hosts on 127/8, and gives both the same hosts, account
and commands: those that fleetstat's default run sends, in one shell per host. They run in turn
(A B A B ...). Prints CPU per host and wall time as medians with range, the ratios within each round,
and peak memory; both write down what the hosts said, and it is compared byte for byte. fleetstat also
parses and stores it.

    cargo build --release && pip install -r tests/lab/winrm/requirements.txt pypsrp
    python3 benches/winrm.py --hosts 100 --rounds 5
    python3 benches/winrm.py --fleetstat-only --hosts 250 --width 250 --rounds 3
    python3 benches/winrm.py --fleetstat-only --hosts 200 --load 8 --rounds 1

`--load N` keeps N processes busy beside it. A visit that fails, a second login on a host, a shell that
stays, a message in the clear, or less than five times our CPU ends it with an error.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
USER = "svc-netstat"
VIEWS = "[listeners, sessions, interfaces, routes, counters]"

PYPSRP = """
import concurrent.futures, json, sys
from pathlib import Path
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
out, width, port, tls, ca, user, secret, commands, peak = sys.argv[1:10]
password, commands = Path(secret).read_text().strip(), json.loads(commands)
def one(host):
    kept = []
    link = WSMan(host, port=int(port), ssl=tls == 'tls', username='LAB\\\\' + user, password=password,
                 auth='ntlm', cert_validation=ca if tls == 'tls' else True,
                 encryption='auto' if tls == 'tls' else 'always')
    with link, WinRS(link, codepage=65001, no_profile=True) as shell:
        for command in commands:
            process = Process(shell, command[0], command[1:], no_shell=True)
            process.invoke()
            process.signal(SignalCode.TERMINATE)
            kept.append(process.stdout)
    Path(out, host).write_bytes(b''.join(kept))
with concurrent.futures.ThreadPoolExecutor(int(width)) as pool:
    list(pool.map(one, sys.stdin.read().split()))
"""


class Lab:
    """The service, and what it counted."""

    def __init__(self, folder, count):
        self.folder = folder
        self.hosts = [f"127.0.{1 + i // 250}.{1 + i % 250}" for i in range(count)]
        self.password = "N3t!" + os.urandom(12).hex()
        self.secret = folder / "secret"
        self.secret.touch(mode=0o600)
        self.secret.write_text(self.password + "\n")
        account = {"user": USER, "domain": "LAB", "password": self.password, "admin": False, "remote": True}
        (folder / "users.json").write_text(json.dumps([account]))
        argv = [sys.executable, HERE / "tests/lab/winrm/server.py", "--hosts", ",".join(self.hosts)]
        argv += ["--cbt", "strict", "--users", folder / "users.json", "--state-dir", folder / "state"]
        self.server = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.server.stdout.readline())

    def ask(self, path, body=None):
        url = f"http://127.0.0.1:{self.ready['control']}{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:
            return json.loads(answer.read())

    def reset(self):
        self.ask("/reset", {})

    def totals(self):
        return self.ask("/state")["totals"]


def fleetstat(lab, out, width, tls):
    rows = "".join(f"  h-{host.replace('.', '-')}: {{address: {host}}}\n" for host in lab.hosts)
    port = lab.ready["https" if tls else "http"]
    (out / "fleet.yaml").write_text(
        f"accounts:\n  reader: {{user: 'LAB\\{USER}', password: {{file: {lab.secret}}}}}\n"
        f"all: {{account: reader, transport: winrm, port: {port}, tls: {str(tls).lower()}, role: bench}}\n"
        f"hosts:\n{rows}"
    )
    (out / "night.yaml").write_text(
        f"name: bench\npurpose: routine\nviews: {VIEWS}\n"
        f"limits: {{width: {width}, starts_per_second: 10000}}\n"
    )
    argv = [HERE / "target/release/fleetstat", "run", out / "night.yaml", "-i", out / "fleet.yaml"]
    return [*argv, "--data", out / "data", "-q"], None


def pypsrp(lab, out, width, tls):
    script = out / "client.py"
    script.write_text(PYPSRP)
    port = lab.ready["https" if tls else "http"]
    words = [out, width, port, "tls" if tls else "sealed", lab.ready["ca"], USER, lab.secret]
    return [sys.executable, script, *words, json.dumps(lab.commands), ""], "\n".join(lab.hosts)


def sections(out):
    """Commands and standard outputs of each host, in order."""
    folder = next((out / "data/evidence").iterdir())
    manifest = json.loads((folder / "manifest.json").read_text())
    for host in manifest["hosts"]:
        assert host["outcome"] == "complete", f"{host['name']}: {host['outcome']} {host['faults']}"
        text = (folder / host["files"][0]["name"]).read_bytes()
        yield host["files"][0]["sections"], text


def output(section, text):
    place = section["stdout"]
    return text[place["offset"] : place["offset"] + place["bytes"]]


def learn(lab, tls):
    """What a default run sends, and what it was answered."""
    out = Path(tempfile.mkdtemp(dir=lab.folder))
    whole, lab.hosts = lab.hosts, lab.hosts[:1]
    argv, _ = fleetstat(lab, out, 1, tls)
    lab.reset()
    start(argv, None, lab)
    lab.hosts = whole
    ((found, text),) = sections(out)
    lab.commands = []
    for event in lab.ask("/log"):
        if event["ev"] == "op" and event["action"] == "Command":
            lab.commands.append(event["line"].split())
        elif event["ev"] == "fault" and event["action"] == "Command":
            # The host has no such program.
            lab.commands.pop()
    lab.expected = b"".join(output(section, text) for section in found)


def start(argv, stdin, lab):
    """Runs a contender to its end: CPU, wall time and peak memory."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(lab.folder), "SSL_CERT_FILE": lab.ready["ca"]}
    begun = time.monotonic()
    child = subprocess.Popen(
        [str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
    )
    child.stdin.write(stdin or "")
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{argv[0]} ended with {child.returncode}"
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss / 1024


def measure(contender, lab, width, tls):
    out = Path(tempfile.mkdtemp(dir=lab.folder))
    argv, stdin = contender(lab, out, width, tls)
    lab.reset()
    result = start(argv, stdin, lab)
    totals = lab.totals()
    if contender is fleetstat:
        found = [b"".join(output(section, text) for section in all) for all, text in sections(out)]
        for counter in ("open_shells", "plaintext_rejected", "soap_plain_http", "conformance_issues", "auth_fail"):
            assert totals.get(counter, 0) == 0, f"{counter}: {totals}"
        assert totals["auth_ok"] == len(lab.hosts), totals
    else:
        found = [(out / host).read_bytes() for host in lab.hosts]
    assert len(found) == len(lab.hosts) and all(text == lab.expected for text in found), "other bytes"
    shutil.rmtree(out)
    return result, totals["auth_ok"] / len(lab.hosts)


def report(title, unit, rows, digits=1):
    print(title)
    base = rows["fleetstat"]
    for name, values in rows.items():
        ratios = [value / mine for value, mine in zip(values, base)]
        ratio = f"{statistics.median(ratios):6.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        middle = statistics.median(values)
        spread = f"({min(values):.{digits}f} to {max(values):.{digits}f})"
        print(f"  {name:10} {middle:9.{digits}f} {unit} {spread}   {ratio}")


def compare(arguments, lab, contenders, tls):
    learn(lab, tls)
    columns = {title: {one.__name__: [] for one in contenders} for title in ("cpu", "wall", "peak", "logins")}
    for _ in range(arguments.rounds):
        for contender in contenders:
            (cpu, wall, peak), logins = measure(contender, lab, arguments.width, tls)
            name = contender.__name__
            columns["cpu"][name].append(cpu / len(lab.hosts) * 1e3)
            columns["wall"][name].append(wall)
            columns["peak"][name].append(peak)
            columns["logins"][name].append(logins)
    way = "HTTPS, bound" if tls else "HTTP, sealed"
    print(f"\n{way}: {len(lab.hosts)} hosts, {arguments.width} at once, {len(lab.commands)} commands each")
    report("CPU per host", "ms", columns["cpu"])
    if pypsrp in contenders:
        ratio = statistics.median(b / a for a, b in zip(columns["cpu"]["fleetstat"], columns["cpu"]["pypsrp"]))
        assert ratio >= 5, f"pypsrp takes only {ratio:.2f} times the CPU of fleetstat"
    report("wall time", "s", columns["wall"], 2)
    report("peak memory", "MiB", columns["peak"])
    report("logins per host", "", columns["logins"], 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--fleetstat-only", action="store_true")
    arguments = parser.parse_args()
    contenders = [fleetstat] if arguments.fleetstat_only else [fleetstat, pypsrp]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, {arguments.load} busy processes beside")
    folder = Path(tempfile.mkdtemp(prefix="fleetstat-bench-"))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(arguments.load)]
    lab = Lab(folder, arguments.hosts)
    try:
        for tls in (False, True):
            compare(arguments, lab, contenders, tls)
    finally:
        for process in [*busy, lab.server]:
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
