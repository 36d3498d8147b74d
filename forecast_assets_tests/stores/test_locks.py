"""Locks of different purposes never exclude each other, those of one purpose do, between processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from forecast_assets.errors import BadSetting
from forecast_assets.stores import backup
from forecast_assets_tests.conftest import _connected
from forecast_assets_tests.stores.test_retention import trimmed

_MAINTENANCE = """
import os, sys
import sqlalchemy as sa
from forecast_assets.stores.database import alone
with alone(sa.make_url(os.environ["FORECAST_DATABASE_URL"])):
    print("held", flush=True)
    sys.stdin.read()
"""
_FIRST_USE = "from forecast_assets.stores.mlflow_backend import tracking_uri; tracking_uri(); print('ready')"


@contextmanager
def maintenance() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of maintenance."""
    command = [sys.executable, "-c", _MAINTENANCE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.communicate("")


@pytest.mark.usefixtures("place")
def test_mlflows_tables_are_made_while_maintenance_runs(postgres_url):
    name = f"{sa.make_url(os.environ['FORECAST_DATABASE_URL']).database}_mlflow"
    command = [sys.executable, "-c", _FIRST_USE]
    try:
        with maintenance():
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout.splitlines()[-1:] == ["ready"], done.stderr
    finally:
        with _connected(postgres_url) as connection:
            connection.exec_driver_sql(f'drop database if exists "{name}" with (force)')


def test_backup_and_retention_are_refused_while_maintenance_runs_and_not_after_its_holder_was_killed(place):
    with maintenance() as holder:
        refused = "another backup, restore, mending or trimming is running"
        with pytest.raises(BadSetting, match=refused):
            backup.back_up(place.stores.warehouse.url, place.stores.lake, place.folder / "backup")
        assert not (place.folder / "backup").exists()
        with pytest.raises(BadSetting, match=refused):
            trimmed(place, apply=True)
        assert set(trimmed(place, apply=False).values()) == {0}, "only looking needs no lock"
        holder.kill()
        holder.wait()
        for _ in range(1000):  # the server notices it on its own
            try:
                assert set(trimmed(place, apply=True).values()) == {0}
                break
            except BadSetting:
                continue
        else:
            pytest.fail("the lock of a killed process was kept")
