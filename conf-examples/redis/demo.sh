#!/bin/bash
# Two nodes with one Redis on this machine, in front of a small directory:
# starts all of it below a prefix, on ports that are free, shows what the
# nodes share and what happens while Redis is away, and serves until
# interrupted.
#
#   demo.sh [directory with the modules] [--once]

set -e

here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$here/../build}" && pwd)

. "$here/lib.sh"

path=/cucm-uds/servers


main() {
    prepare
    prepare_redis

    start_directory
    start_redis
    start_node 1
    start_node 2
    await node1/logs/edge-error.log "redis .* is connected"
    await node2/logs/edge-error.log "redis .* is connected"

    one_token
    one_credential
    one_limit
    redis_away
    redis_back
    revoked

    if [ "$2" != --once ]; then
        keep_serving
    fi
}


# a node's configuration is redis/one.conf, but for ports and name

prepare_redis() {
    pick_ports directory redis http1 sip1 api1 http2 sip2 api2
    sed -i "s/:8444/:${port[directory]}/" directory.conf

    for n in 1 2; do
        mkdir -p node$n/logs
        ln -s ../certs ../modules node$n
        cp "$here"/redis/{one,services}.conf node$n

        sed -i "s/edge1/edge$n/; s/:6379/:${port[redis]}/; s/notice/info/
            s/:8443/:${port[http$n]}/; s/:5061/:${port[sip$n]}/
            s/:8080/:${port[api$n]}/
            s/:8444/:${port[directory]}/" node$n/*.conf
    done

    (umask 077; head -c 32 /dev/urandom > node1/secret)
    cp -p node1/secret node2

    resolve="--resolve edge.example.com:${port[http1]}:127.0.0.1
        --resolve edge.example.com:${port[http2]}:127.0.0.1"
}


start_directory() {
    run_nginx directory.conf
    wait_for ${port[directory]} directory
}


start_redis() {
    redis-server --bind 127.0.0.1 --port ${port[redis]} --dir "$prefix/run" \
        --save '' > logs/redis.log &
    redis=$!
    pids="$pids $redis"
    wait_for ${port[redis]} Redis
}


start_node() {
    run_nginx one.conf "$prefix/node$1"
    wait_for ${port[http$1]} "node $1"
}


# ask node-number curl-arguments: one request to that node

ask() {
    access_log=node$1/logs/edge-access.log
    get "${@:2}" "https://edge.example.com:${port[http$1]}$path"
}


one_token() {
    say "alice signs in at node 1, and gets a token"
    ask 1 -u alice:secret
    expect "200.*VERIFIED"
    token=$(sed -n 's/^set-cookie: \(X-Auth=[^;]*\).*/\1/ip' headers)

    say "her token is good at node 2, which has never seen her"
    ask 2 -H "Cookie: $token"
    expect "200.*TOKEN"
}


one_credential() {
    say "her password is known there too: the directory is not asked again"
    ask 2 -u alice:secret
    expect "200.*CACHED.*left:6"
}


one_limit() {
    say "bob signs in here and there: eight times in five minutes, for both"

    for n in 1 2 1 2 1 2 1 2; do
        ask $n -u bob:secret
        expect "200 (VERIFIED|CACHED)"
    done

    say "the ninth is one too many on either"
    ask 1 -u bob:secret
    expect "429.*LIMITED"
    ask 2 -u bob:secret
    expect "429.*LIMITED"
    grep -i retry-after headers
}


redis_away() {
    say "Redis is killed"
    kill -KILL $redis
    wait $redis 2> /dev/null || true
    await node1/logs/edge-error.log "redis .* is lost"
    await node2/logs/edge-error.log "redis .* is lost"

    say "alice notices nothing, wherever she is"
    ask 1 -H "Cookie: $token"
    expect "200.*TOKEN"
    ask 2 -H "Cookie: $token"
    expect "200.*TOKEN"

    say "carol signs in: her node verifies and counts alone"
    ask 1 -u carol:secret
    expect "200.*VERIFIED.*left:7"
}


redis_back() {
    say "Redis is back, empty: it gets what the nodes have"
    start_redis
    await node1/logs/edge-error.log "redis .* is back"
    await node2/logs/edge-error.log "redis .* is back"

    say "carol's sign-in at node 1 counts at node 2 from now on"

    for try in {1..50}; do
        [ "$(redis-cli -p ${port[redis]} keys 'mra:a*' | wc -l)" = 3 ] && break
        sleep 0.1
    done

    ask 2 -u carol:secret
    expect "200 .*left:6"
}


revoked() {
    say "alice is signed out at node 2: her token is worth nothing on either"
    curl -s -X DELETE "$(api 2)/tokens/alice@example.com" > /dev/null

    for n in 1 2; do
        for try in {1..20}; do
            ask $n -H "Cookie: $token"
            head -n 1 headers | grep -q 401 && break
            sleep 0.05
        done

        expect '401'
    done
}


# the API of a node

api() {
    echo "http://127.0.0.1:${port[api$1]}/api/1"
}


keep_serving() {
    cat << END

Serving until interrupted. In another terminal, to try:

cd $prefix
alias edge='curl -i --cacert certs/ca.crt $(echo $resolve)'
edge -u alice:secret https://edge.example.com:${port[http1]}$path
edge -u bob:secret https://edge.example.com:${port[http2]}$path
redis-cli -p ${port[redis]} monitor
curl $(api 1)/redis
curl -X DELETE $(api 1)/tokens/bob@example.com
tail -f node?/logs/*.log
END

    wait
}


main "$@"
