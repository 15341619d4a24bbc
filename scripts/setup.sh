#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings in what a build of weir needs, with `test` what its tests need, with `long` also what
# `make check-long` needs, with `bench` also what bench/calls.sh compares with. Idempotent; quick when all is there.
#   scripts/setup.sh build|test|long|bench
# Debian packages come through apt-get; yyjson, where the system has none, from its pinned PyPI sdist into .deps-prefix.
set -eu
cd "$(dirname "$0")/.."
what=${1:-build}
prefix=$PWD/.deps-prefix
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

build_packages="gcc g++ libc6-dev make autoconf automake libtool pkg-config ca-certificates
    python3 python3-pip python3-setuptools python3-wheel
    libjansson-dev libsqlite3-dev libyaml-dev uuid-dev libxxhash-dev
    libavro-dev libcurl4-openssl-dev zlib1g-dev"
test_packages="check clang-14 libclang-rt-14-dev openssl shellcheck xz-utils"

case $what in
build) packages=$build_packages ;;
test) packages="$build_packages $test_packages" ;;
long) packages="$build_packages $test_packages valgrind" ;;
bench) packages=$build_packages ;;
*) die "unknown set-up '$what': use build, test, long or bench" ;;
esac

command -v dpkg-query >/dev/null ||
    die "this is not Debian. Install what these packages hold, yyjson >= 0.10 too, and build by hand: $packages"
# Any npm will do to fetch the pinned packages; what runs later is the Node among them.
[ "$what" != bench ] || command -v npm >/dev/null || packages="$packages npm"
missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    case $status in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || die "these Debian packages are missing:$missing. Install them, or run this as root"
    say "installing Debian packages:$missing"
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! { apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get failed; all it said is in $log"
    fi
    rm -f "$log"
else
    say "Debian packages: all there"
fi

yyjson_version=4.0.6
yyjson_sha256=fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c
if pkg-config --exists 'yyjson >= 0.10'; then
    say "yyjson: $(pkg-config --modversion yyjson), there"
else
    say "yyjson: building 0.10.0 from the PyPI sdist yyjson $yyjson_version into .deps-prefix"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    /usr/bin/python3 -m pip --disable-pip-version-check download -q --no-deps --no-binary :all: -d "$work" \
        "yyjson==$yyjson_version" ||
        die "pip could not fetch yyjson $yyjson_version; check the network and run this again"
    echo "$yyjson_sha256  $work/yyjson-$yyjson_version.tar.gz" | sha256sum -c --quiet - ||
        die "yyjson-$yyjson_version.tar.gz is not the pinned file"
    tar -xzf "$work/yyjson-$yyjson_version.tar.gz" -C "$work"
    source=$work/yyjson-$yyjson_version/yyjson
    mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
    gcc -std=c99 -O3 -fPIC -fvisibility=hidden -c "$source/yyjson.c" -o "$work/yyjson.o"
    ar rcs "$prefix/lib/libyyjson.a" "$work/yyjson.o"
    cp "$source/yyjson.h" "$prefix/include/"
    cat >"$prefix/lib/pkgconfig/yyjson.pc" <<EOF
prefix=$prefix
Name: yyjson
Description: a fast JSON library in C
Version: 0.10.0
Libs: -L\${prefix}/lib -lyyjson
Cflags: -I\${prefix}/include
EOF
fi

[ "$what" = bench ] || exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || die "bench/restate/package-lock.json pins programs for Linux on x86-64 only"
bench=$prefix/bench
if cmp -s bench/restate/package-lock.json "$bench/installed.json"; then
    say "Restate and Node: there"
else
    say "Restate and Node: bringing in what bench/restate/package-lock.json pins into .deps-prefix/bench"
    mkdir -p "$bench"
    cp bench/restate/package.json bench/restate/package-lock.json "$bench/"
    # No scripts: one of a dependency reports installations home, and none is needed.
    npm --prefix "$bench" ci --ignore-scripts --no-audit --no-fund --loglevel=error ||
        die "npm could not fetch them; check the network and run this again"
    cp "$bench/package-lock.json" "$bench/installed.json"
fi
