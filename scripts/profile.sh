#!/usr/bin/env bash
# Renews profile/release.profdata: a build that counts what it runs serves the load of the benchmark, and then the client
# tests, so that no operation looks as if nobody called it. Nothing else is in the profile: names of functions, and counts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

COUNTS="$LOCAL/profile-counts"
TARGET="$ROOT/target/profile"
PROFILE="$ROOT/profile/release.profdata"
# Loops that make keys run so often in the tests that beside them the way of a call would look like a rare one.
LOAD_WEIGHT=1000

main() {
  rm -rf "$COUNTS"
  say "the component of Rust that reads counts: rustup component add llvm-tools"
  rustup component add llvm-tools
  CARGO_ENCODED_RUSTFLAGS="-Cprofile-generate=$COUNTS" \
    scripts/step.sh build cargo build --release --locked -p reseal --target-dir "$TARGET"
  # What build scripts and macros counted when they ran within the compiler.
  rm -rf "$COUNTS"
  LLVM_PROFILE_FILE="$COUNTS/load.profraw" \
    scripts/step.sh load cargo run --release --locked -p xtask -- train "$TARGET/release/reseal"
  # A test may fail of slowness here: what it ran is counted all the same.
  RESEAL_BIN="$TARGET/release/reseal" scripts/step.sh python "$VENV/bin/python" -m pytest -c tests/python/pytest.ini \
    tests/python -q || true
  "$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/llvm-profdata" \
    merge --sparse --failure-mode=all --output "$PROFILE" --weighted-input="$LOAD_WEIGHT,$COUNTS/load.profraw" "$COUNTS"/default_*.profraw
  say "$(wc -c <"$PROFILE") bytes in profile/release.profdata"
}

main
