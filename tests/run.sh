#!/bin/sh
# Sets up what the tests need, runs the whole suite, and says what ran.
#
# Debian and Ubuntu: installs packages, as root. Elsewhere: says what is missing and fails.
# Servers (sshd, dropbear) are started by the tests themselves, on loopback or in network
# namespaces that they make and remove.
set -eu
cd "$(dirname "$0")/.."

packages="openssh-server openssh-client dropbear-bin iproute2 net-tools lsof nftables busybox procps \
python3 python3-venv sudo libcap2-bin strace e2fsprogs util-linux mount dash bash ksh mksh tcsh fish zsh \
groff-base gcc libc6-dev openssl krb5-kdc krb5-admin-server libkrb5-dev python3-dev"
commands="sshd:/usr/sbin/sshd dropbear:/usr/sbin/dropbear ssh-keygen: ssh-agent: ip: ss: netstat: lsof: nft: \
busybox: sudo: mount: unshare: pgrep: python3: setcap:/sbin/setcap strace: mkfs.ext4:/sbin/mkfs.ext4 dash: bash: ksh93: mksh: tcsh: csh: fish: zsh: script: groff: cc: openssl: \
krb5kdc:/usr/sbin/krb5kdc kadmin.local:/usr/sbin/kadmin.local kdb5_util:/usr/sbin/kdb5_util krb5-config:"

if [ "$(id -u)" != 0 ]; then
    echo "The suite makes network namespaces and starts servers. Run it as root first:" >&2
    echo "    sudo tests/run.sh" >&2
    exit 1
fi

missing() {
    for pair in $commands; do
        name=${pair%%:*}
        path=${pair#*:}
        command -v "$name" >/dev/null 2>&1 || { [ -n "$path" ] && [ -x "$path" ]; } || printf '%s ' "$name"
    done
}

if [ -n "$(missing)" ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi
if [ -n "$(missing)" ]; then
    echo "These commands are missing, and the suite does not pass without them: $(missing)" >&2
    echo "On Debian or Ubuntu they come with: $packages" >&2
    exit 1
fi
command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: see https://rustup.rs" >&2; exit 1; }

# Ansible's own reading is what the inventories are compared with.
ansible=target/tools/ansible
if ! "$ansible/bin/ansible-inventory" --version >/dev/null 2>&1; then
    # Also in the place of one that was moved or left half made.
    python3 -m venv --clear "$ansible"
    "$ansible/bin/pip" install --quiet "ansible-core>=2.17,<2.20"
fi

# The Windows hosts that WinRM is tested against are a Python program.
winrm=target/tools/winrm
if ! "$winrm/bin/python" -c "import spnego, cryptography, gssapi, krb5" >/dev/null 2>&1; then
    python3 -m venv --clear "$winrm"
    "$winrm/bin/pip" install --quiet --requirement tests/lab/winrm/requirements.txt
fi

ran=""
# Runs one step and remembers that it ran; the first step that fails ends the suite.
step() {
    name=$1
    shift
    echo "== $name" >&2
    "$@" || { echo "FAILED: $name" >&2; echo "ran before it:$ran" >&2; exit 1; }
    ran="$ran
  $name"
}

step "formatting" cargo fmt --check
step "formatting of the fuzz targets" cargo fmt --check --manifest-path fuzz/Cargo.toml
# Its lock file names what ours does; it is built only where fuzzing is.
locked() { cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null; }
step "the lock file of the fuzz targets" locked
step "lints" cargo clippy --locked --all-targets --quiet -- -D warnings
step "build of all targets" cargo test --locked --no-run
step "unit, property, layering, evidence, store, records, ssh, winrm, dispatch, flow and cli tests" \
    cargo test --locked --no-fail-fast
# Real samples of other systems stand beside the package, not in it.
if [ -f ../shared/corpus/MANIFEST.tsv ]; then
    step "real samples of ../shared/corpus through every reader" cargo test --locked --test corpus
else
    ran="$ran
  NOT RUN: real samples (../shared/corpus is not there)"
fi
step "figures, on a release build" tests/figures.sh

echo "passed:$ran" >&2
