"""Stored files: the response that sends one, and their comparison with the records of documents, both ways."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _

from core.files import UNFINISHED, blob_name, kept_names, list_folder, open_blob, stored_names
from core.http import error_response
from core.spreadsheets.writer import content_disposition
from pilots.models import Document

logger = logging.getLogger("tracker.files")
FILE_POLICY = "sandbox; default-src 'none'"  # Content-Security-Policy of a file


def file_response(request: Any, document: Any) -> HttpResponseBase:
    """Return the file of a document or an edition, 304 where the client has it, 410 where the store lacks it.

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


# -- comparison ------------------------------------------------------------------------------------------


UPLOAD_TIME = timedelta(hours=1)  # a younger file without a record may belong to an upload under way


@dataclass
class FileCheck:
    """What was found: numbers, and the names of what is wrong."""

    documents: int = 0
    files: int = 0
    deleted: list[str] = field(default_factory=list)  # of documents that were deleted and can be restored
    recent: list[str] = field(default_factory=list)  # without a record, younger than UPLOAD_TIME
    unfinished: list[str] = field(default_factory=list)  # of uploads that broke off
    missing: list[str] = field(default_factory=list)  # records without their file
    unrecorded: list[str] = field(default_factory=list)  # files without a record
    damaged: list[str] = field(default_factory=list)  # files whose bytes have another checksum

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong and where."""
        kinds = {"missing": self.missing, "without a record": self.unrecorded, "damaged": self.damaged}
        return [(kind, name) for kind, names in kinds.items() for name in names]


def check_files(*, with_hash: bool, clean: bool, now: datetime | None = None) -> FileCheck:
    """Compare files and records; `with_hash` reads every file. `clean` deletes what broken-off uploads left behind."""
    now, found = now or timezone.now(), FileCheck()
    stored = set(stored_names())
    documents = {blob_name(checksum) for checksum in Document.objects.values_list("sha256", flat=True)}
    recorded = documents | kept_names(without=Document)
    past = {blob_name(checksum) for checksum in Document.history.values_list("sha256", flat=True).order_by().distinct()}
    found.documents, found.files = len(documents), len(stored)
    found.missing = sorted(recorded - stored)
    found.deleted = sorted((stored & past) - recorded)
    for name in sorted(stored - recorded - past):
        (found.recent if is_recent(name, now) else found.unrecorded).append(name)
    found.unfinished = [f"{UNFINISHED}/{name}" for name in list_folder(default_storage, UNFINISHED)[1]]
    if with_hash:
        found.damaged = [name for name in sorted(stored & (recorded | past)) if not is_whole(name)]
    if clean:  # unless they are so young that an upload may be under way
        for names in (found.unfinished, found.unrecorded):
            for stray in list(names):
                with suppress(FileNotFoundError):  # the upload has ended meanwhile
                    if is_recent(stray, now):
                        continue
                    default_storage.delete(stray)
                names.remove(stray)
    return found


def is_recent(name: str, now: datetime) -> bool:
    return now - default_storage.get_modified_time(name) < UPLOAD_TIME


def is_whole(name: str) -> bool:
    """Whether the bytes of a stored file have the checksum of its name."""
    with default_storage.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == name.rpartition("/")[2]
