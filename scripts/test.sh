#!/usr/bin/env bash
# Everything that must hold before a change is taken. A failing step does not stop the ones after it: one run, all the news.
# The last line is "N passed, N failed" over all suites; the exit status is not 0 when anything failed.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
step="$ROOT/scripts/step.sh"
broken=()

run() { "$step" "$@" || broken+=("$1"); }

rm -f "$LOGS"/{fmt,build,clippy,tidy,rust,doc,python,node}.log "$LOGS/python.xml"
export CARGO_TERM_COLOR=never RESEAL_BIN="$ROOT/target/debug/reseal"

run fmt cargo fmt --all --check
# One profile for everything: the client tests drive the same dev build that the Rust tests link.
run build cargo build --locked --workspace --bins
run clippy cargo clippy --locked --workspace --all-targets -- -D warnings
run tidy target/debug/xtask tidy
if command -v cargo-nextest >/dev/null; then
  run rust cargo nextest run --locked --workspace --no-fail-fast --config-file scripts/nextest.toml
else
  run rust cargo test --locked --workspace --lib --bins --tests --no-fail-fast
fi
run doc cargo test --locked --workspace --doc --no-fail-fast
run python "$VENV/bin/python" -m pytest -c tests/python/pytest.ini tests/python --junitxml "$LOGS/python.xml"
run node env -C tests/node node --test --test-reporter=spec

grep -hE '^ +(Wycheproof|NIST SP) ' "$LOGS/rust.log" | sed -E 's/^ +/   /' | sort -u
grep -h '^figure: ' "$LOGS/python.log" | sed 's/^figure: /   /'
"$VENV/bin/python" scripts/summarise.py --logs "$LOGS" "${broken[@]/#/--broken=}"
