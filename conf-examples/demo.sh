#!/bin/bash
# The edge on this machine, in front of a small directory and a registrar:
# starts all of it below a prefix, shows what it does, and serves until
# interrupted.
#
#   demo.sh [directory with the modules] [--once]

set -e

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../build}" && pwd)
prefix=$build/demo
nginx=$(command -v nginx || echo /usr/sbin/nginx)
pids=

edge=https://edge.example.com:8443
domain=$(printf example.com | base64)
target=$(printf example.com/https/127.0.0.1/8444 | base64)


main() {
    trap stop EXIT
    trap exit INT TERM

    prepare
    start_directory
    start_edge

    sign_in
    use_token
    cached
    wrong_password
    ninth

    if [ "$2" != --once ]; then
        keep_serving
    fi
}


prepare() {
    rm -rf "$prefix"
    mkdir -p "$prefix"/{certs,logs,modules}
    cp -R "$here"/{edge.conf,directory.conf,provisioning} "$prefix"
    ln -s "$build"/*.so "$prefix/modules"
    ln -s /usr/lib/nginx/modules/ngx_stream_module.so "$prefix/modules"

    for user in alice bob carol; do
        echo "$user:$(openssl passwd -apr1 secret)"
    done > "$prefix/htpasswd"

    cd "$prefix/certs"

    key="ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"

    openssl req -x509 -newkey $key -subj "/CN=Demonstration CA" \
        -keyout ca.key -out ca.crt 2> ../logs/openssl.log

    for name in edge uc; do
        openssl req -newkey $key -subj "/CN=$name.example.com" \
            -keyout $name.key -out $name.csr 2>> ../logs/openssl.log
        openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -days 30 \
            -extfile <(echo "subjectAltName=DNS:$name.example.com") \
            -out $name.crt 2>> ../logs/openssl.log
    done

    cd "$prefix"
}


start_directory() {
    run_nginx directory.conf
    wait_for 8444 directory
}


start_edge() {
    run_nginx edge.conf
    wait_for 8443 edge
}


run_nginx() {
    "$nginx" -p "$prefix/" -c "$1" -e logs/start.log -g 'daemon off;' \
        2>> logs/start.log &
    pids="$pids $!"
}


wait_for() {
    for try in {1..50}; do
        if (: < /dev/tcp/127.0.0.1/$1) 2> /dev/null; then
            return
        fi
        sleep 0.1
    done

    echo "the $2 did not start on port $1:" >&2
    tail -3 logs/start.log >&2
    exit 1
}


stop() {
    trap - EXIT
    kill $pids 2> /dev/null || true
    wait
}


sign_in() {
    say "alice signs in with user and password, and gets a token"
    get -u alice:secret "$edge/$domain/get_edge_config"
    expect "200.*VERIFIED"
}


use_token() {
    say "the token is enough from now on, and is never counted"
    token=$(sed -n 's/^set-cookie: \(X-Auth=[^;]*\).*/\1/ip' headers)

    for i in {1..10}; do
        get -H "Cookie: $token" "$edge/$target/cucm-uds/servers"
        expect "200.*TOKEN"
    done
}


cached() {
    say "user and password again: the directory is not asked a second time"
    get -u alice:secret "$edge/$target/cucm-uds/user/alice"
    expect "200.*CACHED.*left:6"
}


wrong_password() {
    say "a wrong password"
    get -u bob:guess "$edge/$domain/get_edge_config"
    expect "401.*REJECTED"
}


ninth() {
    say "the ninth authorization of alice within five minutes"

    for i in {3..9}; do
        get -u alice:secret "$edge/$domain/get_edge_config"
    done

    expect "429.*LIMITED"
    grep -i retry-after headers

    say "bob, next to her, is served; so is alice's token"
    get -u bob:secret "$edge/$domain/get_edge_config"
    expect "200.*VERIFIED"
    get -H "Cookie: $token" "$edge/$target/cucm-uds/servers"
    expect "200.*TOKEN"
}


say() {
    printf '\n== %s\n' "$1"
}


get() {
    curl -s --cacert certs/ca.crt --resolve edge.example.com:8443:127.0.0.1 \
        -D headers -o body "$@"
}


# the edge's own access log tells how the request was judged

expect() {
    for try in {1..20}; do
        line=$(tail -1 logs/edge-access.log)
        [[ $line =~ $1 ]] && break
        sleep 0.05
    done

    echo "$line"

    if ! [[ $line =~ $1 ]]; then
        echo "expected: $1" >&2
        exit 1
    fi
}


keep_serving() {
    cat << END

Serving until interrupted. In another terminal, to try:

cd $prefix
alias mra='curl -i --cacert certs/ca.crt --resolve edge.example.com:8443:127.0.0.1'
mra -u bob:secret $edge/$domain/get_edge_config
mra -H 'Cookie: $token' $edge/$target/cucm-uds/servers
tail -f logs/edge-access.log
END

    wait
}


main "$@"
