#!/bin/sh
# The long proofs in full. tests/run.sh runs a fixed sample of each; this takes about three hours.
set -eu
cd "$(dirname "$0")/.."
# Cases per property test: the suite's own number is a few hundred.
PROPTEST_CASES=${PROPTEST_CASES:-20000} cargo test --release --locked --lib
PROPTEST_CASES=${PROPTEST_CASES:-20000} cargo test --release --locked --test records --test store \
    --test inventory --test probe
# Host keys: the real ssh with as many files as ssh-keygen is asked about in the suite.
FILES=${FILES:-10000} cargo test --release --locked --test trust real_ssh -- --nocapture
# Every reader on every line of every sample, and on 100 MB of what takes it longest, in less than
# 64 MB of memory. One thread, so that the peak is that of one reader at a time.
WORST_BYTES=${WORST_BYTES:-100000000} cargo test --release --locked --test probe worst -- --test-threads=1 --nocapture
# Readers beside jc on the same text.
benches/parse_peers.py --rounds "${ROUNDS:-5}"
# WinRM: beside pypsrp on the same hosts, then 250 hosts at once, and 200 with no processor to spare.
winrm=target/tools/winrm-peer
[ -x "$winrm/bin/python" ] || python3 -m venv "$winrm"
"$winrm/bin/pip" install --quiet --requirement tests/lab/winrm/requirements.txt pypsrp==0.9.1
"$winrm/bin/python" benches/winrm.py --rounds "${ROUNDS:-5}"
"$winrm/bin/python" benches/winrm.py --fleetstat-only --hosts 250 --width 250 --rounds 3
"$winrm/bin/python" benches/winrm.py --fleetstat-only --hosts 200 --load 8 --rounds 1
# Every family of readers is fuzzed, two hours of one processor in all.
tests/fuzz.sh "${FUZZ_SECONDS:-7200}"
# The store at the size that its figures are promised for.
cargo bench --locked --bench ingest
