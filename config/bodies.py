"""What a request's body may be: JSON in UTF-8, of a bounded size, which every program reads alike."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from config.faults import BadRequest, Fault

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MOST_BYTES = 2_621_440  # as much as Django itself takes; a bulk request of 1,000 records is smaller


class ContentTooLarge(BadRequest):
    """A body longer than any honest one."""

    status_code = 413


class StrictJSON(BaseParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no name twice. Numbers with a fraction stay exact."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The value that the body holds. Raises BadRequest for what is none, UnsupportedMediaType for a charset."""
        request = (parser_context or {})["request"]._request  # noqa: SLF001  # DRF hides Django's, which keeps the body
        charset = request.content_params.get("charset", "utf-8").lower()
        if charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(f"{self.media_type}; charset={charset[:40]}", _("Send the JSON in UTF-8."))
        return read_json(body_of(request))


def body_of(request: HttpRequest) -> bytes:
    """The bytes of the body. Raises ContentTooLarge; a body without a length is read up to the limit."""
    message = _("The request holds more than %(most)d bytes. Send it in parts.") % {"most": MOST_BYTES}
    try:
        if "chunked" not in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            return whole(request.body, request.META.get("CONTENT_LENGTH"))
    except RequestDataTooBig as exc:
        raise ContentTooLarge(Fault("", "too_large", message)) from exc
    if not hasattr(request, "_body"):
        content = request.META["wsgi.input"].read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ContentTooLarge(Fault("", "too_large", message))
        request._body = content  # noqa: SLF001  # Django reads no body without a length; this is where it keeps one
    return request.body


def whole(content: bytes, length: str | None) -> bytes:
    """The content, if it is as long as was said. Raises BadRequest for what broke off: the half may be JSON as well."""
    if length and len(content) < int(length):
        raise unreadable(_("The body broke off after %(count)d bytes.") % {"count": len(content)})
    return content


def read_json(content: bytes) -> Any:
    """Raises BadRequest, with the place of the fault where there is one."""
    try:
        text = content.decode()
        found = json.loads(text, parse_float=exact, parse_constant=refuse_constant, object_pairs_hook=no_name_twice)
    except UnicodeDecodeError as exc:
        raise unreadable(_("The body is not UTF-8, from byte %(place)d on.") % {"place": exc.start}) from exc
    except json.JSONDecodeError as exc:
        values = {"line": exc.lineno, "column": exc.colno}
        raise unreadable(_("The body is not JSON: look at line %(line)d, column %(column)d.") % values) from exc
    except RecursionError as exc:
        raise unreadable(_("The body is nested too deeply.")) from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise unreadable(_("The body holds a number that is too long.")) from exc
    if SURROGATE.search(text):
        refuse_halves(found)
    return found


def exact(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation as exc:  # an exponent of twenty digits
        raise unreadable(_("The body holds a number that is too long.")) from exc


def refuse_halves(found: Any) -> None:
    """An escape may write half a character, which nothing can store or send on."""
    try:
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as exc:
        raise unreadable(_("The body holds half a character: \\uD800 to \\uDFFF come in pairs.")) from exc


def unreadable(message: str) -> BadRequest:
    return BadRequest(Fault("", "invalid_json", message))


def refuse_constant(name: str) -> Any:
    raise unreadable(_("The body holds %(name)s, which is no JSON. “No data” is null.") % {"name": name})


def no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise unreadable(_("The body gives “%(name)s” twice.") % {"name": twice[:80]})
    return found
