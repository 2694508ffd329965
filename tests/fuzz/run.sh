#!/usr/bin/env bash
# Fuzzes the decoders: run.sh SECONDS [TARGET...]; all of them when none is named, two at a time (JOBS says otherwise).
# Builds with coverage for libFuzzer but without a sanitizer (the code under test has no `unsafe`), so the stable
# compiler does; libFuzzer itself needs g++. An input that breaks a target is left in target/fuzz/broken
# (SAOLA_FUZZ names another folder).
# The same targets run under `cargo fuzz run TARGET --fuzz-dir tests/fuzz -s none`.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?seconds for each target}
shift
out=${SAOLA_FUZZ:-$(cd ../.. && pwd)/target/fuzz}
host=$(rustc -vV | sed -n 's/^host: //p')
# Set apart from the build of the service, and only for what runs in the target: build scripts stay as they are.
export CARGO_TARGET_DIR=$out/build CXX=${CXX:-g++}
cargo run --quiet --profile plain --locked --no-default-features --bin worst
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --quiet --release --locked --target "$host"
programs=$CARGO_TARGET_DIR/$host/release

mkdir -p "$out/broken" "$out/logs"
rm -rf "$out/corpus"
"$programs/corpus" unpack "$out/corpus"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls "$out/corpus")

one() { # target
    local found=$out/found/$1
    mkdir -p "$found"
    # Ten seconds are for what never ends; what is merely slow the target finds by itself, on a busy machine too.
    # The seed is fixed: what a run of `make test` finds, the next finds too. What grows is kept apart.
    # It ends by itself; should it not, a minute later it is made to.
    timeout "$((seconds + 60))" "$programs/$1" "$found" "$out/corpus/$1" -max_total_time="$seconds" -max_len=4097 -timeout=10 -rss_limit_mb=512 \
        -seed=1 -artifact_prefix="$out/broken/$1-" -print_final_stats=1 >"$out/logs/$1" 2>&1 ||
        { echo "$1 is broken:" && tail -40 "$out/logs/$1" && exit 1; }
    echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/logs/$1") inputs," \
        "$(sed -n 's/^stat::peak_rss_mb: *//p' "$out/logs/$1") MiB, none broke it"
}
export -f one
export out programs seconds
printf '%s\n' "${targets[@]}" | xargs -P "${JOBS:-2}" -I{} bash -euo pipefail -c 'one {}'
