"""The parameters of the API: one list by which a request is checked and by which the description is written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise, lazy
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import CharFilter, DateFilter, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request

from config.asof import ISO_DAY
from config.faults import BadRequest, Fault, nearest, short
from config.filters import (
    MAX_LIST,
    MAX_WORDS,
    AmountFilter,
    CodeFilter,
    RecordFilter,
    RecordsFilter,
    SearchFilter,
    WholeFilter,
    WordFilter,
    WordsFilter,
)
from config.lists import check_words
from config.paging import BEGINNING, CURSOR, MAX_PAGE_SIZE, Pages
from config.words import labelled, listed

MAX_VALUE = 500  # characters of one value: longer ones are no question but an attempt to exhaust the database
MAX_NAME = 80
NAMING = frozenset({"id", "slug", "code", "name", "title", "url"})  # the fields of a brief answer
# Text has a character that shows, and none that no database keeps.
TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_WORDS, "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}
WHOLE = {"type": "integer", "minimum": 1, "maximum": 9999}

AS_OF = gettext_lazy("Show what was known on this day. Without it: today.")
LANG = gettext_lazy("Language of names and messages. Without it: that of Accept-Language.")
FORMAT = gettext_lazy("Format of the answer; the Accept header does the same.")
FIELDS = gettext_lazy("Only these fields, separated by commas.")
OMIT = gettext_lazy("All fields but these, separated by commas.")
BRIEF = gettext_lazy("true: only what names a record and where it is. Not together with fields or omit.")
PAGE = gettext_lazy("Which page of the list, from 1. A file holds the whole list unless a page is asked for.")
PAGE_SIZE = gettext_lazy("Rows on a page, 1 to 200.")
FOLLOW = gettext_lazy(
    "Instead of page and ordering: the records by their number, page after page. Begin with “first”, then follow "
    "“next”. A far page costs what the first one does, and nothing that changes meanwhile shifts the pages."
)
ORDERING = gettext_lazy("Order by these, separated by commas; - in front turns the direction. No data comes last.")
SEARCH = gettext_lazy("Every word stands in at least one of the record’s texts. “search” and “q” mean the same.")
BY_CODE = gettext_lazy("by its code")
SEVERAL = {
    "in": gettext_lazy("one of these, separated by commas"),
    "ne": gettext_lazy("none of these, separated by commas; records without any are listed"),
}
OF_DAY = {
    "": gettext_lazy("on this day"),
    "gte": gettext_lazy("on this day or later"),
    "lte": gettext_lazy("on this day or earlier"),
    "gt": gettext_lazy("after this day"),
    "lt": gettext_lazy("before this day"),
    "isnull": gettext_lazy("true: without one, false: with one"),
}
OF_NUMBER = {
    "": gettext_lazy("this number"),
    "gte": gettext_lazy("this number or more"),
    "lte": gettext_lazy("this number or less"),
    "gt": gettext_lazy("more than this number"),
    "lt": gettext_lazy("less than this number"),
}
OF_TEXT = {
    "": gettext_lazy("exactly this"),
    "icontains": gettext_lazy("with this in it; capitals and small letters are alike"),
    "startswith": gettext_lazy("beginning with this; capitals and small letters are alike"),
}


def parameter(name: str, description: str | Promise, example: Any, **how: Any) -> OpenApiParameter:
    """A query parameter with one example."""
    shown = OpenApiExample(name, value=example)
    return OpenApiParameter(name, description=description, examples=[shown], **{"allow_blank": False, **how})


def word_list(
    name: str, description: str | Promise, words: Sequence[str], example: Sequence[str], most: int | None = None
) -> OpenApiParameter:
    """A parameter that takes several words, separated by commas; any words where none are named."""
    items = {"type": "string", "enum": list(words)} if words else {**TEXT, "pattern": r"^[^\u0000,\s]+$"}
    several = {"type": "array", "items": items, "minItems": 1, **({"maxItems": most} if most else {})}
    return parameter(name, description, list(example), type=several, style="form", explode=False)


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


def brief() -> OpenApiParameter:
    """The choice of the least fields."""
    return parameter("brief", BRIEF, "true", enum=["true", "false"], default="false")


def is_brief(params: QueryDict) -> bool:
    """Whether the least fields are asked for. Raises BadRequest for another word, and beside a choice of fields."""
    word = params.get("brief", "false")
    if word not in {"true", "false"}:
        raise BadRequest(unknown_word("brief", word, ["true", "false"]))
    beside = [name for name in ("fields", "omit") if name in params]
    if word == "true" and beside:
        text = _("brief: not together with %(names)s, which choose the fields themselves. Leave one of the two out.")
        raise BadRequest(Fault("brief", "contradiction", text % {"names": listed(beside)}))
    return word == "true"


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
            default=Pages.page_size,
        ),
        parameter(CURSOR, FOLLOW, BEGINNING),
        word_list("ordering", ORDERING, words, [words[1]]),
        parameter("search", SEARCH, "协同", type=TEXT),
    ]


def filters(filterset: type[FilterSet], examples: Mapping[str, str]) -> list[OpenApiParameter]:
    """A filter set's own parameters. What a suffix asks has the example of what it is put to."""
    return [
        of_filter(name, item, examples.get(name.partition("__")[0])) for name, item in filterset.base_filters.items()
    ]


def of_filter(name: str, item: Any, example: str | None) -> OpenApiParameter:
    """One filter as a parameter: what it means, what it takes, an example."""
    suffix = name.partition("__")[2]
    if isinstance(item, WordsFilter | RecordsFilter):
        words = [word for word, _label in item.extra.get("choices", [])]
        return word_list(name, said(item, SEVERAL[suffix]), words, [example or words[0]], most=MAX_LIST)
    if isinstance(item, DateFilter):
        return parameter(name, said(item, OF_DAY[suffix]), example or "2023-01-01", type=OpenApiTypes.DATE)
    if isinstance(item, WordFilter):
        words = [word for word, _label in item.extra["choices"]]
        text = said(item, OF_DAY[suffix]) if suffix else item.label
        return parameter(name, text, words[0] if suffix else example or words[0], enum=words)
    if isinstance(item, RecordFilter):
        return parameter(name, format_lazy("{}, {}", item.label, BY_CODE), example or "")
    if isinstance(item, WholeFilter):
        return parameter(name, said(item, OF_NUMBER[suffix]), int(example or 1), type=WHOLE)
    if isinstance(item, AmountFilter):
        decimal = {"type": "string", "format": "decimal", "pattern": item.pattern}
        return parameter(name, said(item, OF_NUMBER[suffix]), example or "12.5", type=decimal)
    if isinstance(item, CodeFilter):
        return parameter(name, said(item, OF_TEXT[suffix]), example or "2022", type=TEXT)
    if isinstance(item, SearchFilter):
        return parameter(name, SEARCH, example or "协同", type=TEXT)
    return parameter(name, item.label, example or "")


def described(label: str, text: str) -> str:
    return labelled(capfirst(label), text)


def said(item: CharFilter, text: Any) -> Any:
    """What a filter is about, and what is asked of it."""
    return lazy(described, str)(item.label, text)


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
    if len(value) > MAX_VALUE and not name.endswith(("__in", "__ne")):  # a list is counted by its words
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
    words = [word.strip() for word in str(params[name]).split(",")] if name in params else []
    faults = [unknown_word(name, word, known) for word in words if word and word.removeprefix(turned) not in known]
    if not all(words):
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
