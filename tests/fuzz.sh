#!/bin/sh
# Fuzzes every family of readers: `tests/fuzz.sh SECONDS` gives each an equal share of the time,
# one after the other, at low priority. Prints executions, coverage and findings of each family;
# fails on a finding, and where a family has no reader.
#
# Needs a C++ compiler for libFuzzer; no nightly Rust. What was found before is kept in
# target/fuzz and fuzzed on. FAMILIES names fewer families; ONLY_BUILD=1 stops after the build.
set -eu
cd "$(dirname "$0")/.."
package=$(pwd)
seconds=${1:?usage: tests/fuzz.sh SECONDS}
folder=$package/target/fuzz

(cd fuzz && CARGO_TARGET_DIR="$folder" RUSTC_WRAPPER="$package/tests/instrument.sh" \
    cargo build --release --locked --quiet --bins)
[ -z "${ONLY_BUILD:-}" ] || exit 0
mkdir -p "$folder/findings" "$folder/logs"
"$folder/release/seeds" "$package" "$folder/seeds" >"$folder/families"
if [ -n "${FAMILIES:-}" ]; then
    families=$FAMILIES
else
    families=$(cut -d' ' -f1 "$folder/families")
fi
# shellcheck disable=SC2086 # a list of words
set -- $families
share=$((seconds / $#))
[ "$share" -gt 0 ] || { echo "fuzz: $seconds seconds are too few for $# families" >&2; exit 2; }

failed=""
for family in "$@"; do
    readers=$(awk -v family="$family" '$1 == family { print $2 }' "$folder/families")
    if [ "$readers" = 0 ]; then
        echo "fuzz: $family: no reader"
        failed="$failed $family(no reader)"
        continue
    fi
    mkdir -p "$folder/corpus/$family"
    log=$folder/logs/$family
    status=0
    nice -n 19 "$folder/release/$family" -max_total_time="$share" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 -dict="$folder/seeds/$family.dict" \
        -artifact_prefix="$folder/findings/$family-" \
        "$folder/corpus/$family" "$folder/seeds/$family" >"$log" 2>&1 || status=$?
    executions=$(awk '/^stat::number_of_executed_units/ { print $2 }' "$log")
    # `#1234  NEW    cov: 500 ft: 900 corp: ...`
    coverage=$(awk '{ for (i = 1; i < NF; i++) { if ($i == "cov:") c = $(i + 1); if ($i == "ft:") f = $(i + 1) } }
        END { print c " edges, " f " features" }' "$log")
    echo "fuzz: $family: $readers readers, $share s, ${executions:-0} executions, $coverage, status $status"
    if [ "$status" != 0 ]; then
        grep -E 'panicked|broken|make a difference|ERROR|artifact' "$log" | head -n 5 >&2
        failed="$failed $family"
    elif [ "${executions:-0}" -lt "$share" ]; then
        failed="$failed $family(hardly ran)"
    fi
done
[ -z "$failed" ] || { echo "fuzz: findings in$failed: see $folder/findings" >&2; exit 1; }
