#!/usr/bin/env bash
# Runs the browser tests against the real binary: the demo without a scenario, on free ports, stopped afterwards.
# SAOLA_BIN names a binary that is built already; SAOLA_E2E_HTTP and SAOLA_E2E_MQTT a server that runs already, and
# SAOLA_E2E_ADMIN (NAME:PASSWORD) an administrator of it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

if [ -z "${SAOLA_BIN:-}" ]; then
  cargo build --quiet --bin saola
  SAOLA_BIN=${CARGO_TARGET_DIR:-target}/debug/saola
fi
export SAOLA_BIN
if [ -z "${SAOLA_E2E_HTTP:-}" ]; then
  scratch=$(mktemp -d)
  said=$scratch/said
  : >"$said"
  "$SAOLA_BIN" demo --scenario none --http 127.0.0.1:0 --mqtt 127.0.0.1:0 --data "$scratch/data" >"$said" 2>&1 &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
  for _ in $(seq 300); do
    SAOLA_E2E_HTTP=$(sed -n 's/^pages and API *//p' "$said")
    SAOLA_E2E_MQTT=$(sed -n 's/^MQTT *//p' "$said")
    if [ -n "$SAOLA_E2E_HTTP" ] && [ -n "$SAOLA_E2E_MQTT" ]; then break; fi
    if ! kill -0 "$server" 2>/dev/null; then
      cat "$said" >&2
      exit 1
    fi
    sleep 0.1
  done
  if [ -z "$SAOLA_E2E_HTTP" ] || [ -z "$SAOLA_E2E_MQTT" ]; then
    echo "the demo did not say where it listens within 30 s:" >&2
    cat "$said" >&2
    exit 1
  fi
  # Whoever is at the demo's machine is an operator; the administrator's page wants one who signs in.
  SAOLA_E2E_ADMIN=boss:$("$SAOLA_BIN" user add boss --role administrator --data "$scratch/data" | sed -n 's/.*password //p')
  export SAOLA_E2E_HTTP SAOLA_E2E_MQTT SAOLA_E2E_ADMIN
fi

# One file after the other: they raise alerts at the same stations.
node --test --test-concurrency=1 "$here"/*.test.mjs
