"""Comparison of the stored files with the records of documents, both ways."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.files.storage import default_storage
from django.utils import timezone

from core.files.storage import UNFINISHED
from core.files.store import blob_name, list_folder, owned_names, stored_names
from pilots.models import Document

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
    recorded = documents | owned_names()
    past = {blob_name(checksum) for checksum in Document.history.values_list("sha256", flat=True).order_by().distinct()}
    found.documents, found.files = len(documents), len(stored)
    found.missing = sorted(recorded - stored)
    found.deleted = sorted((stored & past) - recorded)
    for name in sorted(stored - recorded - past):
        (found.recent if is_recent(name, now) else found.unrecorded).append(name)
    found.unfinished = [f"{UNFINISHED}/{name}" for name in list_folder(default_storage, UNFINISHED)[1]]
    if with_hash:
        found.damaged = [name for name in sorted(stored & (recorded | past)) if not is_whole(name)]
    if clean:
        clean_up(found, now)
    return found


def document_checksums() -> set[str]:
    """Return the checksums of the files of all documents, deleted ones included: they can be restored."""
    past = Document.history.values_list("sha256", flat=True).order_by().distinct()
    return {*Document.objects.values_list("sha256", flat=True), *past}


def is_recent(name: str, now: datetime) -> bool:
    return now - default_storage.get_modified_time(name) < UPLOAD_TIME


def is_whole(name: str) -> bool:
    """Whether the bytes of a stored file have the checksum of its name."""
    with default_storage.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == name.rpartition("/")[2]


def clean_up(found: FileCheck, now: datetime) -> None:
    """Delete unfinished files and files without a record, unless they are so young that an upload may be under way."""
    for names in (found.unfinished, found.unrecorded):
        for name in list(names):
            with suppress(FileNotFoundError):  # the upload has ended meanwhile
                if is_recent(name, now):
                    continue
                default_storage.delete(name)
            names.remove(name)
