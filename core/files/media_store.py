"""Address of the store of uploaded files (MEDIA_STORE)."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def media_storage(address: str, folder: Path) -> dict[str, Any]:
    """Return the storage of uploaded files: a folder, or a bucket of an S3-compatible server. For the settings."""
    parts = urlsplit(address)
    if not address or (parts.scheme == "file" and parts.path.startswith("/")):
        options = {"location": parts.path or folder, "base_url": None}
        return {"BACKEND": "core.files.store.AtomicFileSystemStorage", "OPTIONS": options}
    bucket, _slash, prefix = parts.path.strip("/").partition("/")
    if parts.scheme not in {"s3", "s3+http"} or not parts.hostname or not bucket or "@" not in parts.netloc:
        raise ImproperlyConfigured("MEDIA_STORE: use s3://KEY:SECRET@HOST[:PORT]/BUCKET[/PREFIX] or file:///FOLDER.")
    return {
        "BACKEND": "core.files.s3_storage.PromptS3Storage",
        "OPTIONS": {
            "endpoint_url": f"{'http' if parts.scheme == 's3+http' else 'https'}://{parts.netloc.rpartition('@')[2]}",
            "access_key": unquote(parts.username or ""),
            "secret_key": unquote(parts.password or ""),
            "bucket_name": bucket,
            "location": prefix,
            "region_name": dict(parse_qsl(parts.query)).get("region", "us-east-1"),
            "default_acl": None,
            "querystring_auth": True,
        },
    }
