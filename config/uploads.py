"""How much a request may upload: refused by its own word before a byte of it is kept."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext_lazy

MAX_UPLOAD = 25 * 2**20
FILE_TOO_LARGE = gettext_lazy("The file is larger than 20 MB. Remove pictures from it, or import its rows in parts.")


class UploadTooLarge(RequestDataTooBig):
    """The request holds more than MAX_UPLOAD."""


class Bounded(FileUploadHandler):
    """Stands before the handlers that store a file. Raises UploadTooLarge for more than MAX_UPLOAD."""

    def handle_raw_input(
        self, input_data: Any, meta: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        if content_length > MAX_UPLOAD:
            raise UploadTooLarge(f"An upload of {content_length} bytes; the most is {MAX_UPLOAD}.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
