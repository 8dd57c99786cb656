#!/bin/sh
#
# Copyright (C) ngx_mra contributors
#
# A cluster of a million registrations in one process, with the very object
# of the balance that nginx loads.  Arguments go to simulate, see there; the
# exit code is 1 when a goal was missed.

set -eu

. "$(dirname "$0")/lib.sh"

[ -e "$BUILD/addon/policy/ngx_mra_balance.o" ] || fail "no objects in $BUILD"

build simulate -Wno-unused-parameter -I"$BUILD" -I"$BUILD/src/src/core" \
    -I"$BUILD/src/src/event" -I"$BUILD/src/src/os/unix" \
    -I../modules/policy simulate.c simulate_cluster.c simulate_plot.c \
    simulate_scenario.c "$BUILD/addon/policy/ngx_mra_balance.o" \
    "$BUILD/addon/policy/ngx_mra_route.o"

"$DIR/simulate" "$@"
