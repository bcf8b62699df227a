"""Response that sends a stored file."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _

from core.files.store import open_blob
from core.http.problems import error_response
from core.spreadsheets.file_responses import content_disposition

logger = logging.getLogger("tracker.files")
FILE_POLICY = "sandbox; default-src 'none'"  # Content-Security-Policy of a file


class StoredFile(Protocol):
    """A stored file with what a response says of it: a document, or a file of an edition."""

    pk: Any
    file_name: Any
    file_size: Any
    media_type: Any
    sha256: Any
    is_public: Any


def file_response(request: Any, document: StoredFile) -> HttpResponseBase:
    """Return a stored file, 304 where the client has it, or 410 where it is missing in the store.

    Raises FileStoreUnavailable.
    """
    etag = f'"{document.sha256}"'
    response: Any = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            file = open_blob(document.sha256)
        except FileNotFoundError:
            logger.exception("document %d: its file is missing: %s", document.pk, document.sha256)
            text = _("The record is here, but its file is missing. Tell the administrator.")
            missing = error_response(request, 410, text)
            missing["Cache-Control"] = "no-store"  # it may be put back
            return missing
        response = FileResponse(file, content_type=document.media_type)
        stem, _dot, suffix = document.file_name.rpartition(".")
        response["Content-Disposition"] = content_disposition(stem, suffix.lower())
        response["Content-Length"] = str(document.file_size)
    response["ETag"] = etag
    response["Content-Security-Policy"] = FILE_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "public, no-cache" if document.is_public else "private, no-cache"
    patch_vary_headers(response, ["Cookie"])
    return response  # type: ignore[no-any-return]
