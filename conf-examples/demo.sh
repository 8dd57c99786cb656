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
    phone alice 4444
    phone bob 4445

    await phone-alice/log "alice@example.com: .* 200 OK"
    await phone-bob/log "bob@example.com: .* 200 OK"
}


# a SIP client without a screen: takes commands on a port of its own

phone() {
    mkdir "phone-$1"

    cat > "phone-$1/config" << END
sip_listen 127.0.0.1:0
sip_cafile $prefix/certs/ca.crt
net_interface 127.0.0.1
audio_source aufile,$prefix/tone.wav
audio_player aufile,$prefix/phone-$1/heard.wav
audio_alert aufile,$prefix/phone-$1/alert.wav
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:$2
END

    printf '%s;%s;outbound="sip:127.0.0.1:5061;transport=tls"\n' \
        "<sip:$1@example.com>" "auth_pass=secret;regint=60;answermode=auto" \
        > "phone-$1/accounts"
    : > "phone-$1/contacts"

    baresip -f "phone-$1" > "phone-$1/log" 2>&1 &
    pids="$pids $!"
}


# one second of 440 Hz, for want of a microphone

tone() {
    perl -e 'my $d = pack "s<*", map { 8000 * sin($_ * 0.3456) } 1 .. 8000;
        print pack("A4VA8VvvVVvvA4V", "RIFF", 36 + length $d, "WAVEfmt ", 16,
            1, 1, 8000, 16000, 2, 16, "data", length $d), $d'
}


call() {
    say "alice calls bob"
    command='{"command":"dial","params":"sip:bob@example.com"}'

    exec 3<> /dev/tcp/127.0.0.1/4444
    printf '%d:%s,' ${#command} "$command" >&3

    await phone-bob/log "Call established"
    await phone-alice/log "Call established"

    command='{"command":"hangup"}'
    printf '%d:%s,' ${#command} "$command" >&3
    exec 3>&-
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
