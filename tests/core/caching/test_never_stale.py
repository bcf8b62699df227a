"""The responses of two caching workers are never stale, whichever database is put in place."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests.support.databases import server_connection
from tests.support.live_server import ServedProject, serve_project

pytestmark = [pytest.mark.process, pytest.mark.database]


@pytest.mark.django_db
def test_a_database_of_before_that_is_copied_back_is_served_as_it_is(tmp_path: Path) -> None:
    """The server runs on: what it kept since the copy was made is of no version that the database has again."""
    with serve_project(tmp_path) as product:

        def read(name: str) -> None:
            """Both workers have the record by this name, computed and kept."""
            for _ in range(8):
                with closing(product.client()) as client:  # a new connection, so that either worker may take it
                    assert client.send("GET", "provinces/home/").json()["name_en"] == name

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
