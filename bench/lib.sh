# Copyright (C) ngx_mra contributors
#
# for the bench scripts: a scratch directory, programs from it, free ports,
# servers that end with the script

BENCH=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-$(dirname "$BENCH")/build}
NGINX=${NGINX:-/usr/sbin/nginx}
MODULES=${MODULES:-/usr/lib/nginx/modules}
DIR=$(mktemp -d "${TMPDIR:-/tmp}/mra-bench.XXXXXX")
PIDS=
USER_ROOT=

# workers read files of the scratch directory

[ "$(id -u)" != 0 ] || USER_ROOT='user root root;'

trap finish EXIT
trap 'exit 1' INT TERM


# stops all servers

stop() {
    for pid in $PIDS; do
        kill "$pid" 2>/dev/null || true
    done

    for pid in $PIDS; do
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done

        kill -9 "$pid" 2>/dev/null && echo "$0: killed $pid" >&2
    done

    PIDS=
    rm -f "$DIR"/*.pid
}


finish() {
    stop
    rm -rf "$DIR"
}


fail() {
    echo "$0: $*" >&2
    exit 1
}


# build program source...

build() {
    out=$DIR/$1
    shift

    (cd "$BENCH" && ${CC:-cc} -O2 -W -Wall -Wextra -o "$out" "$@" \
        -lssl -lcrypto -lm) || fail "cannot build $out"
}


certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 1 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$DIR/key.pem" -out "$DIR/cert.pem" 2>/dev/null \
        || fail "cannot make a certificate"
}


# a free one

port() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
        Proto => "tcp", LocalAddr => "127.0.0.1")->sockport'
}


# configure template file sed-expression...: @NAME@ in it are replaced

configure() {
    in=$BENCH/$1
    out=$DIR/$2
    shift 2

    sed "$@" -e "s|@BUILD@|$BUILD|g" -e "s|@MODULES@|$MODULES|g" \
        "$in" > "$out"
}


# wait_pid file: waits until a daemon has written it

wait_pid() {
    for _ in $(seq 100); do
        if [ -s "$1" ]; then
            PIDS="$PIDS $(cat "$1")"
            return
        fi

        sleep 0.05
    done

    fail "$1 does not appear"
}


# nginx name: starts $DIR/name.conf, its pid is in $DIR/name.pid

nginx() {
    mkdir -p "$DIR/$1"

    "$NGINX" -p "$DIR/$1/" -e "$DIR/$1.log" -c "$DIR/$1.conf" \
        -g "pid $DIR/$1.pid; error_log $DIR/$1.log warn; $USER_ROOT" \
        || fail "nginx does not start with $1.conf"

    wait_pid "$DIR/$1.pid"
}


# built module...: whether ours are there

built() {
    for so in "$@"; do
        [ -f "$BUILD/$so.so" ] || return 1
    done
}


# arguments of the load generator, one a line

args() {
    printf '%s\n' "$@" >> "$DIR/args"
}
