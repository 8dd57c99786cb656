#!/bin/bash
# Two edge nodes, two core nodes and two registrars on this machine, with
# phones that follow their registration path and two that do not and are in
# a call.  Ends one node after the other, and prints what the phones saw and
# how long it took.  Where the user may, the second core node is at the end of
# a cable (a network namespace) that is cut.
#
#   demo.sh [directory with the modules] [--once]

set -e

here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$here/../build}" && pwd)

. "$here/lib.sh"

phones=6

back=0
declare -A pid
core2=127.0.0.1     # the address of that node
home=127.0.0.1      # ... and of the others, for it


main() {
    prepare
    lay_cable
    prepare_tiers

    for name in uc1 uc2 core1 core2 edge1 edge2; do
        start $name
    done

    await edge1/logs/edge-error.log "upstream .core. is up"
    await edge2/logs/edge-error.log "upstream .core. is up"

    register
    call

    crash core1
    start core1
    is_back core1
    cut_cable
    freeze core1
    hang_up

    crash edge1
    start edge1
    crash uc1

    if [ "$2" != --once ]; then
        keep_serving
    fi
}


# addresses that nobody uses: of the networks for benchmarks

lay_cable() {
    net=mra$$
    trap 'ip netns del $net; stop' EXIT

    if connect 198.18.$(($$ % 250)) 2> /dev/null; then
        return
    fi

    ip netns del $net 2> /dev/null || true
    trap stop EXIT
    net=
}


connect() {
    ip netns add $net \
        && ip netns exec $net true \
        && ip link add $net type veth peer name far netns $net \
        && ip addr add $1.1/30 dev $net \
        && ip link set $net up \
        && ip -n $net addr add $1.2/30 dev far \
        && ip -n $net link set far up \
        && ip -n $net link set lo up \
        && home=$1.1 core2=$1.2
}


cut_cable() {
    if [ -z "$net" ]; then
        echo "no network namespace may be made: no cable is cut"
        freeze core2
        return
    fi

    say "the cable of core2 is cut, and mended later"
    look "core2 cut off"
    ip link set $net down
    seen
    ip link set $net up
    is_back core2
}


# both edge nodes have seen that it is up again

is_back() {
    back=$((back + 2))

    for try in {1..200}; do
        n=$(cat edge?/logs/edge-error.log | grep -c "is up after") || true
        [ $n -ge $back ] && return
        sleep 0.1
    done

    fail "$1 is not up for the edge nodes"
}


# each node's configuration is that of its tier, but for ports and names

prepare_tiers() {
    pick_ports uc1 uc2 {core,inside}{1,2} edge{1,2} alice bob

    cp "$here"/two-tiers/*.{conf,pl} .
    head -c 32 /dev/urandom > core.secret
    head -c 32 /dev/urandom > edge.secret
    chmod 600 {core,edge}.secret

    certificate core
    certificate edge1
    certificate edge2

    for n in 1 2; do
        for tier in core edge; do
            mkdir -p $tier$n/{logs,secrets,certs}
            ln -s ../modules $tier$n
            cp -p $tier.secret $tier$n/secrets/$tier
            cp -p certs/ca.crt $tier$n/certs
        done

        cp certs/core.crt certs/core.key core$n/certs
        cp certs/edge$n.crt edge$n/certs/edge.crt
        cp certs/edge$n.key edge$n/certs/edge.key

        sed "s/core1/core$n/; s/:5060;/:${port[uc1]};/
            s/:5070;/:${port[uc2]} backup;/; s/5161/${port[core$n]}/
            s/5160/${port[inside$n]}/; s/headers  off/headers  on/" \
            core.conf > core$n/core.conf
        sed "s/edge1/edge$n/; s/:5161/:${port[core1]}/
            s/127.0.0.1:5162/$core2:${port[core2]}/
            s/ 5061 ssl/ ${port[edge$n]} ssl/
            s/edge$n.example.com:5061/127.0.0.1:${port[edge$n]}/
            s/headers  off/headers  on/" edge.conf > edge$n/edge.conf
    done

    sed -i "s/127.0.0.1:${port[inside2]}/$core2:${port[inside2]}/
        s/127.0.0.1/$home/" core2/core.conf
}


start() {
    case $1 in
        uc*)
            kamailio -f registrar.cfg -DD -E -m 64 -M 8 -Y "$prefix/run" \
                -A "LISTEN=tcp:127.0.0.1:${port[$1]}" \
                $([ -z "$net" ] || echo "-l tcp:$home:${port[$1]}") \
                2> logs/$1.log &
            pids="$pids $!"
            ;;
        core2)
            ${net:+ip netns exec $net} "$nginx" -p core2/ -c core.conf \
                -e logs/start.log -g 'daemon off;' 2>> logs/start.log &
            pids="$pids $!"
            ;;
        *)
            run_nginx ${1%?}.conf "$prefix/$1"
            ;;
    esac

    pid[$1]=${pids##* }

    case $1 in
        core2)  wait_for ${port[$1]} $1 $core2 ;;
        *)      wait_for ${port[$1]} $1 ;;
    esac
}


# without a good-bye: the process and its children

crash() {
    say "$1 is killed"
    look "$1 killed"
    end KILL $1
    { wait ${pid[$1]} || true; } 2> /dev/null
    seen
}


# what listens and says nothing any more

freeze() {
    say "$1 freezes, and goes on later"
    look "$1 frozen"
    end STOP $1
    seen
    end CONT $1
    is_back $1
}


end() {
    kill -$1 ${pid[$2]} $(pgrep -P ${pid[$2]})
}


# what the phones see from now on, and when they are at rest again

look() {
    echo "$1" >&"${PHONES[1]}"
}


seen() {
    read -r -t 60 line <&"${PHONES[0]}" || fail "the phones are not at rest"
    echo "$line"
}


register() {
    say "$phones phones register at two edge nodes, and alice and bob"

    coproc PHONES {
        exec perl phones.pl certs/ca.crt $phones ${port[edge1]} \
            ${port[edge2]}
    }
    pids="$pids $PHONES_PID"

    tone > tone.wav
    phone alice ${port[alice]} ${port[edge2]} 10
    phone bob ${port[bob]} ${port[edge2]} 10

    await phone-alice/log "alice@example.com: .* 200 OK"
    await phone-bob/log "bob@example.com: .* 200 OK"

    look "all is up"
    seen
}


call() {
    say "alice calls bob"
    tell ${port[alice]} dial sip:bob@example.com
    await phone-alice/log "Call established"
    await phone-bob/log "Call established"
}


hang_up() {
    say "the call has outlived both core nodes: alice hangs up"
    tell ${port[alice]} hangup
    await phone-bob/log "terminated"
}


keep_serving() {
    cat << END

Serving until interrupted. In another terminal, to try:

cd $prefix
tail -f */logs/*-error.log
openssl s_client -connect 127.0.0.1:${port[edge1]}
END

    wait
}


main "$@"
