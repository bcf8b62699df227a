"""Upload handler with a size limit: a request is rejected by its Content-Length before a byte of it is stored."""

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext_lazy

MAX_UPLOAD_BYTES = 25 * 2**20
FILE_TOO_LARGE = gettext_lazy("The file is larger than 20 MB. Remove pictures from it, or import its rows in parts.")


class UploadTooLarge(RequestDataTooBig):
    """The request is larger than MAX_UPLOAD_BYTES."""


class MaxSizeUploadHandler(FileUploadHandler):
    """Upload handler before those that store files. Raises UploadTooLarge."""

    def handle_raw_input(
        self, input_data: object, meta: object, content_length: int, boundary: object, encoding: object = None
    ) -> None:
        if content_length > MAX_UPLOAD_BYTES:
            raise UploadTooLarge(f"An upload of {content_length} bytes; the most is {MAX_UPLOAD_BYTES}.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
