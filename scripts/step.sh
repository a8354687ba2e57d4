#!/usr/bin/env bash
# One named step: its output goes to .local/logs/NAME.log, its time to the screen, and on failure the end of the log too.
# usage: step.sh NAME COMMAND [ARGUMENT...]
set -u
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
name="$1"; shift
log="$LOGS/$name.log"
start=$SECONDS
printf '== %-8s ' "$name"
"$@" >"$log" 2>&1
status=$?
took=$((SECONDS - start))
if [ "$status" -eq 0 ]; then
  printf 'ok      %4d s\n' "$took"
else
  printf 'FAILED  %4d s   (.local/logs/%s.log ends with)\n' "$took" "$name"
  tail -n "${RESEAL_LOG_TAIL:-60}" "$log" | sed 's/^/   | /'
fi
exit "$status"
