"""Requests: Django's HttpRequest with the attributes that our middleware sets, who sent it, whether it is answered from
demonstration data, and its body: bounded in size, and strict JSON in UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from core.http.errors import BadRequest, ErrorDetail

if TYPE_CHECKING:
    from rest_framework.request import Request

    from core.http.rate_limits import Quota

DEMO_HEADER = "X-Demonstration-Data"
DEMO_FILE_PREFIX = "demonstration-"
DEMO_LABEL = "DEMONSTRATION DATA – invented / 演示数据（虚构）"  # in both languages: pictures are passed on


class TrackerRequest(HttpRequest):
    """HttpRequest after all middleware. For annotations only: the server creates Django's own class."""

    id: str  # request id, also sent as X-Request-ID and logged
    is_probe: bool  # a health check or a scrape, neither logged nor counted; set if so
    LANGUAGE_CODE: str
    as_of: date
    as_of_past: bool
    known: date  # at whose end the records shown were on record; today for the records as they are
    known_past: bool
    demonstration: bool  # the database holds demonstration data
    cache_status: str  # how the response cache answered: hit or miss; set for cacheable addresses only
    is_kept: bool  # the response cache keeps what is computed: no part of it may depend on the reader
    data_version_error: Exception  # of the database, asked for the version of the data; raised again by the view
    has_unknown_params: bool  # the address of a page has parameters that the page does not know; set if so
    feeds: Sequence[Mapping[str, str]]  # links to the page's calendar and feed; set by pages that have any
    auth: object  # token that authenticated the request, on pages that are read by one
    page_path: str  # path of the page whose list is read as a feed under a secret path; set there only
    workbook: str  # URL of the page's tables as one workbook; set by pages that have tables to download
    quotas: Sequence[Quota]  # rate limits that this request was counted under; sent as RateLimit headers


def client_ip(request: HttpRequest) -> str:
    """Return the client's IP address: of the connection, or as added by our own proxy; never a client's claim."""
    own = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.BEHIND_PROXY:
        return own
    added = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    try:
        ip_address(added)
    except ValueError:
        return own
    return added


def loaded_user(request: HttpRequest) -> Any | None:
    """Return the authenticated user if a view has loaded it already; never queries the database."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)  # where Django caches it once a view has loaded it
    return user if user is not None and user.is_authenticated else None


def parse_key(text: str) -> int | None:
    """Return the primary key that a parameter or form field holds; None where it is none that a database could have."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


# -- demonstration data: everything that leaves a demonstration site is marked as invented ---------------------


def is_demonstration(request: HttpRequest | Request) -> bool:
    """Return whether the request shows demonstration data."""
    return bool(getattr(request, "demonstration", False))


def download_stem(request: HttpRequest | Request, stem: str) -> str:
    """Return the file name stem, prefixed for demonstration data."""
    return DEMO_FILE_PREFIX + stem if is_demonstration(request) else stem


def demo_notice_rows(request: HttpRequest | Request) -> list[tuple[str, str]]:
    """Return the first line of a file's description for demonstration data; none for real data."""
    return [(_("Demonstration data"), _("invented, not the real programme"))] if is_demonstration(request) else []


def with_demo_flag(request: HttpRequest | Request, values: Any) -> Any:
    """Return a JSON object of the API, flagged for demonstration data."""
    return {"demonstration": True, **values} if is_demonstration(request) else values


# -- the body -----------------------------------------------------------------------------------------------------


SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
MAX_BODY_BYTES = 2_621_440  # Django's own limit; a bulk request of 1,000 records is smaller


class ContentTooLarge(BadRequest):
    """Error of a request body above the size limit (413)."""

    status_code = 413

    def __init__(self) -> None:
        message = _("The request holds more than %(most)d bytes. Send it in parts.") % {"most": MAX_BODY_BYTES}
        super().__init__(ErrorDetail("", "too_large", message))


def read_body(request: HttpRequest) -> bytes:
    """Return the request body. Raises ContentTooLarge."""
    try:
        content = request.body
    except RequestDataTooBig as exc:
        raise ContentTooLarge from exc
    length = request.META.get("CONTENT_LENGTH")
    if length and len(content) < int(length):  # a truncated body may be valid JSON too
        raise invalid_json(_("The body broke off after %(count)d bytes.") % {"count": len(content)})
    return content


def read_chunked_body(request: HttpRequest) -> None:
    """Read a body without a length, up to the limit, where Django finds it. Raises ContentTooLarge."""
    try:
        content = request.META["wsgi.input"].read(MAX_BODY_BYTES + 1)
    except Exception as exc:  # of invalid chunks, each server's own
        raise UnreadablePostError(*exc.args) from exc
    if len(content) > MAX_BODY_BYTES:
        raise ContentTooLarge
    request._body = content  # noqa: SLF001  # Django reads no body without a length
    request.META["CONTENT_LENGTH"] = str(len(content))


def parse_json(content: bytes) -> Any:
    """Parse strict JSON. Raises BadRequest with the position of the error where there is one."""
    try:
        text = content.decode()
        found = json.loads(
            text, parse_float=parse_decimal, parse_constant=reject_constant, object_pairs_hook=reject_duplicate_names
        )
    except UnicodeDecodeError as exc:
        raise invalid_json(_("The body is not UTF-8, from byte %(place)d on.") % {"place": exc.start}) from exc
    except json.JSONDecodeError as exc:
        values = {"line": exc.lineno, "column": exc.colno}
        raise invalid_json(_("The body is not JSON: look at line %(line)d, column %(column)d.") % values) from exc
    except RecursionError as exc:
        raise invalid_json(_("The body is nested too deeply.")) from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise invalid_json(_("The body holds a number that is too long.")) from exc
    if SURROGATE_ESCAPE.search(text):  # an escape may write half a character, which nothing can store or encode
        try:
            json.dumps(found, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as exc:
            raise invalid_json(_("The body holds half a character: \\uD800 to \\uDFFF come in pairs.")) from exc
    return found


def parse_decimal(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation as exc:  # an exponent of twenty digits
        raise invalid_json(_("The body holds a number that is too long.")) from exc


def invalid_json(message: str) -> BadRequest:
    return BadRequest(ErrorDetail("", "invalid_json", message))


def reject_constant(name: str) -> NoReturn:
    raise invalid_json(_("The body holds %(name)s, which is no JSON. “No data” is null.") % {"name": name})


def reject_duplicate_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid_json(_("The body gives “%(name)s” twice.") % {"name": twice[:80]})
    return found
