#!/bin/sh
#
# Copyright (C) ngx_mra contributors
#
# CPU of one HTTPS request through nginx: without authentication (the floor),
# with ours, and with what people use without ours.  The floor gets the cookie
# too, and passes it on; "no_cookie" is the floor without.
#
# BUILD=directory of our modules; arguments go to http_load: -r 50, -t 0.4 ...

set -eu

. "$(dirname "$0")/lib.sh"

TOKEN=0123456789abcdef0123456789abcdef0123456789a
BASIC="Authorization: Basic $(printf alice:secret | base64)"


# edge name [template]: starts one, its port is in PORT

edge() {
    PORT=$(port)
    configure "http/${2:-$1}.conf" "$1.conf" -e "s|@PORT@|$PORT|g" \
        -e "s|@TOKEN@|$TOKEN|g"
    nginx "$1"

    args -n "$1" -u "https://127.0.0.1:$PORT/1k" -p "$DIR/$1.pid"
}


build http_load http_load.c load.c
certificate

printf 'alice:{SHA}%s\n' \
    "$(printf secret | openssl sha1 -binary | base64)" > "$DIR/htpasswd"

UPSTREAM=$(port)
mkdir "$DIR/upstream"
head -c 768 /dev/urandom | base64 -w 0 > "$DIR/upstream/1k"
: > "$DIR/upstream/empty"

configure http/common.conf common.conf -e "s|@UPSTREAM@|$UPSTREAM|"
configure http/upstream.conf upstream.conf -e "s|@UPSTREAM@|$UPSTREAM|"
nginx upstream

"$NGINX" -v 2>&1
openssl version
sed -n 's/^model name.*: //p' /proc/cpuinfo | sort | uniq -c

edge floor
args -H "Cookie: X-Auth=$TOKEN"

if built ngx_mra_module ngx_http_mra_module; then
    edge mra_token mra

    COOKIE=$(curl -sk -o /dev/null -D - -H "$BASIC" \
                  "https://127.0.0.1:$PORT/1k" \
             | sed -n 's/^Set-Cookie: \(X-Auth=[^;]*\).*/\1/ip' | tr -d '\r')

    [ -n "$COOKIE" ] || fail "no token from mra_token"
    args -H "Cookie: $COOKIE"

    edge mra_credential mra
    args -H "$BASIC"

else
    echo "$0: no modules in $BUILD, running without ours" >&2
fi

edge no_cookie floor

edge limit_req
args -H "$BASIC"

edge lua
args -H "Cookie: X-Auth=$TOKEN"

edge auth_basic
args -H "$BASIC"

edge auth_request_cached
args -H "$BASIC"

edge auth_request
args -H "$BASIC"

xargs -d '\n' -a "$DIR/args" "$DIR/http_load" "$@"
