#!/usr/bin/env bash
# The gate, here and in CI alike.
set -euo pipefail
cd "$(dirname "$0")"
exec weft eval evals/ \
  --gate "correct >= 0.8" \
  --gate "p95_latency_s <= 0.5" \
  --max-drop correct=0.03 \
  --markdown summary.md --junit junit.xml --json results.json "$@"
