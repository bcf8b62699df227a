"""The parameters of the API: one list by which a request is checked and by which the description is written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import DateFilter, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request

from config.asof import ISO_DAY
from config.faults import BadRequest, Fault, nearest, short
from config.filters import RecordFilter, SearchFilter, WholeFilter, WordFilter
from config.lists import check_words
from config.paging import MAX_PAGE_SIZE, NumberedPages

MAX_VALUE = 500  # characters of one value: longer ones are no question but an attempt to exhaust the database
MAX_NAME = 80

AS_OF = gettext_lazy("Show what was known on this day. Without it: today.")
LANG = gettext_lazy("Language of names and messages. Without it: that of Accept-Language.")
FORMAT = gettext_lazy("Format of the answer; the Accept header does the same.")
FIELDS = gettext_lazy("Only these fields, separated by commas.")
OMIT = gettext_lazy("All fields but these, separated by commas.")
PAGE = gettext_lazy("Which page of the list, from 1. A file holds the whole list unless a page is asked for.")
PAGE_SIZE = gettext_lazy("Rows on a page, 1 to 200.")
ORDERING = gettext_lazy("Order by these, separated by commas; - in front turns the direction. No data comes last.")
SEARCH = gettext_lazy("Every word stands in at least one of the record’s texts. “search” and “q” mean the same.")
BY_CODE = gettext_lazy("by its code")
LOOKUPS = {
    "exact": gettext_lazy("on this day"),
    "gte": gettext_lazy("on this day or later"),
    "lte": gettext_lazy("on this day or earlier"),
}


def parameter(name: str, description: str | Promise, example: Any, **how: Any) -> OpenApiParameter:
    """A query parameter with one example."""
    shown = OpenApiExample(name, value=example)
    return OpenApiParameter(name, description=description, examples=[shown], **{"allow_blank": False, **how})


def word_list(name: str, description: str | Promise, words: Sequence[str], example: Sequence[str]) -> OpenApiParameter:
    """A parameter that takes several words, separated by commas."""
    return parameter(name, description, list(example), many=True, style="form", explode=False, enum=words)


def common(formats: Sequence[str]) -> list[OpenApiParameter]:
    """What every address takes."""
    return [
        parameter("as_of", AS_OF, "2024-01-30", type=OpenApiTypes.DATE),
        parameter("lang", LANG, "en", enum=["en", "zh-hans"]),
        parameter("format", FORMAT, formats[min(1, len(formats) - 1)], enum=formats, default=formats[0]),
    ]


def sparse(names: Sequence[str]) -> list[OpenApiParameter]:
    """The choice of fields."""
    return [word_list("fields", FIELDS, names, names[:2]), word_list("omit", OMIT, names, names[-1:])]


def listing(order: Sequence[str]) -> list[OpenApiParameter]:
    """What a list takes besides its filters."""
    words = [word for name in order for word in (name, f"-{name}")]
    return [
        parameter("page", PAGE, 1, type={"type": "integer", "minimum": 1}, default=1),
        parameter(
            "page_size",
            PAGE_SIZE,
            20,
            type={"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE},
            default=NumberedPages.page_size,
        ),
        word_list("ordering", ORDERING, words, [words[1]]),
        parameter("search", SEARCH, "协同"),
    ]


def filters(filterset: type[FilterSet], examples: Mapping[str, str]) -> list[OpenApiParameter]:
    """A filter set's own parameters."""
    return [of_filter(filterset, name, item, examples.get(name)) for name, item in filterset.base_filters.items()]


def of_filter(filterset: type[FilterSet], name: str, item: Any, example: str | None) -> OpenApiParameter:
    if isinstance(item, DateFilter):
        label = filterset.Meta.model._meta.get_field(item.field_name).verbose_name
        text = format_lazy("{} {}", label, LOOKUPS[item.lookup_expr])
        return parameter(name, text, example or "2023-01-01", type=OpenApiTypes.DATE)
    if isinstance(item, WordFilter):
        words = [word for word, _label in item.extra["choices"]]
        return parameter(name, item.label, example or words[0], enum=words)
    if isinstance(item, RecordFilter):
        return parameter(name, format_lazy("{}, {}", item.label, BY_CODE), example or "")
    if isinstance(item, WholeFilter):
        return parameter(name, item.label, int(example or 1), type={"type": "integer", "minimum": 1})
    if isinstance(item, SearchFilter):
        return parameter(name, SEARCH, example or "协同")
    return parameter(name, item.label, example or "")


# -- checking ------------------------------------------------------------------------------------------


def check(request: Request, known: Iterable[str]) -> None:
    """Refuse what this address does not know, what is given twice, empty, or longer than any honest value."""
    long_names = [name for name in request.GET if len(name) > MAX_NAME]
    if long_names:
        raise BadRequest(*(Fault(short(name), "too_long", _("This name is no parameter.")) for name in long_names))
    check_words(request, set(known))
    faults = [fault for name, value in request.GET.items() for fault in value_faults(name, str(value))]
    if faults:
        raise BadRequest(*faults)


def value_faults(name: str, value: str) -> Iterable[Fault]:
    if not value.strip():
        yield empty(name)
    if len(value) > MAX_VALUE:
        message = _("%(name)s: longer than %(most)d characters.")
        yield Fault(name, "too_long", message % {"name": name, "most": MAX_VALUE})


def empty(name: str) -> Fault:
    """An empty value is most often a variable that was never set: it must not fetch everything."""
    text = _("%(name)s: empty. Give a value or leave the parameter out.")
    return Fault(name, "empty_value", text % {"name": name})


def check_days(params: QueryDict, filterset: type[FilterSet]) -> None:
    """Days are ISO days: a form would also read 01/02/2023, which means two days."""
    message = _("%(name)s: “%(value)s” is not a day. Write it as 2024-01-30.")
    faults = [
        Fault(name, "invalid_date", message % {"name": name, "value": short(params[name])})
        for name, item in filterset.base_filters.items()
        if isinstance(item, DateFilter) and name in params and not ISO_DAY.fullmatch(str(params[name]))
    ]
    if faults:
        raise BadRequest(*faults)


def words_of(params: QueryDict, name: str, known: Sequence[str], turned: str = "") -> list[str]:
    """The words of a comma-separated parameter; each may have the sign `turned` in front.

    Raises BadRequest for an unknown one, with the nearest known.
    """
    words = [word.strip() for word in params.get(name, "").split(",") if word.strip()]
    faults = [unknown_word(name, word, known) for word in words if word.removeprefix(turned) not in known]
    if name in params and not words:
        faults.append(empty(name))
    if faults:
        raise BadRequest(*faults)
    return words


def unknown_word(name: str, word: str, known: Sequence[str]) -> Fault:
    near = nearest(word, known)
    values = {"name": name, "value": short(word), "near": near, "known": ", ".join(known)}
    if near:
        text = _("%(name)s: there is no “%(value)s”. Did you mean “%(near)s”? Known: %(known)s.")
    else:
        text = _("%(name)s: there is no “%(value)s”. Known: %(known)s.")
    return Fault(name, "invalid_choice", text % values)
