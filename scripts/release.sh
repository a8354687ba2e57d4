#!/usr/bin/env bash
# Runs cargo the way releases are built: with the profile of what calls run (CONTRIBUTING.md says how it is renewed). What has
# changed since the profile was taken is built as without one. Flags in RUSTFLAGS count as well.
# usage: release.sh CARGO-ARGUMENT...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

read -ra flags <<<"${RUSTFLAGS:-}"
profile="$ROOT/profile/release.profdata"
if [ -e "$profile" ]; then
  flags+=("-Cprofile-use=$profile" -Cllvm-args=-pgo-warn-missing-function=false -Cllvm-args=-no-pgo-warn-mismatch)
  # Orders the blocks of a function all together, by jumps and bytes fetched, not one at a time.
  flags+=(-Cllvm-args=-enable-ext-tsp-block-placement)
fi
# The separator that cargo reads, so that the path may contain spaces.
CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; printf '%s' "${flags[*]}")" exec cargo "$@"
