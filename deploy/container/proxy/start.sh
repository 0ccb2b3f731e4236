#!/bin/sh
# Hands the board's secret to Apache, whose configuration can't read it from a file, and starts it.
set -eu
CMVMON_SECRET=$(cat /run/secrets/board_secret)
export CMVMON_SECRET
. /etc/apache2/envvars
exec apache2 -D FOREGROUND
