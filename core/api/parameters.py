"""Query parameters of the API: declared once, used to check requests and to write the OpenAPI schema."""

from collections.abc import Iterable, Sequence

from django.http import QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate
from core.web.list_pages import reject_unknown_params

MAX_PAGE_SIZE = 200
MAX_BULK_RECORDS = 1_000  # records of one request
MAX_VALUE_LENGTH = 500  # characters of one value: longer ones only attempt to exhaust the database
MAX_NAME_LENGTH = 80
FORMER_PARAMETERS = ("fields", "omit", "brief")  # selected fields until 0.7
CURSOR, CURSOR_START = "cursor", "first"
KNOWN_HELP = (
    "Answer from the records as they were at the end of this day, without what was entered, corrected or deleted "
    "since. Without it: from the records as they are."
)
CURSOR_HELP = (
    "Instead of page and ordering: the records by their number, page after page. Begin with “first”, then follow "
    "“next”. A far page costs what the first one does, and nothing that changes meanwhile shifts the pages."
)
ORDERING_HELP = "Order by these, separated by commas; - in front turns the direction. No data comes last. Known: "

# No optional parameter has an example or a default: Swagger UI would send them all.
LANGUAGE_PARAMETER = OpenApiParameter(
    "lang", description="Language of names and messages. Without it: that of Accept-Language.", enum=["en", "zh-hans"]
)
DAY_PARAMETERS = [
    OpenApiParameter("as_of", OpenApiTypes.DATE, description="Show what was known on this day. Without it: today."),
    OpenApiParameter("known", OpenApiTypes.DATE, description=KNOWN_HELP),
]
PAGE_PARAMETERS = [
    OpenApiParameter("page", int, description="Which page, from 1. Without it a file holds the whole list."),
    OpenApiParameter("page_size", int, description="Rows on a page, 1 to 200. Without it: 50."),
]


def format_parameters(formats: Sequence[str]) -> list[OpenApiParameter]:
    text = "Format of the answer; the Accept header does the same."
    return [LANGUAGE_PARAMETER, OpenApiParameter("format", description=text, enum=formats)]


def list_parameters(order: Sequence[str]) -> list[OpenApiParameter]:
    """Return the parameters of a list besides its filters."""
    return [
        *PAGE_PARAMETERS,
        OpenApiParameter(CURSOR, description=CURSOR_HELP),
        OpenApiParameter("ordering", description=ORDERING_HELP + ", ".join(order)),
    ]


def check_query_params(request: Request, known: Iterable[str]) -> None:
    """Reject former, unknown, repeated, empty and overlong parameters. Raises BadRequest."""
    long = [truncate(name) for name in request.GET if len(name) > MAX_NAME_LENGTH]
    if long:
        raise BadRequest(*(ErrorDetail(name, "too_long", _("This name is no parameter.")) for name in long))
    gone = [name for name in FORMER_PARAMETERS if name in request.GET]
    if gone:
        text = _("“%(name)s” is no longer a parameter. Leave it out and take what you need from the whole answer.")
        raise BadRequest(*(ErrorDetail(name, "former_parameter", text % {"name": name}) for name in gone))
    reject_unknown_params(request, set(known))
    faults = [empty_value_error(name) for name, value in request.GET.items() if not str(value).strip()]
    for name, value in request.GET.items():
        # Lists are limited by their number of values.
        if len(str(value)) > MAX_VALUE_LENGTH and not name.endswith(("__in", "__ne")):
            text = _("%(name)s: longer than %(most)d characters.") % {"name": name, "most": MAX_VALUE_LENGTH}
            faults.append(ErrorDetail(name, "too_long", text))
    if faults:
        raise BadRequest(*faults)


def empty_value_error(name: str) -> ErrorDetail:
    """Return the error of an empty value, most often a variable that was never set: it must not fetch everything."""
    text = _("%(name)s: empty. Give a value or leave the parameter out.")
    return ErrorDetail(name, "empty_value", text % {"name": name})


def parse_page_size(params: QueryDict, default: int, most: int = MAX_PAGE_SIZE) -> int:
    """Return `page_size`. Raises BadRequest outside 1 to the maximum."""
    given = params.get("page_size", str(default))
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        message = _("page_size: “%(value)s” is not a whole number from 1 to %(most)d.")
        raise BadRequest(ErrorDetail("page_size", "invalid_number", message % {"value": truncate(given), "most": most}))
    return int(given)


def parse_comma_list(params: QueryDict, name: str, known: Sequence[str], turned: str = "") -> list[str]:
    """Return the values of a comma-separated parameter; each may have the sign `turned` in front.

    Raises BadRequest for an unknown value, with the closest known one.
    """
    words = [word.strip() for word in str(params[name]).split(",")] if name in params else []
    faults = [
        unknown_value_error(name, word, known) for word in words if word and word.removeprefix(turned) not in known
    ]
    if not all(words):
        faults.append(empty_value_error(name))
    if faults:
        raise BadRequest(*faults)
    return words


def unknown_value_error(name: str, word: str, known: Sequence[str]) -> ErrorDetail:
    near = closest_match(word, known)
    values = {"name": name, "value": truncate(word), "near": near, "known": ", ".join(known)}
    if near:
        text = _("%(name)s: there is no “%(value)s”. Did you mean “%(near)s”? Known: %(known)s.")
    else:
        text = _("%(name)s: there is no “%(value)s”. Known: %(known)s.")
    return ErrorDetail(name, "invalid_choice", text % values)
