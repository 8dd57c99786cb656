#!/bin/bash
# The edge on this machine, in front of a small directory and a registrar:
# starts all of it below a prefix, shows what it does, and serves until
# interrupted.
#
#   demo.sh [directory with the modules] [--once]

set -e

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../build}" && pwd)

. "$here/lib.sh"

edge=https://edge.example.com:8443
resolve="--resolve edge.example.com:8443:127.0.0.1"
domain=$(printf example.com | base64)
target=$(printf example.com/https/127.0.0.1/8444 | base64)


main() {
    prepare
    start_directory
    start_registrar
    start_edge

    sign_in
    use_token
    cached
    wrong_password
    ninth

    register
    call
    keepalive

    if [ "$2" != --once ]; then
        start_registrar
        keep_serving
    fi
}


start_directory() {
    run_nginx directory.conf
    wait_for 8444 directory
}


start_registrar() {
    kamailio -f registrar.cfg -DD -E -m 64 -M 8 -Y "$prefix/run" \
        2> logs/registrar.log &
    registrar=$!
    pids="$pids $registrar"
    wait_for 5060 registrar
}


start_edge() {
    run_nginx edge.conf
    wait_for 8443 edge
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


register() {
    say "two phones register over TLS"
    tone > tone.wav
    phone alice 4444 5061 60
    phone bob 4445 5061 60

    await phone-alice/log "alice@example.com: .* 200 OK"
    await phone-bob/log "bob@example.com: .* 200 OK"
}


call() {
    say "alice calls bob"
    tell 4444 dial sip:bob@example.com
    await phone-bob/log "Call established"
    await phone-alice/log "Call established"
    tell 4444 hangup
}


keepalive() {
    say "a STUN keepalive on the SIP connection: the path is up"
    stun "01 01"

    say "the registrar stops: the keepalive tells"
    kill $registrar
    wait $registrar || true
    stun "01 11"
}


# asks until the answer is of the given type, 3 s at most

stun() {
    for try in {1..10}; do
        answer=$( (printf '\0\1\0\0\x21\x12\xa4\x42ngx_mra_demo'; sleep 0.3) \
            | openssl s_client -quiet -connect 127.0.0.1:5061 2> /dev/null \
            | od -An -tx1)
        [[ $answer == " $1"* ]] && break
    done

    case $answer in
        " 01 01"*) echo "Binding success:$answer" ;;
        " 01 11"*) echo "Binding error:$answer" ;;
    esac

    [[ $answer == " $1"* ]] || fail "expected a STUN answer of type $1"
}


keep_serving() {
    cat << END

Serving until interrupted. In another terminal, to try:

cd $prefix
alias edge='curl -i --cacert certs/ca.crt $resolve'
edge -u bob:secret $edge/$domain/get_edge_config
edge -H 'Cookie: $token' $edge/$target/cucm-uds/servers
tail -f logs/edge-access.log
END

    wait
}


main "$@"
