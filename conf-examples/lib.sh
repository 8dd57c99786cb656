# What the demonstrations share.  A script that sources this has set "here"
# (this directory), "build" (the modules) and "main" as its last line.

nginx=$(command -v nginx || echo /usr/sbin/nginx)
prefix=$(mktemp -d /tmp/ngx_mra-demo.XXXXXX)    # workers can read it
pids=
access_log=logs/edge-access.log

trap stop EXIT
trap exit INT TERM


# files below the prefix: configurations, modules, users, certificates

prepare() {
    chmod 755 "$prefix"
    mkdir "$prefix"/{certs,logs,modules,run}
    cp -R "$here"/{*.conf,*.cfg,provisioning} "$prefix"
    ln -s "$build"/*.so "$prefix/modules"
    ln -sf /usr/lib/nginx/modules/ngx_stream_module.so "$prefix/modules"

    for user in alice bob carol; do
        echo "$user:$(openssl passwd -apr1 secret)"
    done > "$prefix/htpasswd"

    cd "$prefix/certs"

    key="ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"

    openssl req -x509 -newkey $key -subj "/CN=Demonstration CA" \
        -keyout ca.key -out ca.crt 2> ../logs/openssl.log

    cd "$prefix"

    certificate edge
    certificate uc
}


certificate() {
    openssl req -newkey $key -subj "/CN=$1.example.com" \
        -keyout certs/$1.key -out certs/$1.csr 2>> logs/openssl.log
    openssl x509 -req -in certs/$1.csr -CA certs/ca.crt \
        -CAkey certs/ca.key -days 30 -out certs/$1.crt \
        -extfile <(echo "subjectAltName=DNS:$1.example.com") \
        2>> logs/openssl.log
}


# port[name]: one that nobody listens on, for each of the names

declare -A port

pick_ports() {
    local p name taken=

    for name; do
        while p=$((10240 + RANDOM % 20000))
            [[ " $taken " == *" $p "* ]] \
                || (: < /dev/tcp/127.0.0.1/$p) 2> /dev/null
        do
            :
        done

        port[$name]=$p
        taken="$taken $p"
    done
}


# a configuration, and its prefix where that is not the common one

run_nginx() {
    "$nginx" -p "${2:-$prefix}/" -c "$1" -e logs/start.log -g 'daemon off;' \
        2>> logs/start.log &
    pids="$pids $!"
}


wait_for() {
    for try in {1..50}; do
        if (: < /dev/tcp/${3:-127.0.0.1}/$1) 2> /dev/null; then
            return
        fi
        sleep 0.1
    done

    tail -n 3 logs/*.log >&2
    fail "the $2 did not start on port $1"
}


# a SIP client without a screen: user, port for commands, port of the edge,
# seconds between its REGISTERs

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

    printf '%s;%s;outbound="sip:127.0.0.1:%d;transport=tls"\n' \
        "<sip:$1@example.com>" "auth_pass=secret;regint=$4;answermode=auto" \
        $3 > "phone-$1/accounts"
    : > "phone-$1/contacts"

    baresip -f "phone-$1" > "phone-$1/log" 2>&1 &
    pids="$pids $!"
}


# a minute of 440 Hz, for want of a microphone

tone() {
    perl -e 'my $d = pack "s<*", map { 8000 * sin($_ * 0.3456) } 1 .. 480000;
        print pack("A4VA8VvvVVvvA4V", "RIFF", 36 + length $d, "WAVEfmt ", 16,
            1, 1, 8000, 16000, 2, 16, "data", length $d), $d'
}


# a command for a phone, by its port

tell() {
    local command="{\"command\":\"$2\",\"params\":\"$3\"}"

    printf '%d:%s,' ${#command} "$command" > /dev/tcp/127.0.0.1/$1
}


stop() {
    trap - EXIT
    kill $pids 2> /dev/null || true
    wait
    cd / && rm -rf "$prefix"
}


get() {
    curl -s --cacert certs/ca.crt $resolve -D headers -o body "$@"
}


# the edge's own access log tells how the request was judged

expect() {
    for try in {1..20}; do
        line=$(tail -n 1 $access_log)
        [[ $line =~ $1 ]] && break
        sleep 0.05
    done

    echo "$line"

    [[ $line =~ $1 ]] || fail "expected: $1"
}


await() {
    for try in {1..100}; do
        if grep -m 1 "$2" "$1"; then
            return
        fi
        sleep 0.1
    done

    tail -n 5 "$1" >&2
    fail "no \"$2\" in $1"
}


say() {
    printf '\n== %s\n' "$1"
}


fail() {
    echo "$1" >&2
    exit 1
}
