"""Conditional requests: the ETag of a single record, and compression that leaves it strong.

Django's ConditionalGetMiddleware gives every other response to GET an ETag, and answers 304 Not Modified.
"""

import hashlib
import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

RECORD_ETAG = re.compile(r'"[0-9]+-[0-9a-f]{20}"')
FILE_ETAG = re.compile(r'"[0-9a-f]{64}"')  # of a stored file: its checksum


def record_etag(content: bytes, revision: int) -> str:
    """Return the ETag of a response with one record: its revision, and a hash of the body."""
    return f'"{revision}-{hashlib.sha256(content).hexdigest()[:20]}"'


class CompressionMiddleware(GZipMiddleware):
    """GZipMiddleware that does not compress what has the ETag of a single record or of a stored file.

    Writes are checked against that of a record, which has to stay strong, and a strong ETag identifies the exact bytes.
    Stored files are compressed already.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        etag = response.get("ETag", "")
        if RECORD_ETAG.fullmatch(etag) or FILE_ETAG.fullmatch(etag):
            return response
        return super().process_response(request, response)
