"""Storages of static and of uploaded files, and Chart.js with its CDN address, SRI hash and local copy.

The settings read it. What a page tells library.js and the Content-Security-Policy are both made from here.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.core.exceptions import ImproperlyConfigured
from whitenoise.storage import CompressedManifestStaticFilesStorage

CHART_URL = "https://cdn.jsdelivr.net/npm/chart.js@4.6.1/dist/chart.umd.min.js"
"""All that a page may run from the CDN; the policy never allows the whole host."""
CHART_HASH = "sha384-Emf5ZVIUiarAdhkgtqK+5/Z5qIvM6QoVrS+qAVtfyZVuD5lIHrac0me485+Antp0"
CHART_COPY = "vendor/chart-4.6.1.umd.min.js"


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed names and compressed copies; `import` statements of our modules name the hashed files too.

    No other bytes of a script change, so that the integrity hashes of the vendored libraries hold.
    """

    support_js_module_import_aggregation = True
    patterns = tuple(pattern for pattern in CompressedManifestStaticFilesStorage.patterns if pattern[0] == "*.css")


class ServedFiles(StaticFilesConfig):
    """All but what libraries bring and no page of ours names: half of the bytes that `collectstatic` would compress."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "redoc", "rest_framework", "*.js.map"]


def media_storage(address: str, folder: Path) -> dict[str, Any]:
    """Return the storage of uploaded files: a folder, or a bucket of an S3-compatible server. For the settings."""
    parts = urlsplit(address)
    if not address or (parts.scheme == "file" and parts.path.startswith("/")):
        options = {"location": parts.path or folder, "base_url": None, "allow_overwrite": True}
        return {"BACKEND": "core.files.AtomicFileSystemStorage", "OPTIONS": options}
    bucket, _slash, prefix = parts.path.strip("/").partition("/")
    if parts.scheme not in {"s3", "s3+http"} or not parts.hostname or not bucket or "@" not in parts.netloc:
        raise ImproperlyConfigured("MEDIA_STORE: use s3://KEY:SECRET@HOST[:PORT]/BUCKET[/PREFIX] or file:///FOLDER.")
    from botocore.config import Config  # noqa: PLC0415  # most installations have no bucket

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            # It fails within seconds where the server does not answer.
            "client_config": Config(
                s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2}
            ),
            "endpoint_url": f"{'http' if parts.scheme == 's3+http' else 'https'}://{parts.netloc.rpartition('@')[2]}",
            "access_key": unquote(parts.username or ""),
            "secret_key": unquote(parts.password or ""),
            "bucket_name": bucket,
            "location": prefix,
            "region_name": dict(parse_qsl(parts.query)).get("region", "us-east-1"),
        },
    }
