#!/bin/sh
# The figures that fleetstat promises, measured on a release build and held to their limits:
# parsing per core, memory of a stream of a million sockets, 100,000 hosts, the store in small.
# Prints each figure; fails on the first that misses its limit.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fleetstat=target/release/fleetstat

fail() {
    echo "figures: $*" >&2
    exit 1
}

# Loads a file of 100,000 hosts and targets 5,000 of them: prints the shortest of up to three times,
# as other work on the machine only ever adds to them.
load() {
    file=$1
    best=
    for _ in 1 2 3; do
        begun=$(date +%s%N)
        hosts=$("$fleetstat" hosts -i "$folder/$file" -l 'role=db & segment=s4' --format csv -q | wc -l)
        took=$((($(date +%s%N) - begun) / 1000000))
        [ "$hosts" = 5001 ] || fail "the selector targeted $hosts lines of $file"
        [ -n "$best" ] && [ "$best" -le "$took" ] || best=$took
        [ "$best" -ge 2000 ] || break
    done
    echo "100,000 hosts loaded from $file, $((hosts - 1)) of them targeted: $best ms"
    [ "$best" -lt 2000 ] || fail "100,000 hosts of $file took $best ms, over 2 s"
}

cargo build --release --locked --quiet
cargo bench --locked --quiet --bench parse >"$folder/parse"
cat "$folder/parse"
# `ss: 100000 rows, 18947812 bytes: 734 MB/s, 3.88 M rows/s`
awk '/MB\/s/ { n++; if ($6 < 300 || $8 < 2) bad = 1 } END { exit n != 5 || bad }' "$folder/parse" ||
    fail "a reader is slower than 300 MB/s or 2 M rows/s"

awk 'BEGIN {
    print "accounts:\n  a: {user: fleetstat, identity: /k}\nall: {account: a}\nhosts:"
    for (i = 0; i < 100000; i++)
        printf "  h%06d: {address: 10.%d.%d.%d, role: %s, segment: s%d, tags: [t%d]}\n",
            i, i / 65536, (i / 256) % 256, i % 256, i % 4 ? "web" : "db", i % 20, i % 7
}' >"$folder/fleet.yaml"
load fleet.yaml

awk -v ini="$folder/fleet.ini" -v yaml="$folder/ansible.yaml" 'BEGIN {
    print "[all:vars]\nansible_user=fleetstat\nansible_ssh_private_key_file=/k" >ini
    print "all:\n  vars: {ansible_user: fleetstat, ansible_ssh_private_key_file: /k}\n  children:" >yaml
    for (i = 0; i < 100000; i++) {
        if (i % 1000 == 0) {
            printf "[g%d]\n", i / 1000 >ini
            printf "    g%d:\n      hosts:\n", i / 1000 >yaml
        }
        address = sprintf("10.%d.%d.%d", i / 65536, (i / 256) % 256, i % 256)
        role = i % 4 ? "web" : "db"
        printf "h%06d ansible_host=%s fleetstat_role=%s fleetstat_segment=s%d fleetstat_tags=t%d\n",
            i, address, role, i % 20, i % 7 >ini
        printf "        h%06d: {ansible_host: %s, fleetstat_role: %s, fleetstat_segment: s%d, fleetstat_tags: [t%d]}\n",
            i, address, role, i % 20, i % 7 >yaml
    }
}'
load fleet.ini
load ansible.yaml

awk 'BEGIN {
    print "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process"
    for (i = 0; i < 1000000; i++)
        printf "tcp   ESTAB 0 0 10.%d.%d.%d:%d 192.0.2.1:443 users:((\"nginx\",pid=%d,fd=9)) uid:33 ino:%d sk:%x\n",
            i / 65536, (i / 256) % 256, i % 256, 1024 + i % 60000, i % 30000 + 1, i, i
}' >"$folder/ss"
python3 - "$fleetstat" "$folder/ss" <<'PY'
import resource, subprocess, sys
out = subprocess.Popen([sys.argv[1], "parse", "--probe", "linux/ss", "--format", "ndjson", sys.argv[2]],
                       stdout=subprocess.PIPE)
rows = sum(chunk.count(b"\n") for chunk in iter(lambda: out.stdout.read(1 << 20), b""))
code = out.wait()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"parse of {rows} sockets to NDJSON: peak {peak} KiB")
sys.exit(code or rows != 1_000_000 or peak > 64 << 10)
PY

cargo bench --locked --quiet --bench ingest -- --hosts 200 --nights 5 >"$folder/ingest"
grep -E 'writes 0 rows|per CPU second|bytes per observation' "$folder/ingest"
grep -q 'taking a batch in again writes 0 rows' "$folder/ingest" || fail "a second ingest wrote rows"
