"""Backup, verification, restore and drill of the database and the uploaded files.

A backup is one tar file with a manifest: `archive.py` and `manifest.py`. What a database holds is described in a
process of its own (`describe.py`), so that a copy, a scratch database and a snapshot of the running one are read alike.
"""
