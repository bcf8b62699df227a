"""Storage in a bucket of an S3-compatible server, whose failures are OSErrors as those of a disk are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage


@contextmanager
def as_os_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        raise OSError(str(exc)) from exc


class PromptS3Storage(S3Storage):
    """S3 storage that fails within seconds where the server does not answer, and reads a file when it is opened."""

    def get_default_settings(self) -> dict[str, Any]:
        short = Config(
            s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2}
        )
        return {**super().get_default_settings(), "client_config": short}

    def _open(self, name: str, mode: str = "rb") -> Any:
        with as_os_errors():
            file = super()._open(name, mode)
            file.file  # noqa: B018  # read here, not in the middle of a response
            return file

    def _save(self, name: str, content: Any) -> str:
        with as_os_errors():
            return str(super()._save(name, content))
