#!/bin/sh
# The long proofs in full. tests/run.sh runs a fixed sample of each; this takes about an hour.
set -eu
cd "$(dirname "$0")/.."
# Cases per property test: the suite's own number is a few hundred.
PROPTEST_CASES=${PROPTEST_CASES:-20000} cargo test --release --locked --lib
PROPTEST_CASES=${PROPTEST_CASES:-20000} cargo test --release --locked --test records --test store \
    --test inventory --test probe
# Host keys: the real ssh with as many files as ssh-keygen is asked about in the suite.
FILES=${FILES:-10000} cargo test --release --locked --test trust real_ssh -- --nocapture
# The store at the size that its figures are promised for.
cargo bench --locked --bench ingest
