#!/usr/bin/env bash
# Installs what a fresh machine lacks for one purpose: test, lint or bench. What is there is left alone.
# Assumes git, Rust, Node 20, Python 3 with venv, make and a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian keeps mosquitto where only root looks.
PATH=$PATH:/usr/sbin

missing_packages=()
need() { # program, Debian package
    command -v "$1" >/dev/null || missing_packages+=("$2")
}

case "${1:?one of: test, lint, bench}" in
test)
    need mosquitto mosquitto
    need mosquitto_pub mosquitto-clients
    need chromium chromium
    need victoria-metrics victoria-metrics
    need influxd influxdb
    need g++ g++
    need xmllint libxml2-utils
    need ogrinfo gdal-bin
    python3 -c 'import ensurepip' 2>/dev/null || missing_packages+=(python3-venv)
    ;;
bench)
    need mosquitto mosquitto
    need victoria-metrics victoria-metrics
    need influxd influxdb
    # The extension comes as one package for each version of PostgreSQL.
    compgen -G '/usr/share/postgresql/*/extension/postgis.control' >/dev/null || missing_packages+=(postgresql-postgis)
    python3 -c 'import ensurepip' 2>/dev/null || missing_packages+=(python3-venv)
    ;;
lint) ;;
*)
    echo "tools.sh: '$1' is none of: test, lint, bench" >&2
    exit 64
    ;;
esac

if [ "${#missing_packages[@]}" -gt 0 ]; then
    echo "installing ${missing_packages[*]}"
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing_packages[@]}" >/dev/null
    # Debian starts servers of its own; tests and benches start theirs on free ports.
    command -v systemctl >/dev/null &&
        "${as_root[@]}" systemctl stop mosquitto victoria-metrics influxdb postgresql 2>/dev/null || true
fi

cargo_tool() { # subcommand, version
    if ! cargo "$1" --version >/dev/null 2>&1; then
        echo "building cargo-$1 $2"
        cargo install --quiet --locked "cargo-$1" --version "$2"
    fi
}

python_packages() { # one module of them, file that names them
    [ -x target/python/bin/pip ] || python3 -m venv --clear target/python
    target/python/bin/python -c "import $1" 2>/dev/null || target/python/bin/pip install --quiet -r "$2"
}

case "$1" in
test)
    cargo_tool nextest 0.9.143
    python_packages capparser,duckdb,frost_sta_client,paho.mqtt,pandas,pyarrow,rdflib tests/requirements.txt
    tests/python313.sh
    ;;
bench)
    python_packages duckdb,numpy tests/bench-store/requirements.txt
    ;;
lint)
    cargo_tool deny 0.20.2
    ;;
esac
