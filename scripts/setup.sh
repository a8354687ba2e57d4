#!/usr/bin/env bash
# Brings a machine to where `make run` and `make test` work: checks Rust, installs missing Debian packages, and fills
# the project's own Python environment and Node packages under the checkout. Says what it does; silent when all is there.
# RESEAL_SETUP_NODE=wheel takes Node.js from the Python package even where the machine has a good one.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

main() {
  set_up_debian_packages
  set_up_rust
  set_up_python
  set_up_node
}

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# A finished part leaves a stamp named after everything it was made from, so that a second run costs nothing.
stamp() { printf '%s/stamps/%s-%s' "$LOCAL" "$1" "$(cat "${@:2}" | sha256sum | cut -c1-16)"; }

set_up_debian_packages() {
  local missing=()
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  # The PKCS#11 token of the tests of custom key stores.
  command -v softhsm2-util >/dev/null || missing+=(softhsm2)
  [ "${#missing[@]}" -eq 0 ] && return
  command -v apt-get >/dev/null || fail "please install: ${missing[*]} (this is no Debian, so it was not tried)"
  say "installing Debian packages: ${missing[*]}"
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  { "${sudo[@]}" apt-get update -q && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$LOGS/setup-debian.log" 2>&1 ||
    { tail -n 20 "$LOGS/setup-debian.log" >&2; fail "apt-get could not install: ${missing[*]}"; }
}

set_up_rust() {
  # A PATH that a login shell has not refreshed yet is the most common reason for a missing cargo.
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    fail "Rust is installed but not on PATH: run  . \"\$HOME/.cargo/env\"  and try again"
  fi
  local wanted have
  wanted="$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)"
  command -v cargo >/dev/null || fail "Rust $wanted is needed: install rustup (https://rustup.rs), then run this again"
  have="$(rustc --version 2>"$LOGS/setup-rust.log" | cut -d' ' -f2)" || true
  [ "$have" = "$wanted" ] ||
    fail "Rust $wanted is needed, found '${have:-none}': run  rustup toolchain install $wanted --component rustfmt,clippy"
  { cargo fmt --version && cargo clippy --version; } >>"$LOGS/setup-rust.log" 2>&1 ||
    fail "rustfmt or clippy is missing: run  rustup component add rustfmt clippy --toolchain $wanted"
}

set_up_python() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "Python 3.10 or newer is needed"
  local done
  # Its scripts carry the path of the checkout, so a moved checkout needs a new one.
  done="$(stamp python tests/python/requirements.txt <(python3 --version; echo "$VENV"))"
  if [ -e "$done" ] && [ -x "$VENV/bin/aws" ]; then return; fi
  say "Python environment: AWS SDK for Python, AWS CLI, pytest in .local/venv"
  rm -rf "$VENV"
  hash -r
  python3 -m venv "$VENV" >"$LOGS/setup-python.log" 2>&1 || fail "no Python environment, see .local/logs/setup-python.log"
  pip_install tests/python/requirements.txt
  touch "$done"
}

pip_install() {
  "$VENV/bin/python" -m pip install --quiet --no-deps -r "$1" >>"$LOGS/setup-python.log" 2>&1 ||
    { tail -n 20 "$LOGS/setup-python.log" >&2; fail "pip could not install $1"; }
}

set_up_node() {
  local node_version done
  if [ "${RESEAL_SETUP_NODE:-}" = wheel ] || ! node_is_new_enough; then
    say "Node.js: not there or older than 20, taking it from a Python package into .local/venv"
    pip_install tests/python/requirements-node.txt
    hash -r
    node_is_new_enough || fail "the Node.js from the Python package does not run on this machine"
  fi
  node_version="$(node --version)"
  done="$(stamp node tests/node/package-lock.json <(echo "$node_version"))"
  if [ -e "$done" ] && [ -d tests/node/node_modules ]; then return; fi
  say "Node packages: AWS SDK for JavaScript v3 in tests/node (Node.js $node_version)"
  (cd tests/node && npm ci) >"$LOGS/setup-node.log" 2>&1 ||
    { tail -n 20 "$LOGS/setup-node.log" >&2; fail "npm could not install tests/node/package-lock.json"; }
  touch "$done"
}

node_is_new_enough() {
  # npm may be packaged apart from node.
  command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null
}

main
