#!/bin/bash
# Two edge nodes, two core nodes and two registrars on this machine, with
# phones that follow their registration path.  Ends one node after the other,
# and prints what the phones saw and how long it took.
#
#   demo.sh [directory with the modules] [--once]

set -e

here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$here/../build}" && pwd)

. "$here/lib.sh"

phones=6

declare -A pid


main() {
    prepare
    prepare_tiers

    for name in uc1 uc2 core1 core2 edge1 edge2; do
        start $name
    done

    await edge1/logs/edge-error.log "upstream .core. is up"
    await edge2/logs/edge-error.log "upstream .core. is up"

    register

    crash core1
    start core1
    freeze core2

    crash edge1
    start edge1
    crash uc1

    if [ "$2" != --once ]; then
        keep_serving
    fi
}


# each node's configuration is that of its tier, but for ports and names

prepare_tiers() {
    pick_ports uc1 uc2 {core,inside}{1,2} edge{1,2}

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
            s/:5162/:${port[core2]}/; s/ 5061 ssl/ ${port[edge$n]} ssl/
            s/edge$n.example.com:5061/127.0.0.1:${port[edge$n]}/
            s/headers  off/headers  on/" edge.conf > edge$n/edge.conf
    done
}


start() {
    case $1 in
        uc*)
            kamailio -f registrar.cfg -DD -E -m 64 -M 8 -Y "$prefix/run" \
                -A "LISTEN=tcp:127.0.0.1:${port[$1]}" 2> logs/$1.log &
            pids="$pids $!"
            ;;
        *)
            run_nginx ${1%?}.conf "$prefix/$1"
            ;;
    esac

    pid[$1]=${pids##* }
    wait_for ${port[$1]} $1
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
    say "$phones phones register at two edge nodes"

    coproc PHONES {
        exec perl phones.pl certs/ca.crt $phones ${port[edge1]} \
            ${port[edge2]}
    }
    pids="$pids $PHONES_PID"

    look "all is up"
    seen
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
