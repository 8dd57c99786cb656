#!/bin/sh
#
# Copyright (C) ngx_mra contributors
#
# What Redis costs: sign-ins of new users with one, two and four workers, a
# request with a known token, operations and memory of Redis; next to the same
# with shared memory alone.  Redis is on this machine.
#
# BUILD=directory of our modules; arguments go to http_load for tokens:
# -r 50, -t 0.4 ...

set -eu

. "$(dirname "$0")/lib.sh"

USERS=10000


# starts one, empty; its port is in REDIS

redis() {
    REDIS=$(port)
    CLIENTS=0

    redis-server --port "$REDIS" --bind 127.0.0.1 --save '' --appendonly no \
        --dir "$DIR" --daemonize yes --pidfile "$DIR/redis-$REDIS.pid" \
        --logfile "$DIR/redis.log" > /dev/null

    wait_pid "$DIR/redis-$REDIS.pid"
}


# edge name workers [prefix]: starts one, with Redis if there is a prefix

edge() {
    PORT=$(port)
    redis=

    [ $# -lt 3 ] || redis="redis 127.0.0.1:$REDIS prefix=$3 timeout=10s;"

    configure redis/mra.conf "$1.conf" -e "s|@PORT@|$PORT|g" \
        -e "s|@NAME@|$1|g" -e "s|@WORKERS@|$2|g" -e "s|@REDIS@|$redis|g" \
        -e "s|@UPSTREAM@|$UPSTREAM|g"

    nginx "$1"
    eval "PORT_$1=$PORT"

    [ -z "$redis" ] || connected "$1" "$2"
}


# until each worker has its connection, and one of them hears of changes

connected() {
    CLIENTS=$((CLIENTS + $2 + 1))

    for _ in $(seq 200); do
        n=$(cli CLIENT LIST TYPE normal | grep -vcE ' cmd=(client|NULL|role)')
        [ "$n" -lt $CLIENTS ] || return 0
        sleep 0.05
    done

    fail "$1 is not connected: $(cat "$DIR/$1.log")"
}


cli() {
    redis-cli -p "$REDIS" "$@"
}


# scripts that were called, but those for heartbeats

calls() {
    cli INFO commandstats | tr -d '\r' | awk -F'[:=,]' '
        /^cmdstat_eval(sha)?:/ { n += $3 }
        /^cmdstat_hset:/ { n -= $3 }
        END { print n + 0 }'
}


# bytes letter: of all keys of this kind

bytes() {
    cli EVAL "local next, sum = '0', 0
        repeat
            local r = redis.call('SCAN', next, 'MATCH', ARGV[1], 'COUNT', 1000)
            next = r[1]
            for _, key in ipairs(r[2]) do
                sum = sum + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0)
            end
        until next == '0'
        return sum" 0 "$1"
}


used() {
    used=$(cli INFO memory | tr -d '\r' | sed -n 's/^used_memory://p')
    echo $((used - $(bytes 'm:changes')))
}


# load option...: all that is in args; what was done is in DONE, one a target

load() {
    xargs -d '\n' -a "$DIR/args" "$DIR/http_load" "$@" > "$DIR/out" \
        || fail "http_load failed"

    DONE=$(sed -n 's/.*; done: //p' "$DIR/out")
    : > "$DIR/args"
}


# target name [argument...]

target() {
    name=$1
    shift

    eval "args -n $name -u http://127.0.0.1:\$PORT_$name/ -p $DIR/$name.pid"
    args "$@"
}


built ngx_mra_module ngx_http_mra_module || fail "no modules in $BUILD"

build http_load http_load.c load.c
head -c 32 /dev/urandom > "$DIR/secret"
chmod 600 "$DIR/secret"

UPSTREAM=$(port)
configure redis/upstream.conf upstream.conf -e "s|@UPSTREAM@|$UPSTREAM|"
nginx upstream

redis

"$NGINX" -v 2>&1
redis-server --version
sed -n 's/^model name.*: //p' /proc/cpuinfo | sort | uniq -c


# sign-ins: each user once, first as many as go, then at a steady rate

for n in 1 2 4; do
    edge "memory_$n" $n
    edge "redis_$n" $n "$n:"
done

for users in a b; do
    for n in 1 2 4; do
        target memory_$n -U ${users}9999999
        target redis_$n -U ${users}9999999
    done

    [ $users = b ] || load -c 64 -r 5 -t 0.5
    [ $users = a ] || load -c 64 -r 5 -t 0.5 -R 500
    sed 's/HTTP requests/sign-ins of new users/; $d' "$DIR/out"
done


# tokens

edge memory 1
edge redis 1 t:

for name in memory redis; do
    eval "PORT=\$PORT_$name"

    COOKIE=$(curl -s -o /dev/null -D - -u alice:secret \
                  "http://127.0.0.1:$PORT/" \
             | sed -n 's/^Set-Cookie: \(X-Auth=[^;]*\).*/\1/ip' | tr -d '\r')

    [ -n "$COOKIE" ] || fail "no token from $name"
    target $name -H "Cookie: $COOKIE"
done

before=$(calls)
load -c 64 -r 40 -t 0.2 "$@"
tokens=$(($(calls) - before))

sed 's/HTTP requests/requests with a token/; $d' "$DIR/out"
token_requests=${DONE##* }


# operations and memory: all sign in once, then until their windows are full

redis
edge one 1 m:
before=$(used)
calls=$(calls)

target one -U m$USERS
load -c 16 -N $((USERS / 2)) -t 60 -r 1
signed_in=$DONE
calls=$(($(calls) - calls))
user=$(($(used) - before))
once=$(bytes 'm:a*')

target one -U m$USERS
load -c 16 -N $USERS -t 60 -r 6
full=$(($(bytes 'm:a*') - once))

awk -v calls=$calls -v n="$signed_in" -v tokens=$tokens \
    -v requests="$token_requests" -v user=$user -v full=$full \
    -v users=$USERS 'BEGIN {
        printf "operations of Redis\n\n"
        printf "%-40s %8.2f\n", "new sign-in", calls / n
        printf "%-40s %8.2f  (of %d)\n", "request with a known token",
            tokens / requests, requests
        printf "\nbytes of Redis, of %d users\n\n", users
        printf "%-40s %8.0f\n", "user, signed in once", user / users
        printf "%-40s %8.0f\n", "user with a full window of 8",
            (user + full) / users
    }'
