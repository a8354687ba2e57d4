#!/usr/bin/env bash
# Renews profile/release.profdata: a build that counts what it runs serves the load of the benchmark, and then the client
# tests, so that no operation looks as if nobody called it. Nothing else is in the profile: names of functions, and counts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

COUNTS="$LOCAL/profile-counts"
TARGET="$ROOT/target/profile"
PROFILE="$ROOT/profile/release.profdata"

main() {
  rm -rf "$COUNTS"
  say "the component of Rust that reads counts: rustup component add llvm-tools"
  rustup component add llvm-tools
  CARGO_ENCODED_RUSTFLAGS="-Cprofile-generate=$COUNTS" \
    scripts/step.sh build cargo build --release --locked -p reseal --target-dir "$TARGET"
  # What build scripts and macros counted when they ran within the compiler.
  rm -rf "$COUNTS"
  scripts/step.sh load cargo run --release --locked -p xtask -- train "$TARGET/release/reseal"
  # A test may fail of slowness here: what it ran is counted all the same.
  RESEAL_BIN="$TARGET/release/reseal" scripts/step.sh python "$VENV/bin/python" -m pytest -c tests/python/pytest.ini \
    tests/python -q || true
  "$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/llvm-profdata" \
    merge --sparse --output "$PROFILE" "$COUNTS"
  say "$(wc -c <"$PROFILE") bytes in profile/release.profdata"
}

main
