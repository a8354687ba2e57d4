# Sourced by the other scripts: where things are, and a PATH with the project's own tools first.
# Never exports a credential and never touches what lies outside the checkout.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
LOCAL="$ROOT/.local"
LOGS="$LOCAL/logs"
VENV="$LOCAL/venv"
mkdir -p "$LOGS" "$LOCAL/stamps"
export PATH="$VENV/bin:$PATH"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
cd "$ROOT" || exit 1

say() { printf '== %s\n' "$*"; }
