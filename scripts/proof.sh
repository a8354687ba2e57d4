#!/usr/bin/env bash
# The long forms of the tests whose strength is repetition. Minutes, not seconds.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
broken=()
export RESEAL_BIN="$ROOT/target/debug/reseal" RESEAL_CRASH_ROUNDS="${RESEAL_CRASH_ROUNDS:-50}" RESEAL_EVERY_BYTE=1

rm -f "$LOGS"/{build,python}.log "$LOGS/python.xml"
scripts/step.sh build cargo build --locked -p reseal || broken+=(build)
scripts/step.sh python "$VENV/bin/python" -m pytest -c tests/python/pytest.ini tests/python -m proof \
  --junitxml "$LOGS/python.xml" || broken+=(python)
grep -h '^figure: ' "$LOGS/python.log"
"$VENV/bin/python" scripts/summarise.py --logs "$LOGS" --only python "${broken[@]/#/--broken=}"
