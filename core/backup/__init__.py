"""Backup, verification, restore and drill of the database and the uploaded files.

A backup is one tar file: a manifest, what `pg_dump` or SQLite's backup wrote, and the uploaded files.
"""
