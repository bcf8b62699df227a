"""The responses of two caching workers are never stale, whatever writes, and whichever database is put in place."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests.core.caching.stale_cache_hunt import PROCESS_WRITES, KeepAliveReader, stale_cache_hunt
from tests.support.databases import server_connection
from tests.support.live_server import ServedProject, serve_project

pytestmark = [pytest.mark.process, pytest.mark.database]

ROUNDS = int(os.environ.get("CACHE_ROUNDS", "8"))  # of twelve responses each


@pytest.mark.django_db
def test_no_cached_response_is_behind(tmp_path: Path) -> None:
    with stale_cache_hunt(tmp_path) as hunt:
        for _ in range(ROUNDS):
            hunt.round()
        for kind in sorted(PROCESS_WRITES - {word.removeprefix("write ") for word in hunt.done}):
            hunt.write(kind)  # each kind at least once
            hunt.round()
    assert hunt.stale == []
    assert hunt.done["answers"] >= 12 * ROUNDS


@pytest.mark.django_db
def test_a_database_of_before_that_is_copied_back_is_served_as_it_is(tmp_path: Path) -> None:
    """The server runs on: what it kept since the copy was made is of no version that the database has again."""
    address = "/api/v1/provinces/home/"
    with serve_project(tmp_path) as product:

        def read(name: str) -> None:
            """Both workers have the record by this name, computed and kept."""
            for _ in range(8):
                reader = KeepAliveReader(product.port, **{"Accept-Encoding": "gzip"})
                assert f'"name_en":"{name}"'.encode() in reader.read(address)
                reader.connection.close()

        def rename(name: str) -> None:
            product.database.run("UPDATE policies_province SET name_en = %s WHERE slug = 'home'", name)

        rename("First")
        read("First")
        copy_database(product, to_copy=True)
        for name in ("Second", "Third"):
            rename(name)
            read(name)
        copy_database(product, to_copy=False)
        read("First")
        for name in ("Fourth", "Fifth"):  # as many writes as before
            rename(name)
            read(name)


def copy_database(product: ServedProject, *, to_copy: bool) -> None:
    """Copy the database of a running server, or put the copy in its place."""
    name = product.database.name
    if connection.vendor != "postgresql":
        files = [name, str(product.folder / "copy.sqlite3")]
        source, target = files if to_copy else files[::-1]
        with closing(sqlite3.connect(source)) as before, closing(sqlite3.connect(target)) as after:
            before.backup(after)
        return
    product.database.connection.close()
    source, target = (name, f"{name}_copy") if to_copy else (f"{name}_copy", name)
    with server_connection().cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )
        if not to_copy:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {target} TEMPLATE {source}")
        if not to_copy:
            cursor.execute(f"DROP DATABASE {source}")
