#!/bin/sh
# Hands the board's and the client's secret to Apache, whose configuration can't read them from a file, and starts it.
set -e
. /etc/apache2/envvars # it asks for names that may not be set
set -u
CMVMON_SECRET=$(cat /run/secrets/board_secret)
OIDC_CLIENT_SECRET=$(cat /run/secrets/oidc_client_secret)
export CMVMON_SECRET OIDC_CLIENT_SECRET
exec apache2 -D FOREGROUND
