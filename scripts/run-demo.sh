#!/usr/bin/env bash
# Starts the service on its embedded store in .local/demo, shows one ReEncrypt with the AWS CLI, and keeps serving until Ctrl-C.
# Leaves after the demonstration when there is nobody to press Ctrl-C (no terminal, CI set) or RESEAL_DEMO_EXIT=1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

BIN="${RESEAL_BIN:-$ROOT/target/release/reseal}"
DATA="$LOCAL/demo"
SERVER_LOG="$LOGS/demo-server.log"
CREDENTIALS="$LOCAL/demo-credentials"
server=

main() {
  make_credentials
  trap stop EXIT
  trap 'exit 0' INT TERM
  start_server
  demonstrate
  if [ "${RESEAL_DEMO_EXIT:-}" = 1 ] || [ -n "${CI:-}" ] || ! [ -t 0 ]; then
    say "done; not serving on, since there is no terminal to stop it from"
    exit 0
  fi
  paste_help
  say "serving at $AWS_ENDPOINT_URL_KMS; stop with Ctrl-C"
  wait "$server"
}

# The account's first credentials are chosen here, once, so that a second `make run` finds the same account.
make_credentials() {
  if ! [ -e "$CREDENTIALS" ]; then
    rm -rf "$DATA"
    (umask 077 && python3 - >"$CREDENTIALS" <<'PYTHON'
import secrets, string
upper = string.ascii_uppercase + "234567"
print("RESEAL_ACCOUNT_ID=111122223333")
print("RESEAL_ROOT_ACCESS_KEY_ID=AKIA" + "".join(secrets.choice(upper) for _ in range(16)))
print("RESEAL_ROOT_SECRET_ACCESS_KEY=" + secrets.token_urlsafe(30))
PYTHON
    )
  fi
  set -a
  source "$CREDENTIALS"
  set +a
}

start_server() {
  [ -x "$BIN" ] || { echo "no server binary at $BIN: run make run, or set RESEAL_BIN" >&2; exit 1; }
  local port=4599
  python3 -c 'import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 4599))' 2>/dev/null || port=0
  say "starting: reseal serve --data-dir .local/demo --listen 127.0.0.1:$port"
  "$BIN" serve --data-dir "$DATA" --listen "127.0.0.1:$port" >"$SERVER_LOG" 2>&1 &
  server=$!
  local url=
  for _ in $(seq 300); do
    url="$(sed -n 's/^reseal: listening on //p' "$SERVER_LOG")"
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  [ -n "$url" ] || { echo "the service did not start; .local/logs/demo-server.log says:" >&2; tail -n 20 "$SERVER_LOG" >&2; exit 1; }
  export AWS_ENDPOINT_URL_KMS="$url" AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=
  export AWS_ACCESS_KEY_ID="$RESEAL_ROOT_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$RESEAL_ROOT_SECRET_ACCESS_KEY"
  unset AWS_SESSION_TOKEN AWS_PROFILE
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
  say "it answers at $url; requests are signed with $AWS_ACCESS_KEY_ID"
}

demonstrate() {
  local work old new before after source_key destination_key plain
  work="$(mktemp -d)"
  plain="a secret that must move to a new key"
  printf '%s' "$plain" >"$work/plain"

  say "two KMS keys"
  old="$(kms create-key --description "the old key" --query KeyMetadata.Arn)"
  new="$(kms create-key --description "the new key" --query KeyMetadata.Arn)"
  echo "   old  $old"
  echo "   new  $new"

  say "encrypt under the old key"
  before="$(kms encrypt --key-id "$old" --plaintext "fileb://$work/plain" \
    --encryption-context purpose=demo --query CiphertextBlob)"
  base64 -d <<<"$before" >"$work/before"
  echo "   before  $(shorten "$before")"

  say "ReEncrypt from the old key to the new one; the plaintext stays inside the service"
  read -r after source_key destination_key < <(kms re-encrypt --ciphertext-blob "fileb://$work/before" \
    --source-encryption-context purpose=demo --destination-key-id "$new" \
    --destination-encryption-context purpose=demo --query '[CiphertextBlob,SourceKeyId,KeyId]')
  base64 -d <<<"$after" >"$work/after"
  echo "   after   $(shorten "$after")"
  echo "   from    $source_key"
  echo "   to      $destination_key"

  say "decrypt the new ciphertext under the new key"
  kms decrypt --key-id "$new" --ciphertext-blob "fileb://$work/after" --encryption-context purpose=demo \
    --query Plaintext | base64 -d >"$work/again"
  cmp --quiet "$work/plain" "$work/again" || { echo "   the plaintext differs" >&2; exit 1; }
  echo "   the same plaintext: $(cat "$work/again")"

  say "what the audit trail keeps of the ReEncrypt"
  cat "$DATA"/audit/*.jsonl | grep '"eventName":"ReEncrypt"' | grep -F "$new" | tail -n 1 | sed 's/^/   /'
  rm -rf "$work"
}

kms() { "$VENV/bin/aws" kms "$@" --output text; }

shorten() { printf '%s...%s (%d bytes)' "${1:0:24}" "${1: -12}" "$(base64 -d <<<"$1" | wc -c)"; }

paste_help() {
  cat <<HELP

   To use it from another terminal, paste:

     export AWS_ENDPOINT_URL_KMS=$AWS_ENDPOINT_URL_KMS
     export AWS_REGION=us-east-1
     export AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID
     export AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
     export PATH="$VENV/bin:\$PATH"     # the AWS CLI, if you have none
     aws kms list-keys

HELP
}

stop() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then wait "$server" || true; fi
  exit "$status"
}

main
