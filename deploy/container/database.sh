#!/bin/sh
# Run once by the database's container, on an empty volume: a user and a database each for the site's rows and for Prefect.
set -eu
made() {
    psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
        --set name="$1" --set password="$(cat -- "$2")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}
made cmvmon "${STORE_PASSWORD_FILE:-/run/secrets/store_password}"
made prefect "${PREFECT_DATABASE_PASSWORD_FILE:-/run/secrets/prefect_database_password}"
