"""Headers of requests and responses in the OpenAPI schema."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from core.api.idempotency import IDEMPOTENCY_KEY_HEADER as IDEMPOTENCY_KEY
from core.api.idempotency import KEY_PATTERN
from core.api.write.optimistic_locking import IF_MATCH
from core.history.recording import MAX_REASON

ETAG_PATTERN = r'(W/)?"[!#-~]*"'
ETAG_LIST_PATTERN = rf"^(\*|{ETAG_PATTERN}( *, *{ETAG_PATTERN})*)$"
REQUEST_ID_HEADER, REASON_HEADER, IF_NONE_MATCH_HEADER = "X-Request-ID", "X-Change-Reason", "If-None-Match"


def header(name: str, description: str | Promise, *, required: bool = False, **schema: object) -> OpenApiParameter:
    """Return a request header."""
    kind = {"type": "string", **schema}
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required=required, description=description)


def request_headers(*, is_read: bool, one: bool, creating: bool) -> list[OpenApiParameter]:
    """Return the request headers of an operation; a write of one record needs If-Match."""
    request_id = header(REQUEST_ID_HEADER, REQUEST_ID_HELP)
    if is_read:
        return [header(IF_NONE_MATCH_HEADER, IF_NONE_MATCH_HELP), request_id]
    version = header(IF_MATCH, IF_MATCH_HELP, required=True, pattern=ETAG_LIST_PATTERN)
    return [
        *([version] if one and not creating else []),
        header(IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_HELP, pattern=f"^{KEY_PATTERN.pattern}$"),
        header(REASON_HEADER, REASON_HELP, maxLength=MAX_REASON, pattern="^[ -~]*$"),
        request_id,
    ]


IF_NONE_MATCH_HELP = gettext_lazy(
    "The ETag of an answer that you keep: 304 without a body says that it is still the same."
)
IF_MATCH_HELP = gettext_lazy("The ETag of the version that you have read. 412 says that the record has changed since.")
IDEMPOTENCY_KEY_HELP = gettext_lazy(
    "A new word for each request, for example a UUID: a client that repeats the request under it within a day gets the "
    "same answer, and nothing happens twice."
)
REASON_HELP = gettext_lazy(
    "Why, for the history of every record that the request writes. Text beyond ASCII as UTF-8, or in the body as "
    "change_reason."
)
REQUEST_ID_HELP = gettext_lazy(
    "Your own number of the request, up to 64 letters, digits, dots, hyphens and underscores; the answer and our log "
    "repeat it."
)


def response_header(
    name: str, description: str | Promise, statuses: bool | list[int], *, required: bool = True, **schema: object
) -> OpenApiParameter:
    """Return a header of the responses with these statuses."""
    kind = {"type": "string", **schema}
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, required=required, description=description, response=statuses
    )


def response_headers(*, is_read: bool, one: bool, creating: bool) -> list[OpenApiParameter]:
    """Return the response headers of an operation.

    One record has an ETag, and a new one a Location; an array has neither, but each of its records a revision.
    """
    replayed = response_header("Idempotent-Replayed", REPLAYED_HELP, [200, 201, 204], required=False, const="true")
    location = response_header("Location", LOCATION_HELP, [201], required=False, format="uri")
    sometimes, always = [412, *([200] if is_read else []), *([201] if creating else [])], [304]
    return [
        response_header("ETag", ETAG_HELP, sometimes, required=False, pattern=ETAG_LIST_PATTERN),
        response_header(
            "ETag", ETAG_HELP, [*always, *([] if is_read or not one else [200])], pattern=ETAG_LIST_PATTERN
        ),
        *([location] if creating else []),
        *([] if is_read else [replayed]),
        response_header("WWW-Authenticate", AUTHENTICATE_HELP, [401]),
        response_header("Retry-After", RETRY_AFTER_HELP, [429, 503], type="integer", minimum=1),
        response_header(REQUEST_ID_HEADER, ANSWERED_ID_HELP, True),
    ]


ETAG_HELP = gettext_lazy("The version of the answer; of one record it begins with its revision.")
LOCATION_HELP = gettext_lazy("The address of the new record.")
REPLAYED_HELP = gettext_lazy("The answer is the one that was given to this key before.")
AUTHENTICATE_HELP = gettext_lazy("How to sign in.")
RETRY_AFTER_HELP = gettext_lazy("Come again after so many seconds.")
ANSWERED_ID_HELP = gettext_lazy("The number of the request: name it when you ask us.")
