"""The headers of the API: those that a request may or must send, and those that answers carry."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.plumbing import ComponentRegistry
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from config.answers import HEADER as IDEMPOTENCY_KEY
from config.answers import KEY
from config.entries import MAX_REASON
from config.openapi.parts import HEADERS, part
from config.revisions import IF_MATCH

TAG = r'(W/)?"[!#-~]*"'
TAGS = rf"^(\*|{TAG}( *, *{TAG})*)$"
REQUEST_ID, REASON, IF_NONE_MATCH = "X-Request-ID", "X-Change-Reason", "If-None-Match"


def header(name: str, description: Any, example: str, required: bool = False, **schema: Any) -> OpenApiParameter:
    """A header of requests."""
    shown = [OpenApiExample(name, value=example)] if example else []
    kind = {"type": "string", **schema}
    return OpenApiParameter(name, kind, "header", required=required, description=description, examples=shown)


def request_headers(*, reading: bool, one: bool, creating: bool) -> list[OpenApiParameter]:
    """What a request may send beside its parameters; the version of one record has to be named before it is written."""
    wanted = [header(IF_NONE_MATCH, IF_NONE_MATCH_SAYS, '"1-0123456789abcdef0123"')] if reading else []
    if not reading:
        if one and not creating:
            wanted.append(header(IF_MATCH, IF_MATCH_SAYS, '"1-0123456789abcdef0123"', required=True, pattern=TAGS))
        pattern = f"^{KEY.pattern}$"
        # No example: whoever sent it would send the key of others.
        wanted.append(header(IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_SAYS, "", pattern=pattern))
        wanted.append(
            header(REASON, REASON_SAYS, "Read again in the gazette", maxLength=MAX_REASON, pattern="^[ -~]*$")
        )
    return [*wanted, header(REQUEST_ID, REQUEST_ID_SAYS, "monthly-export-2026-07")]


IF_NONE_MATCH_SAYS = gettext_lazy(
    "The ETag of an answer that you keep: 304 without a body says that it is still the same."
)
IF_MATCH_SAYS = gettext_lazy("The ETag of the version that you have read. 412 says that somebody has written since.")
IDEMPOTENCY_KEY_SAYS = gettext_lazy(
    "A new word for each request, for example a UUID: whoever repeats the request under it within a day gets the same "
    "answer, and nothing happens twice."
)
REASON_SAYS = gettext_lazy(
    "Why, for the history of every record that the request writes. Text beyond ASCII as UTF-8, or in the body as "
    "change_reason."
)
REQUEST_ID_SAYS = gettext_lazy(
    "Your own number of the request, up to 64 letters, digits, dots, hyphens and underscores; the answer and our log "
    "repeat it."
)


# -- of answers ------------------------------------------------------------------------------------------


def answer_headers(registry: ComponentRegistry, *names: str) -> dict[str, Any]:
    """The headers of these names, and the number that every answer carries. A name with ! is always there."""
    told = told_headers()
    found = {}
    for word in (*names, f"{REQUEST_ID}!"):
        name, always = word.removesuffix("!"), word.endswith("!")
        content = {"description": told[name][0], "schema": told[name][1], **({"required": True} if always else {})}
        found[name] = part(registry, HEADERS, name if always else f"{name}-sometimes", content)
    return found


def told_headers() -> Mapping[str, tuple[str, dict[str, Any]]]:
    text = {"type": "string"}
    return {
        "ETag": (_("The version of the answer; of one record it begins with its revision."), {**text, "pattern": TAGS}),
        "Location": (_("The address of the new record."), {**text, "format": "uri"}),
        "Retry-After": (_("Come again after so many seconds."), {"type": "integer", "minimum": 1}),
        "Idempotent-Replayed": (_("The answer is the one that was given to this key before."), {"const": "true"}),
        "WWW-Authenticate": (_("How to sign in."), text),
        "Allow": (_("The methods that the address takes."), text),
        REQUEST_ID: (_("The number of the request: name it when you ask us."), text),
    }
