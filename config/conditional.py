"""Conditional answers: every JSON answer of the API names its version, and is not sent again to who has it already.

The tag is made of the bytes of the answer itself, so nothing has to be told when something was written, by whichever
process: the next answer is built anew, and its tag says whether it differs.
"""

import hashlib
import re
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

from config.kept import Answer
from config.problems import is_api

CACHING = "private, no-cache"  # kept by the reader alone, and asked about each time
DEPENDS_ON = ("Accept", "Accept-Language", "Cookie", "Authorization")
READ, WRITTEN = {"GET", "HEAD"}, {"POST", "PUT", "PATCH"}
TAGGED = ("application/json", "application/vnd.oai.openapi")  # of the description: JSON as well as YAML
OF_THE_BODY = ("Content-Type", "Content-Length", "Content-Encoding", "Content-Language")
SHORTEST = 200  # bytes of a body worth compressing
WORD = re.compile(r"\w+")
TAG = r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")'
ONE_TAG = re.compile(TAG)
TAGS = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*")


def tag_of(content: bytes, revision: int | None) -> str:
    """The entity tag of an answer's bytes; one record's begins with its revision."""
    digest = hashlib.sha256(content).hexdigest()[:20]
    return f'"{digest}"' if revision is None else f'"{revision}-{digest}"'


class Compression(GZipMiddleware):
    """Compresses answers; tags those of the API, and leaves out the body of one that the client has already.

    The answer about one record is never compressed: its tag is what a write is held against, so it has to stay strong,
    and a strong tag stands for the very bytes.
    """

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        if not is_api(request):
            return super().process_response(request, response)
        response.setdefault("Cache-Control", CACHING)
        patch_vary_headers(response, DEPENDS_ON)
        revision = getattr(response, "revision", None)
        strong = revision is not None or response.has_header("ETag")  # of one record, also in a refusal or a repetition
        answer: Answer | None = getattr(response, "kept", None)
        if is_tagged(request, response, revision):
            response["ETag"] = tag_of(response.content, revision) if answer is None else kept_tag(answer)
        if not strong and answer is not None:
            packed(request, response, answer)
        elif not strong:
            response = super().process_response(request, response)
        # Last of all, so that what is said of the body that is left out is what would be said beside it.
        return without_body(response) if has_already(request, response) else response


def kept_tag(answer: Answer) -> str:
    """The tag of a kept answer, made once."""
    answer.tag = answer.tag or tag_of(answer.body, answer.revision)
    return answer.tag


def packed(request: HttpRequest, response: Any, answer: Answer) -> None:
    """Compress a kept answer with the form it was sent in before: there is nothing secret in it to pad."""
    if len(answer.body) < SHORTEST:
        return
    patch_vary_headers(response, ("Accept-Encoding",))
    if "gzip" not in WORD.findall(request.headers.get("Accept-Encoding", "")):
        return
    response["ETag"] = "W/" + response["ETag"]
    response.content = answer.compressed()
    response["Content-Length"] = str(len(response.content))
    response["Content-Encoding"] = "gzip"


def is_tagged(request: HttpRequest, response: Any, revision: int | None) -> bool:
    """Whether the answer names its version: what was read, and one record that was written; never a file."""
    if response.streaming or not response.get("Content-Type", "").startswith(TAGGED):
        return False
    if request.method in READ:
        return bool(response.status_code == 200)
    return request.method in WRITTEN and revision is not None and response.status_code in {200, 201}


def has_already(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether the client named the version that it would be sent (RFC 9110, 13.1.2: weak and strong compare alike)."""
    if request.method not in READ or response.status_code != 200 or "ETag" not in response:
        return False
    return names_it(request.headers.get("If-None-Match"), response["ETag"])


def names_it(known: str | None, tag: str) -> bool:
    """Whether the header If-None-Match names this version, weak or strong."""
    return known is not None and (known.strip() == "*" or tag.removeprefix("W/") in tags(known))


def tags(header: str) -> list[str]:
    """The tags of a list, without the mark of weak ones. A header that is no such list counts as absent."""
    return ONE_TAG.findall(header) if TAGS.fullmatch(header) else []


def without_body(response: Any) -> HttpResponseBase:
    """The same answer as 304: its headers, except those that describe a body, which are laid aside."""
    response.left_out = {name: response[name] for name in OF_THE_BODY if response.has_header(name)}
    response.status_code = 304
    response.content = b""
    for name in response.left_out:
        del response[name]
    return response  # type: ignore[no-any-return]
