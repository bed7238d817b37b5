#!/bin/sh
# A tour in one minute, on this machine alone: three "hosts" that are SSH servers of your own on
# loopback, two nights of collection, and the questions that follow. Everything is made in a
# folder of its own, and stopped and removed at the end; KEEP=1 keeps the folder.
#
#   examples/demo.sh                        builds fleetstat and starts
#   FLEETSTAT=/path/to/it examples/demo.sh  uses a built one
set -eu
cd "$(dirname "$0")/.."

sshd=$(command -v sshd || echo /usr/sbin/sshd)
if [ ! -x "$sshd" ]; then
    echo "The demo needs an SSH server: install openssh-server (nothing is configured)." >&2
    exit 1
fi
if [ -z "${FLEETSTAT:-}" ]; then
    cargo build --release --quiet
    FLEETSTAT=$PWD/target/release/fleetstat
fi

demo=$(mktemp -d)
servers=""
finish() {
    for pid in $servers; do kill "$pid" 2>/dev/null || :; done
    if [ -n "${KEEP:-}" ]; then echo "Kept: $demo"; else rm -rf "$demo"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM
# Started by root, sshd wants this folder; it comes with the package on most systems.
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd

# Says what is typed, and does it.
say() {
    printf '\n$ fleetstat'
    printf ' %s' "$@"
    printf '\n'
    "$FLEETSTAT" "$@"
}

# An SSH server of our own, for our own user only, on a port of loopback.
serve() { # NAME PORT
    cat >"$demo/$1.conf" <<CONF
Port $2
ListenAddress 127.0.0.1
HostKey $demo/host_key
AuthorizedKeysFile $demo/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
CONF
    "$sshd" -D -e -f "$demo/$1.conf" 2>>"$demo/$1.log" &
    servers="$servers $!"
    tries=0
    until grep -q "Server listening" "$demo/$1.log" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ]; then
            echo "sshd did not start:" >&2
            cat "$demo/$1.log" >&2
            exit 1
        fi
        sleep 0.05
    done
}

echo "# Three hosts, a key, and the fingerprint that was handed over with them"
ssh-keygen -q -t ed25519 -N '' -f "$demo/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$demo/key"
port=${DEMO_PORT:-22801}
serve web-1 "$port"
serve web-2 $((port + 1))
serve db-1 $((port + 2))
fingerprint=$(ssh-keygen -l -f "$demo/host_key.pub" | cut -d' ' -f2)
printf 'web-1,%s\nweb-2,%s\ndb-1,%s\n' "$fingerprint" "$fingerprint" "$fingerprint" >"$demo/fingerprints.csv"
cat >"$demo/fleet.yaml" <<YAML
accounts:
  nightly: {user: $(id -un), identity: $demo/key}
all: {account: nightly, environment: demo}
groups:
  web: {hosts: ["web-[1-2]"], role: web, segment: dmz}
hosts:
  web-1: {address: 127.0.0.1, port: $port}
  web-2: {address: 127.0.0.1, port: $((port + 1))}
  db-1: {address: 127.0.0.1, port: $((port + 2)), role: db, segment: core}
YAML
# From here on no option names them again.
cat >"$demo/config.yaml" <<YAML
data: data
inventory: fleet.yaml
known_hosts: known_hosts
operator: the demo
YAML
FLEETSTAT_CONFIG=$demo/config.yaml
export FLEETSTAT_CONFIG
: >"$demo/known_hosts"

say hosts
say enroll --fingerprints "$demo/fingerprints.csv"

echo
echo "# The first night"
say run playbooks/nightly-snapshot.yaml
sleep 1
first=$(date -u +%Y-%m-%dT%H:%M:%SZ)

echo
echo "# During the day somebody starts a service"
serve new-service $((port + 3))

echo
echo "# A ticket for it exists, for one of the hosts"
printf 'number,title,host,start,end\nCHG0815,New service,web-1,%s,2099-01-01T00:00:00Z\n' "$first" >"$demo/changes.csv"
say changes import "$demo/changes.csv"

echo
echo "# The second night"
say run playbooks/nightly-snapshot.yaml

say diff web-1 --from "$first"
say diff db-1 --from "$first"
say query changed --since "$first"
say query prevalence --max-hosts 3
say query listeners --port $((port + 3))
say runs
say verify "$("$FLEETSTAT" runs --format csv | sed -n '2s/^[^,]*,[^,]*,\([^,]*\),.*/\1/p')"

echo
echo "# The evidence of one host, and the settings that were in force"
evidence=$(find "$demo/data/evidence" -name 'db-1-*-netstat.txt' | sort | tail -1)
sed -n '1,12p' "$evidence"
say config explain web-1
