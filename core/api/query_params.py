"""Query parameters of the API: declared once, used to check requests and to write the OpenAPI schema."""

from collections.abc import Iterable, Sequence

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.api.filters import comma_list_schema
from core.api.pagination import CURSOR, MAX_PAGE_SIZE
from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate
from core.text.joining import join_short
from core.web.list_pages import reject_unknown_params

MAX_VALUE_LENGTH = 500  # characters of one value: longer ones only attempt to exhaust the database
MAX_NAME_LENGTH = 80
BRIEF_FIELDS = frozenset({"id", "slug", "code", "number", "name", "title", "url"})  # fields of a brief response

AS_OF_HELP = gettext_lazy("Show what was known on this day. Without it: today.")
KNOWN_HELP = gettext_lazy(
    "Answer from the records as they were at the end of this day, without what was entered, corrected or deleted "
    "since. Without it: from the records as they are."
)
LANG_HELP = gettext_lazy("Language of names and messages. Without it: that of Accept-Language.")
FORMAT_HELP = gettext_lazy("Format of the answer; the Accept header does the same.")
FIELDS_HELP = gettext_lazy("Only these fields, separated by commas.")
OMIT_HELP = gettext_lazy("All fields but these, separated by commas.")
BRIEF_HELP = gettext_lazy("true: only what names a record and where it is. Not together with fields or omit.")
PAGE_HELP = gettext_lazy("Which page of the list, from 1. A file holds the whole list unless a page is asked for.")
PAGE_SIZE_HELP = gettext_lazy("Rows on a page, 1 to 200. Without it: 50.")
CURSOR_HELP = gettext_lazy(
    "Instead of page and ordering: the records by their number, page after page. Begin with “first”, then follow "
    "“next”. A far page costs what the first one does, and nothing that changes meanwhile shifts the pages."
)
ORDERING_HELP = gettext_lazy("Order by these, separated by commas; - in front turns the direction. No data comes last.")
SEARCH_HELP = gettext_lazy("Every word stands in at least one of the record’s texts. “search” and “q” mean the same.")


def common_parameters(formats: Sequence[str]) -> list[OpenApiParameter]:
    """Return the parameters of every URL.

    No optional parameter has an example or a default: Swagger UI would send them all.
    """
    return [
        OpenApiParameter("as_of", OpenApiTypes.DATE, description=AS_OF_HELP),
        OpenApiParameter("known", OpenApiTypes.DATE, description=KNOWN_HELP),
        OpenApiParameter("lang", description=LANG_HELP, enum=["en", "zh-hans"]),
        OpenApiParameter("format", description=FORMAT_HELP, enum=formats),
    ]


def sparse_parameters(names: Sequence[str]) -> list[OpenApiParameter]:
    """Return the parameters that select fields."""
    return [
        OpenApiParameter("fields", comma_list_schema(names), description=FIELDS_HELP),
        OpenApiParameter("omit", comma_list_schema(names), description=OMIT_HELP),
    ]


def brief_parameter() -> OpenApiParameter:
    """Return the parameter that selects the identifying fields."""
    return OpenApiParameter("brief", description=BRIEF_HELP, enum=["true", "false"])


def is_brief(params: QueryDict) -> bool:
    """Return whether `brief` is on. Raises BadRequest for another value, and beside a selection of fields."""
    word = params.get("brief", "false")
    if word not in {"true", "false"}:
        raise BadRequest(unknown_value_error("brief", word, ["true", "false"]))
    beside = [name for name in ("fields", "omit") if name in params]
    if word == "true" and beside:
        text = _("brief: not together with %(names)s, which choose the fields themselves. Leave one of the two out.")
        raise BadRequest(ErrorDetail("brief", "contradiction", text % {"names": join_short(beside)}))
    return word == "true"


def page_parameters() -> list[OpenApiParameter]:
    size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}
    return [
        OpenApiParameter("page", {"type": "integer", "minimum": 1}, description=PAGE_HELP),
        OpenApiParameter("page_size", size, description=PAGE_SIZE_HELP),
    ]


def list_parameters(order: Sequence[str]) -> list[OpenApiParameter]:
    """Return the parameters of a list besides its filters."""
    return [
        *page_parameters(),
        OpenApiParameter(CURSOR, description=CURSOR_HELP),
        OpenApiParameter("ordering", comma_list_schema(order, sign="-?"), description=ORDERING_HELP),
        OpenApiParameter("search", description=SEARCH_HELP),
    ]


# -- validation ----------------------------------------------------------------------------------------


def check_query_params(request: Request, known: Iterable[str]) -> None:
    """Reject unknown, repeated, empty and overlong parameters. Raises BadRequest."""
    long_names = [name for name in request.GET if len(name) > MAX_NAME_LENGTH]
    if long_names:
        raise BadRequest(
            *(ErrorDetail(truncate(name), "too_long", _("This name is no parameter.")) for name in long_names)
        )
    reject_unknown_params(request, set(known))
    faults = [fault for name, value in request.GET.items() for fault in value_errors(name, str(value))]
    if faults:
        raise BadRequest(*faults)


def value_errors(name: str, value: str) -> Iterable[ErrorDetail]:
    if not value.strip():
        yield empty_value_error(name)
    # Lists are limited by their number of values.
    if len(value) > MAX_VALUE_LENGTH and not name.endswith(("__in", "__ne")):
        message = _("%(name)s: longer than %(most)d characters.")
        yield ErrorDetail(name, "too_long", message % {"name": name, "most": MAX_VALUE_LENGTH})


def empty_value_error(name: str) -> ErrorDetail:
    """Return the error of an empty value, most often a variable that was never set: it must not fetch everything."""
    text = _("%(name)s: empty. Give a value or leave the parameter out.")
    return ErrorDetail(name, "empty_value", text % {"name": name})


def parse_comma_list(params: QueryDict, name: str, known: Sequence[str], turned: str = "") -> list[str]:
    """Return the values of a comma-separated parameter; each may have the sign `sign` in front.

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
