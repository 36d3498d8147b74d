#!/bin/sh
# Starts PostgreSQL of compose.yaml with TLS. The server refuses a key that others may read, and a secret of
# compose is one, so that it gets a copy of its own.
set -eu
install -m 600 "${SECRETS:-/run/secrets}/postgres_key" "${KEY:=/tmp/postgres_key}"
exec docker-entrypoint.sh postgres \
  -c ssl=on -c ssl_cert_file="${SECRETS:-/run/secrets}/postgres_certificate" -c ssl_key_file="$KEY" \
  -c hba_file="${HBA:-/etc/postgresql/pg_hba.conf}"
