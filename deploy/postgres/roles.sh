#!/bin/sh
# The roles of the database, made once, when its volume is empty. Passwords are read from files and passed on
# standard input: neither the process list nor a log shows them.
#   forecast_owner  owns the tables: migrations, backups
#   forecast_run    reads and writes rows: services and runs
#   mlflow          owns the database of MLflow
set -eu
secrets=${SECRETS:-/run/secrets}

role() { # NAME FILE
  psql --set=ON_ERROR_STOP=1 --quiet --username="$POSTGRES_USER" --dbname=postgres <<SQL
\set word \`cat $secrets/$2\`
create role $1 login password :'word';
SQL
}

role forecast_owner owner_password
role forecast_run run_password
role mlflow mlflow_password
psql --set=ON_ERROR_STOP=1 --quiet --username="$POSTGRES_USER" --dbname=postgres <<SQL
alter database $POSTGRES_DB owner to forecast_owner;
create database mlflow owner mlflow;
revoke all on database $POSTGRES_DB, mlflow, postgres from public;
SQL
