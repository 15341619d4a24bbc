#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings in what a build of weir needs, with `test` what its tests need, with `long` also what
# `make check-long` needs, with `bench` also what the benches compare with. Idempotent; quick when all is there.
#   scripts/setup.sh build|test|long|bench
# Debian packages come through apt-get. Into .deps-prefix go, where the system's are missing or too old, yyjson from its
# pinned PyPI sdist and librdkafka from the pinned npm package that carries its source; and for `test` a Kafka broker's
# jars through Maven, Confluent's client for Python from PyPI, and Flink's jars from there, too.
set -eu
cd "$(dirname "$0")/.."
what=${1:-build}
# Without links: checkouts that share one prefix know it by one name, and do not build it again under another.
prefix=$(readlink -f .deps-prefix)
system_pkg_config_path=${PKG_CONFIG_PATH:-}
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

build_packages="gcc g++ libc6-dev make autoconf automake libtool pkg-config ca-certificates
    python3 python3-pip python3-setuptools python3-wheel
    libjansson-dev libsqlite3-dev libyaml-dev uuid-dev libxxhash-dev
    libavro-dev libcurl4-openssl-dev libmicrohttpd-dev libzip-dev zlib1g-dev libssl-dev libsasl2-dev libzstd-dev
    liblz4-dev"
test_packages="check clang-14 libclang-rt-14-dev openssl shellcheck xz-utils unzip
    openjdk-17-jdk-headless maven"

case $what in
build) packages=$build_packages ;;
test) packages="$build_packages $test_packages" ;;
long) packages="$build_packages $test_packages valgrind" ;;
bench) packages="$build_packages $test_packages" ;;
*) die "unknown set-up '$what': use build, test, long or bench" ;;
esac

command -v dpkg-query >/dev/null ||
    die "this is not Debian. Build by hand, with yyjson >= 0.10, librdkafka >= 2.15 and what is in: $packages"
# Any npm will do to fetch the pinned packages; what runs later is the Node among them.
[ "$what" != bench ] || command -v npm >/dev/null || packages="$packages npm"

# install PACKAGE...: those of these Debian packages that are not there.
install() {
    missing=
    for package; do
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        case $status in
        "install ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    if [ -z "$missing" ]; then
        say "Debian packages: all there"
        return
    fi
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
}
# shellcheck disable=SC2086
install $packages

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

yyjson_version=4.0.6
yyjson_sha256=fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c
if pkg-config --exists 'yyjson >= 0.10'; then
    say "yyjson: $(pkg-config --modversion yyjson), there"
else
    say "yyjson: building 0.10.0 from the PyPI sdist yyjson $yyjson_version into .deps-prefix"
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

rdkafka_version=2.15.1
rdkafka_package=@confluentinc/kafka-javascript
rdkafka_package_version=1.10.1
rdkafka_sha256=ada7d703bb1d3237e2292bfabf438d663b6160c9f1ac2a2406b5dc4257c81b66
# Each is required: without it configure fails, where its default would leave a missing one out.
rdkafka_options="--enable-zlib --enable-ssl --enable-zstd --enable-lz4-ext --enable-gssapi --disable-curl
    --disable-debug-symbols --no-download"
# What is installed, and how it was made; written last, so that one half installed is built again.
rdkafka_stamp=$prefix/librdkafka.stamp
rdkafka_recipe="3 $prefix $rdkafka_version $rdkafka_sha256 $rdkafka_options"

