"""What the addresses of other servers in the environment mean: a replica of the database, a store for files.

Read by the settings, so nothing here may need them.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

POSTGRESQL = "django.db.backends.postgresql"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
MEDIA_SHAPE = "MEDIA_STORE: use s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME, or leave it out."


def replica_database(replica: Mapping[str, Any], primary: Mapping[str, Any], cache: str) -> dict[str, Any]:
    """The settings of the replica, made of both addresses as they were read. Raises ImproperlyConfigured.

    Without a cache that all processes share nobody could know who follows the line of changes (config/replica.py).
    """
    if replica["ENGINE"] != POSTGRESQL or primary["ENGINE"] != POSTGRESQL:
        raise ImproperlyConfigured(
            "DATABASE_REPLICA_URL: use postgres://USER:PASSWORD@HOST:PORT/NAME, beside a DATABASE_URL on PostgreSQL."
        )
    if "redis" not in cache.lower():
        raise ImproperlyConfigured(
            "DATABASE_REPLICA_URL: give CACHE_URL=redis://HOST:PORT/0 as well, for all processes."
        )
    options = {**primary["OPTIONS"], "connect_timeout": 2, "tcp_user_timeout": 4_000, **replica.get("OPTIONS", {})}
    kept = {name: primary[name] for name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS")}
    return {**replica, **kept, "OPTIONS": options, "TEST": {"MIRROR": "default"}}


def media_store(address: str, folder: Path) -> dict[str, Any]:
    """The storage of files that the product keeps: a bucket at this address, or the folder where there is none.

    Raises ImproperlyConfigured. Keys come from the environment, under the names that every S3 client reads.
    """
    if not address:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
    parts = urlsplit(address)
    asked = parse_qs(parts.query, keep_blank_values=True)
    if (
        parts.scheme != "s3"
        or not BUCKET.fullmatch(parts.netloc)
        or not asked.keys() <= {"endpoint", "region"}
        or any(len(values) > 1 or not values[0] for values in asked.values())
    ):
        raise ImproperlyConfigured(MEDIA_SHAPE)
    options = {"bucket_name": parts.netloc, "location": unquote(parts.path).strip("/"), "file_overwrite": False}
    if "endpoint" in asked:  # a server of one's own has no name for each bucket
        options |= {"endpoint_url": endpoint(asked["endpoint"][0]), "addressing_style": "path"}
    if "region" in asked:
        options["region_name"] = asked["region"][0]
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def endpoint(address: str) -> str:
    """Raises ImproperlyConfigured for what is not the address of a server alone."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ImproperlyConfigured(MEDIA_SHAPE)
    return address
