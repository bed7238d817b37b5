#!/usr/bin/env python3
"""Speed of the readers beside jc, on the same text in the same run.

Writes 100,000 sockets for each format with the generator of `benches/parse`, installs jc from PyPI
into target/tools/jc, and lets each reader take turns with jc, round by round. Everything is CPU
time of one process, the best of the rounds:

  reader  the library's reader alone, beside `jc.parse` alone
  tool    `fleetstat parse --format ndjson` from start to end (read, parse, normalize, print),
          beside `jc.parse` and `json.dumps` of what it gave

Fails where a reader alone is under 300 MB/s, 2 M rows/s or 30 times jc alone.

    benches/parse_peers.py [--rounds N]
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
SOCKETS = 100_000
# Name of the text, reader, parser of jc.
FORMATS = [
    ("ss", "linux/ss-inet4", "ss"),
    ("netstat", "linux/netstat-wide", "netstat"),
    ("proc_net", "linux/proc-net-tcp", "proc_net_tcp"),
    ("windows_netstat", "windows/netstat", "netstat"),
]
MEGABYTES_MIN, ROWS_MIN, TIMES_MIN = 300, 2e6, 30

JC = """
import json, sys, time
import jc
text = open(sys.argv[2], newline="").read()
begun = time.process_time()
rows = jc.parse(sys.argv[1], text, quiet=True)
parsed = time.process_time()
size = len(json.dumps(rows))
print(json.dumps([len(rows), parsed - begun, time.process_time() - begun, size]))
"""


def jc_python():
    """The Python that has jc, and its version."""
    folder = PACKAGE / "target/tools/jc"
    python = folder / "bin/python"
    version = [python, "-c", "import jc; print(jc.__version__)"]
    if not python.exists() or subprocess.run(version, capture_output=True).returncode != 0:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "jc>=1.25.6,<2"], check=True)
    return python, subprocess.run(version, check=True, capture_output=True, text=True).stdout.strip()


def bench_binary():
    """Builds the bench and the tool; gives the path of the bench."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=PACKAGE, check=True)
    built = subprocess.run(
        ["cargo", "bench", "--locked", "--quiet", "--bench", "parse", "--no-run", "--message-format=json"],
        cwd=PACKAGE, check=True, stdout=subprocess.PIPE, text=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "parse" and message.get("executable"):
            return message["executable"]
    sys.exit("peers: cargo built no bench")


def cpu_of(command):
    """CPU seconds of a command whose output is thrown away."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"peers: {command} failed")
    return usage.ru_utime + usage.ru_stime


def one_round(bench, python, folder, case, best):
    """One turn of each for one format."""
    name, reader, parser = case
    file = folder / name
    rows, issues, took = map(int, subprocess.run(
        [bench, "--read", reader, file], check=True, capture_output=True, text=True).stdout.split())
    assert rows == SOCKETS and issues == 0, f"{name}: {rows} rows, {issues} issues"
    tool = cpu_of([PACKAGE / "target/release/fleetstat", "parse", "--probe", reader, "--format", "ndjson", file])
    theirs = json.loads(subprocess.run(
        [python, "-c", JC, parser, file], check=True, capture_output=True, text=True).stdout)
    assert theirs[0] == SOCKETS, f"{name}: jc gives {theirs[0]} rows"
    for key, value in {"reader": took / 1e9, "tool": tool, "jc": theirs[1], "jc json": theirs[2]}.items():
        best[name][key] = min(best[name].get(key, value), value)


def main():
    rounds = int(sys.argv[2]) if sys.argv[1:2] == ["--rounds"] else 5
    python, version = jc_python()
    bench = bench_binary()
    best = {case[0]: {} for case in FORMATS}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([bench, "--write", folder], check=True)
        for _ in range(rounds):
            for case in FORMATS:
                one_round(bench, python, folder, case, best)
        print(f"{SOCKETS} sockets, CPU time, best of {rounds} rounds, jc {version}")
        for name, took in best.items():
            size = (folder / name).stat().st_size / 1e6
            speed, rows = size / took["reader"], SOCKETS / took["reader"]
            times, tool_times = took["jc"] / took["reader"], took["jc json"] / took["tool"]
            print(f"{name}: {size:.1f} MB: reader {speed:.0f} MB/s, {rows / 1e6:.2f} M rows/s; "
                  f"jc {size / took['jc']:.1f} MB/s, {SOCKETS / took['jc'] / 1e3:.0f} k rows/s: "
                  f"{times:.0f} times; with JSON out {size / took['tool']:.0f} MB/s, "
                  f"jc {size / took['jc json']:.1f} MB/s: {tool_times:.0f} times")
            if speed < MEGABYTES_MIN or rows < ROWS_MIN or times < TIMES_MIN:
                failed.append(name)
    if failed:
        sys.exit(f"peers: under {MEGABYTES_MIN} MB/s, {ROWS_MIN / 1e6:.0f} M rows/s or {TIMES_MIN} times jc: "
                 + ", ".join(failed))


if __name__ == "__main__":
    main()