build_rdkafka() {
    # Only the client that fetches it; Debian's brings Node.js along, and neither is needed afterwards.
    command -v npm >/dev/null || install npm
    log=$work/librdkafka.log
    failed() {
        tail -n 20 "$log" >&2
        die "librdkafka: $1"
    }
    (cd "$work" && npm pack --silent "$rdkafka_package@$rdkafka_package_version") >"$log" 2>&1 ||
        failed "npm could not fetch $rdkafka_package $rdkafka_package_version; check the network and run this again"
    tarball=$(echo "$work"/*.tgz)
    echo "$rdkafka_sha256  $tarball" | sha256sum -c --quiet - || die "$(basename "$tarball") is not the pinned file"
    tar -xzf "$tarball" -C "$work" package/deps/librdkafka
    source=$work/package/deps/librdkafka
    # ccache, where it is, under the compiler's own name: librdkafka's configure takes no command of two words.
    [ ! -x /usr/lib/ccache/gcc ] || PATH=/usr/lib/ccache:$PATH
    # shellcheck disable=SC2086
    (cd "$source" && ./configure --prefix="$prefix" --libdir="$prefix/lib" --cc=gcc --cxx=g++ $rdkafka_options) \
        >>"$log" 2>&1 || failed "configure failed"
    make -C "$source/src" -j"$(nproc)" lib >>"$log" 2>&1 || failed "make failed"
    rm -f "$rdkafka_stamp"
    make -C "$source/src" install >>"$log" 2>&1 || failed "make install failed"
    # The same archive under a second name.
    rm -f "$prefix/lib/librdkafka-static.a" "$prefix/lib/pkgconfig/rdkafka-static.pc"
    # With both in one folder the linker takes the shared one, which a program then does not find when it starts. So the
    # archive is what a plain build links, as it does yyjson's, and its .pc names all that it needs; the shared library
    # has a folder of its own.
    pc=$prefix/lib/pkgconfig/rdkafka.pc
    mkdir -p "$prefix/shared/lib/pkgconfig"
    mv "$prefix"/lib/librdkafka.so* "$prefix/shared/lib/"
    sed "s,^libdir=.*,libdir=$prefix/shared/lib," "$pc" >"$prefix/shared/lib/pkgconfig/rdkafka.pc"
    private=$(sed -n 's/^Libs\.private: *//p' "$pc")
    sed -i "/^Libs\.private:/d; s/^Requires\.private:/Requires:/; s,^Libs:.*,& $private," "$pc"
    printf '%s\n' "$rdkafka_recipe" >"$rdkafka_stamp"
}

# As the caller's own PKG_CONFIG_PATH has it; that may name .deps-prefix, too.
system_rdkafka() { PKG_CONFIG_PATH=$system_pkg_config_path pkg-config "$@"; }
if [ "$(cat "$rdkafka_stamp" 2>/dev/null)" = "$rdkafka_recipe" ]; then
    say "librdkafka: $rdkafka_version, there"
elif system_rdkafka --exists 'rdkafka >= 2.15' && [ "$(system_rdkafka --variable=prefix rdkafka)" != "$prefix" ]; then
    say "librdkafka: the system's, $(system_rdkafka --modversion rdkafka)"
else
    say "librdkafka: building $rdkafka_version from the npm package $rdkafka_package $rdkafka_package_version" \
        "into .deps-prefix (a minute or two)"
    build_rdkafka
fi
# A broker for tests: the jars by version, all of them pinned by one sum over the sums of each.
kafka=$prefix/kafka
kafka_version=$(sed -n 's,.*<kafka.version>\(.*\)</kafka.version>.*,\1,p' tests/broker/pom.xml)
kafka_sha256=ba5fe622b2c05977619692c0eadf682de4abfb1e7b29e0b4fbdce702d5f686af
kafka_stamp=$kafka/stamp
kafka_recipe="2 $kafka $kafka_version $kafka_sha256"

# bring_jars POM NAME FOLDER SHA256: what a pom names, into FOLDER/jars, pinned by one sum over the sums of all.
bring_jars() {
    rm -rf "$3"
    mkdir -p "$3/jars"
    log=$work/jars.log
    if ! mvn -q -B -f "$1" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$3/jars" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "maven could not fetch $2; check the network and run this again"
    fi
    sum=$(cd "$3/jars" && LC_ALL=C && export LC_ALL && sha256sum ./*.jar | sort -k 2 | sha256sum | cut -d ' ' -f 1)
    [ "$sum" = "$4" ] || die "the jars of $2 are not the pinned ones: sum $sum"
}

bring_kafka() {
    bring_jars tests/broker/pom.xml "Kafka $kafka_version" "$kafka" "$kafka_sha256"
    /usr/bin/python3 -B tests/support/broker.py prepare "$kafka" || die "the broker did not start"
    printf '%s\n' "$kafka_recipe" >"$kafka_stamp"
}

case $what in
test | long | bench)
    if [ "$(cat "$kafka_stamp" 2>/dev/null)" = "$kafka_recipe" ]; then
        say "Kafka: $kafka_version, there"
    else
        say "Kafka: fetching $kafka_version and what it needs through Maven into .deps-prefix/kafka, for tests"
        bring_kafka
        say "Kafka: $(find "$kafka/jars" -name '*.jar' | wc -l) jars, $(du -sh "$kafka" | cut -f 1)"
    fi
    ;;
esac

# Flink's clusters for tests: what PyPI has for its Python API carries the jars of a whole distribution. Left out is
# what no test needs: its Scala and Python APIs, its SQL client, its reporters of metrics.
# bring_flink VERSION FILE SHA256
bring_flink() {
    flink=$prefix/flink/$1
    # The number: how tests/support/flink.py starts a JVM, which is what the kept classes follow.
    recipe="2 $flink $3"
    if [ "$(cat "$flink/stamp" 2>/dev/null)" = "$recipe" ]; then
        say "Flink: $1, there"
        return
    fi
    jars="1 $flink/lib $3"
    if [ "$(cat "$flink/jars" 2>/dev/null)" != "$jars" ]; then
        say "Flink: fetching $1 from the PyPI package apache-flink-libraries into .deps-prefix/flink, for tests"
        rm -rf "$flink"
        mkdir -p "$flink/lib"
        /usr/bin/python3 -m pip --disable-pip-version-check download -q --no-deps --no-build-isolation \
            -d "$work" "apache-flink-libraries==$1" ||
            die "pip could not fetch apache-flink-libraries $1; check the network and run this again"
        echo "$3  $work/$2" | sha256sum -c --quiet - || die "$2 is not the pinned file"
        case $2 in
        *.tar.gz) tar -xzf "$work/$2" -C "$flink/lib" --strip-components=3 --wildcards '*/deps/lib/*.jar' ;;
        *.whl) unzip -q -j "$work/$2" 'pyflink/lib/*.jar' -d "$flink/lib" ;;
        esac
        rm -f "$work/$2" "$flink"/lib/flink-scala_* "$flink"/lib/flink-csv-*
        printf '%s\n' "$jars" >"$flink/jars"
    fi
    say "Flink: starting a cluster of $1 once, to keep its loaded classes"
    /usr/bin/python3 -B tests/support/flink.py prepare "$prefix/flink" "$1" || die "Flink $1 did not start"
    printf '%s\n' "$recipe" >"$flink/stamp"
    say "Flink: $1, $(du -sh "$flink" | cut -f 1)"
}
case $what in
test | long | bench)
    bring_flink 1.20.3 apache-flink-libraries-1.20.3.tar.gz \
        f07f07a46bb272c1e851379ed92105928367019db31240091a5367fc92800289
    bring_flink 2.2.1 apache_flink_libraries-2.2.1-py2.py3-none-any.whl \
        74dc5546fbd9add8fbcdf1222a237e09491f9b80296241aef8676ec56f8e686e
    ;;
esac

# The other side of the schema registry's test: Confluent's own client in Python, and what it needs.
bring_python() {
    python=$prefix/python
    recipe="$python $(sha256sum <tests/story/requirements.txt)"
    if [ "$(cat "$python/stamp" 2>/dev/null)" = "$recipe" ]; then
        say "confluent-kafka for Python: there"
        return
    fi
    version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    case "$(uname -sm) $version" in
    "Linux x86_64 3.11" | "Linux x86_64 3.13") ;;
    *)
        say "confluent-kafka: tests/story/requirements.txt pins wheels for Python 3.11 and 3.13 on x86-64 only;" \
            "tests/story/registry.py will skip what needs it"
        return
        ;;
    esac
    say "confluent-kafka: bringing in what tests/story/requirements.txt pins into .deps-prefix/python"
    rm -rf "$python"
    /usr/bin/python3 -m pip --disable-pip-version-check install -q --root-user-action ignore --no-deps \
        --only-binary :all: --require-hashes --target "$python" -r tests/story/requirements.txt ||
        die "pip could not fetch confluent-kafka; check the network and run this again"
    printf '%s\n' "$recipe" >"$python/stamp"
}
case $what in
test | long) bring_python ;;
esac

[ "$what" = bench ] || exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || die "bench/restate/package-lock.json pins programs for Linux on x86-64 only"
bench=$prefix/bench
streams=$bench/streams
streams_version=$(sed -n 's,.*<streams.version>\(.*\)</streams.version>.*,\1,p' bench/kafka/pom.xml)
streams_sha256=1a1e349478d572bf7b5083665d639bba0e7bd95d39c2169347b8096db7a56da4
if [ "$(cat "$streams/stamp" 2>/dev/null)" = "1 $streams_version $streams_sha256" ]; then
    say "Kafka Streams: $streams_version, there"
else
    say "Kafka Streams: fetching $streams_version through Maven into .deps-prefix/bench/streams"
    bring_jars bench/kafka/pom.xml "Kafka Streams $streams_version" "$streams" "$streams_sha256"
    printf '%s\n' "1 $streams_version $streams_sha256" >"$streams/stamp"
fi
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
