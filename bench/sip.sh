#!/bin/sh
#
# Copyright (C) ngx_mra contributors
#
# What SIP over TLS costs an edge: nginx that passes bytes (the floor), ours,
# and Kamailio, all in front of the same registrar.
#
#   PARTS      of: register call rate stun crlf connect handshake resume
#              idle, and soak
#   EDGES      of: blind mra mra_path mra_tiers kamailio_stateless
#              kamailio_tm, and blind_1k for idle; the first is the floor
#   REGISTRAR  stub, in memory, or kamailio
#   RATE       registrations a second of the part "rate"
#   IDLE       connections of the part "idle"
#   SOAK       units of work of the part "soak"
#   BUILD      directory of our modules
#
# arguments go to sip_load: -r 50, -t 0.2 ...

set -eu

. "$(dirname "$0")/lib.sh"

PARTS=${PARTS:-register call rate stun crlf connect handshake resume idle}
REGISTRAR=${REGISTRAR:-stub}
RATE=${RATE:-2000}
IDLE=${IDLE:-10000}
SOAK=${SOAK:-1000000}
KAMAILIO=${KAMAILIO:-/usr/sbin/kamailio}
KAMAILIO_MODULES=${KAMAILIO_MODULES:-$(echo /usr/lib/*/kamailio/modules)}

# a process may not have more than that many files

ulimit -n "$(ulimit -H -n)"
NOFILE=$(ulimit -n)


# sip template name sed-expression...

sip() {
    template=$1
    name=$2
    shift 2

    configure "sip/$template" "$name.${template##*.}" "$@" \
        -e "s|@PORT@|$PORT|g" -e "s|@WORKERS@|$WORKERS|g" \
        -e "s|@CONNECTIONS@|$((NOFILE - 100))|g" \
        -e "s|@REGISTRARS@|$REGISTRARS|g" -e "s|@REGISTRAR@|$HOP|g" \
        -e "s|@DIR@|$DIR|g" -e "s|@KAMAILIO@|$KAMAILIO_MODULES|g"
}


# kamailio name option...: 4 GB of shared memory, in pages as they are used

kamailio() {
    name=$1
    shift

    "$KAMAILIO" -f "$DIR/$name.cfg" -P "$DIR/$name.pid" -w "$DIR" \
        -m 4096 -M 16 -x tlsf -X tlsf "$@" > "$DIR/$name.log" 2>&1 \
        || fail "kamailio does not start: $(tail -n 3 "$DIR/$name.log")"

    wait_pid "$DIR/$name.pid"
}


# an edge is started anew for each part: memory begins fresh

edge() {
    PORT=$(port)
    args -n "$1" -u "tls://127.0.0.1:$PORT" -p "$DIR/$1.pid"

    case $1 in

    blind)
        sip blind.conf "$1" -e "s|@BUFFER@|16k|"
        nginx "$1"
        ;;

    blind_1k)
        sip blind.conf "$1" -e "s|@BUFFER@|1k|"
        nginx "$1"
        ;;

    mra)
        sip mra.conf "$1" -e "s|@PATH_HEADERS@|off|" -e "s|@TIER@||"
        nginx "$1"
        ;;

    mra_path)
        sip mra.conf "$1" -e "s|@PATH_HEADERS@|on|" -e "s|@TIER@||"
        nginx "$1"
        ;;

    mra_tiers)

        # the core node behind it is not looked at

        core=$(port)
        sip mra.conf "$1" -e "s|@PATH_HEADERS@|off|" \
            -e "s|@TIER@|mra_sip_ssl on;|" \
            -e "s|@REGISTRARS@|server 127.0.0.1:$core;|"
        PORT=$core
        sip mra.conf core -e "s|@PATH_HEADERS@|off|" \
            -e "s|@TIER@|mra_sip_edge 127.0.0.1;|"
        nginx core
        nginx "$1"
        ;;

    kamailio_stateless)
        sip kamailio.cfg "$1" -e "s|@INSIDE@|$(port)|"
        kamailio "$1"
        ;;

    kamailio_tm)
        sip kamailio.cfg "$1" -e "s|@INSIDE@|$(port)|"
        kamailio "$1" -A TM
        ;;

    esac
}


# registrar address...

registrar() {
    HOP=$(port)

    case $REGISTRAR in

    stub)
        REGISTRARS=

        for a in "$@"; do
            REGISTRARS="$REGISTRARS server $a:$HOP;"
            "$DIR/sip_registrar" "$a:$HOP" &
            PIDS="$PIDS $!"
        done
        ;;

    kamailio)
        PORT=$HOP
        REGISTRARS="server 127.0.0.1:$HOP;"
        sip registrar.cfg registrar
        kamailio registrar
        ;;

    *)
        fail "unknown REGISTRAR"
        ;;

    esac
}


# part "edges" option...

part() {
    edges=${EDGES:-$1}
    shift

    : > "$DIR/args"
    registrar $ADDRS

    for e in $edges; do
        edge "$e"
    done

    sleep 1
    xargs -d '\n' -a "$DIR/args" "$DIR/sip_load" "$@" \
        || {
            grep -m 3 -iE 'error|crit|alert|emerg' "$DIR"/*.log >&2
            fail "no result, see above"
        }

    stop
}


build sip_load sip_load.c sip_idle.c sip_ua.c sip_msg.c load.c
build sip_registrar sip_registrar.c sip_msg.c load.c
certificate

OURS=
TIERS=

if built ngx_mra_module ngx_stream_mra_module; then
    OURS="mra mra_path"
    TIERS=mra_tiers

else
    echo "$0: no modules in $BUILD, running without ours" >&2
fi

KAMAILIOS="kamailio_stateless kamailio_tm"
WORKERS=1
ADDRS=127.0.0.1

for p in $PARTS; do

    case $p in

    register)
        part "blind $OURS $KAMAILIOS" -m register "$@"
        ;;

    call)
        part "blind $OURS $KAMAILIOS" -m call -t 0.3 -r 40 "$@"
        ;;

    rate)
        part "blind $OURS $KAMAILIOS" -R "$RATE" -t 0.5 -r 20 "$@"
        ;;

    stun)
        part "blind $OURS $TIERS" -m stun "$@"
        ;;

    crlf)
        part "blind $OURS $KAMAILIOS" -m crlf "$@"
        ;;

    soak)

        # nothing to compare: whether memory stays where it was; the share
        # of each in the whole, percent, in ten rounds after the first

        for m in register:90 call:7 connect:3; do
            part "mra" -m "${m%:*}" -r 10 -N $((SOAK * ${m#*:} / 1000)) \
                -t 3600 -l 7200 "$@"
        done
        ;;

    connect|handshake|resume)
        part "blind $OURS $KAMAILIOS" -m "$p" -c 20 "$@"
        ;;

    idle)

        # nginx takes as many workers as the files need, Kamailio cannot;
        # several registrars, for one address has 28,000 ports for a client

        WORKERS=$((IDLE * 2 / (NOFILE - 1000) + 1))
        ADDRS="127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4"
        [ "$IDLE" -lt "$((NOFILE - 1000))" ] || KAMAILIOS=

        part "blind blind_1k $OURS $KAMAILIOS" -i -m crlf -t 10 \
            -c "$IDLE" "$@"

        WORKERS=1
        ADDRS=127.0.0.1
        ;;

    *)
        fail "unknown part $p"
        ;;

    esac
done
