#!/bin/sh
# Whether the program of this container does its work: health.sh watch|listen|serve|board. 0 = yes; 1 = no, in one line.
#
# Whether the ward's nights are done is another question, which no new start would answer: `cmvmon status` has a code for a monitor.
set -eu
site=${CMVMON_SITE:-/site}
bin=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)/current/bin
export HOME="$site/.cache" NUMBA_CACHE_DIR="$site/.cache/kernels"
case "${1-}" in
watch) runs=is_watching ;;
listen) runs=is_listening ;;
serve) runs=is_serving ;;
board) # a connection and no request: a request would be a row of the audit log each minute
    "$bin/python" -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5).close()' \
        "${CMVMON_BOARD_PORT:-8741}" 2>/dev/null && echo "the board takes connections" && exit 0
    echo "the board takes no connection"
    exit 1
    ;;
*)
    echo "say which program: health.sh watch|listen|serve|board"
    exit 1
    ;;
esac
code=0
said=$("$bin/cmvmon" status --json --site "$site" 2>/dev/null) || code=$?
case $code in
0 | 2 | 3) ;;
*)
    echo "cmvmon status ended with code $code"
    exit 1
    ;;
esac
case $said in
*"\"$runs\": true"*) echo "cmvmon $1 is at work" ;;
*)
    echo "cmvmon $1 does not run on this site"
    exit 1
    ;;
esac
