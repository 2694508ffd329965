#!/usr/bin/env bash
# Makes target/python3.13/bin/python: Python 3.13 with what tests/requirements-3.13.txt names, which wants a newer Python
# than Debian 12 has. It is the machine's own where there is one. Else it is Debian 13's, from the mirror that this machine
# has its packages from, unpacked below target and run with its own libraries: nothing is installed, and nobody need be root.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/requirements-3.13.txt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
own=$PWD/target/python3.13

# The list is copied last of all.
cmp -s "$wanted" "$own/requirements.txt" && "$own/bin/python" -c '' && exit

refuse() {
    echo "python313.sh: no Python 3.13, which $wanted needs: $1" >&2
    exit 1
}

# Debian's packages of python3.13 and all that it needs, signed by Debian whichever mirror they come from.
download() { # folder
    local mirror said='its apt sources name none'
    local options=(
        -o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State=$1" -o "Dir::State::lists=$1/lists" -o "Dir::State::status=$1/status" -o "Dir::Cache=$1/cache"
        -o "APT::Architecture=$(dpkg --print-architecture)" -o "APT::Sandbox::User=$(id -un)"
    )
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    : >"$1/status"
    for mirror in $(apt-get update --print-uris | sed -n "s|^'\(.*\)/dists/[^/]*/InRelease'.*|\1|p" | awk '!seen[$0]++'); do
        echo "deb [arch=$(dpkg --print-architecture) signed-by=$keyring] $mirror trixie main" >"$1/sources.list"
        said=$(apt-get "${options[@]}" update -qq 2>&1 &&
            apt-get "${options[@]}" install -y -qq --download-only --no-install-recommends python3.13 2>&1) && return
    done
    refuse "no mirror of this machine has Debian 13's: $said"
}

rm -rf "$own"
mkdir -p "$own/bin"
if python=$(python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null); then
    run="exec '$python'"
else
    command -v apt-get >/dev/null || refuse 'it is not installed, and there is no apt-get to fetch it with'
    [ -r "$keyring" ] || refuse "it is not installed, and $keyring (package debian-archive-keyring) is not there to check Debian's by"
    echo "fetching Python 3.13 from Debian 13"
    download "$own/apt"
    for package in "$own"/apt/cache/archives/*.deb; do
        dpkg -x "$package" "$own/root"
    done
    rm -rf "$own/apt"
    cd "$own"
    loader=$(find root -type f -name 'ld-linux*.so.*')
    libraries=$(dirname "$(find root -name libc.so.6)")
    cd - >/dev/null
    run="export PYTHONHOME=\"\$own/root/usr\"
exec \"\$own/$loader\" --library-path \"\$own/$libraries\" \"\$own/root/usr/bin/python3.13\""
fi
cat >"$own/bin/python" <<END
#!/bin/sh
own=\$(cd "\$(dirname "\$0")/.." && pwd)
export PYTHONPATH="\$own/packages"
$run "\$@"
END
chmod +x "$own/bin/python"
# The other Python's pip fetches what suits this one; the list is whole, so that it need not judge for whom it is.
target/python/bin/pip install --quiet --no-deps --ignore-requires-python --only-binary=:all: --python-version 3.13 \
    --target "$own/packages" -r "$wanted"
"$own/bin/python" -c 'import aio_sensorthings' || refuse 'what was fetched does not run'
cp "$wanted" "$own/requirements.txt"
