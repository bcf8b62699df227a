"""Name the database behind an address, or say in one line why nothing answers: database.py URL."""

import sqlite3
import sys

import environ
import psycopg2

settings = environ.Env.db_url_config(sys.argv[1])
if settings["ENGINE"] == "django.db.backends.sqlite3":
    print(f"SQLite {sqlite3.sqlite_version}")
else:
    parts = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    try:
        connection = psycopg2.connect(
            connect_timeout=2, **{name: settings[key] for name, key in parts.items() if settings.get(key)}
        )
    except psycopg2.OperationalError as error:
        sys.exit(str(error).strip())
    number = connection.info.server_version  # 150020 is 15.20
    connection.close()
    print(f"PostgreSQL {number // 10_000}.{number % 10_000}")
