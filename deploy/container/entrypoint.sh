#!/bin/sh
# The first program of the container: entrypoint.sh [prepare | prefect-server | COMMAND OF CMVMON ...]
#
# Everything that is written lies in the volume (CMVMON_SITE, /site): the site, and in .cache what libraries keep and the kernels, which
# are compiled at the first start for the processor that is there. The program's own folder is never written.
set -eu
umask 0027
site=${CMVMON_SITE:-/site}
bin=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)/current/bin

refuse() {
    for line; do printf '%s\n' "$line" >&2; done
    exit 2
}

# A secret comes as a file: NAME_FILE names it, and the program finds it in NAME.
for name in PGPASSWORD CMVMON_MAIL_PASSWORD PREFECT_API_AUTH_STRING PREFECT_SERVER_API_AUTH_STRING PREFECT_SERVER_DATABASE_PASSWORD; do
    eval "file=\${${name}_FILE-}"
    [ -n "$file" ] || continue
    value=$(cat -- "$file" 2>/dev/null) && [ -n "$value" ] ||
        refuse "${name}_FILE names $file, which is missing, empty, or not readable by user $(id -u); nothing was started"
    export "$name=$value"
    unset "${name}_FILE" value
done

if [ "${1-}" = prefect-server ]; then
    export HOME=/tmp PREFECT_HOME="${PREFECT_HOME:-/tmp/prefect}" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
    exec "$bin/prefect" server start --host 0.0.0.0 --no-ui
fi

# Whether the volume can be written, before anything else is tried there.
mkdir -p "$site/.cache" 2>/dev/null && : 2>/dev/null >"$site/.cache/.tried.$$" && rm "$site/.cache/.tried.$$" ||
    refuse "$site can not be written by user $(id -u):$(id -g); nothing was started." \
        "The volume is mounted read-only, is full, or belongs to somebody else: chown it to $(id -u):$(id -g), and mount it writable."
export CMVMON_SITE="$site" HOME="$site/.cache" XDG_CACHE_HOME="$site/.cache" NUMBA_CACHE_DIR="$site/.cache/kernels"

# What the first start does, once, also where several containers begin together. In a container this shell is process 1, for which a
# signal does nothing unless it is trapped, and a trap waits for what runs in front: so it runs behind, and ends with process 1.
[ $$ != 1 ] || trap 'exit 143' HUP INT TERM
warm=$NUMBA_CACHE_DIR/warm-$(basename "$(readlink -f "$bin/..")")
(
    flock 9
    if [ ! -f "$site/settings.toml" ]; then
        "$bin/cmvmon" init "$site" ${CMVMON_TIME_ZONE:+--time-zone "$CMVMON_TIME_ZONE"}
        if [ -n "${CMVMON_DATABASE-}" ]; then
            case $CMVMON_DATABASE in *[\"\\]*) refuse "CMVMON_DATABASE holds a quotation mark or a backslash" ;; esac
            printf 'database = "%s"\n' "$CMVMON_DATABASE" >>"$site/settings.toml"
        fi
    fi
    if [ ! -f "$warm" ]; then
        "$bin/cmvmon" warmup
        : >"$warm"
    fi
) 9>"$site/.cache/first.lock" &
wait $! || exit $?
trap - HUP INT TERM

case "${1-watch}" in
prepare) exit 0 ;;
*)
    [ $# -gt 0 ] || set -- watch
    exec "$bin/cmvmon" "$@"
    ;;
esac
