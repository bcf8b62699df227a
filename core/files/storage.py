"""Storage on disk that never holds half a file under its name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage

UNFINISHED = "unfinished"  # folder of files that are being written


class AtomicFileSystemStorage(FileSystemStorage):
    """File system storage that writes to a temporary file first and moves it into place; a file of that name is
    replaced."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target, folder = Path(self.path(name)), Path(self.path(UNFINISHED))
        for path in (target.parent, folder):
            path.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
        return name


def sync_folder(folder: Path) -> None:
    """Write the folder itself to disk, so that a new name survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
