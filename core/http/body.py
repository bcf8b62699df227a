"""Request body: bounded size, and strict JSON in UTF-8."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from core.http.errors import BadRequest, ErrorDetail

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
