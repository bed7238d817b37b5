#!/bin/sh
# Stands between cargo and rustc (RUSTC_WRAPPER) when fuzz targets are built: adds libFuzzer's
# coverage counters to fleetstat and to the targets, and to nothing else. A stable rustc has them
# as an LLVM pass.
counters="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
case " $* " in
*" --crate-name fleetstat "*)
    # shellcheck disable=SC2086 # a list of words
    exec "$@" $counters
    ;;
esac
exec "$@"
