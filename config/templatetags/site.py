"""The words that templates use: links that keep the reader's day and language, and values that read well."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django import template
from django.contrib import admin
from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.template import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format, get_format, number_format
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext, pgettext

from config.bilingual import is_chinese, reads_chinese
from config.chart_state import CHART_PARAMETERS, ChartState, read_chart_state
from config.charts import Cell, Chart, Column, PartialDate, Table
from config.kept import seam
from config.reasons import reason_in_words
from config.words import listed

register = template.Library()

KEPT = ("as_of", "lang")  # what a link hands on: the day looked at and the language asked for
UNDONE = re.compile(r"Import (\d+) undone|撤销导入(\d+)")
NUMBER_KINDS = {"integer", "decimal", "share", "days"}
BESIDE = {"light", "status", "class"}  # columns that say in a word how it stands
MOST_COLUMNS, MOST_NUMBERS = 2, 5  # columns after the first with which a table stays one on a phone
BRIEF = 24  # letters that a table's cell keeps on one line; a Chinese character is as wide as two
SHAPES = {"green": "●", "yellow": "▲", "red": "■", "grey": "○", "blue": "◆"}


# -- links -------------------------------------------------------------------------------------------


def current_query(context: Context) -> QueryDict:
    """The address's query string; empty where a template is rendered without a request."""
    request: HttpRequest | None = context.get("request")
    return request.GET if request else QueryDict()


def address_of(target: Any, *args: Any, **kwargs: Any) -> str:
    """The address of a record, of a URL name, or of an address that is already one."""
    if hasattr(target, "get_absolute_url"):
        return str(target.get_absolute_url())
    if str(target).startswith(("/", "?", "#", "http://", "https://")):
        return str(target)
    return reverse(target, args=args, kwargs=kwargs)


@register.simple_tag(takes_context=True)
def to(context: Context, target: Any, *args: Any, **kwargs: Any) -> str:
    """`{% to pilot %}` or `{% to 'pilot-detail' slug %}`: the address, with the day and the language kept.

    What the address says itself wins, and an address outside this site is left alone.
    """
    parts = urlsplit(address_of(target, *args, **kwargs))
    if parts.scheme:
        return urlunsplit(parts)
    query = parse_qsl(parts.query, keep_blank_values=True)
    named, here = {key for key, _ in query}, current_query(context)
    query += [(key, str(here[key])) for key in KEPT if key in here and key not in named]
    return urlunsplit(parts._replace(query=urlencode(query)))


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """`{% query sort='name' q=None %}`: this address's query string, changed; None removes. Page is dropped."""
    wanted = current_query(context).copy()
    if "export" in changes:  # a file has no open chart
        changes = {**dict.fromkeys(CHART_PARAMETERS), **changes}
    for key, value in {"page": None, **changes}.items():
        if value is None:
            wanted.pop(key, None)
        else:
            wanted[key] = str(value)
    return "?" + wanted.urlencode()


def hidden_inputs(pairs: Iterable[tuple[str, str]]) -> SafeString:
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.simple_tag(takes_context=True)
def keep(context: Context, *names: str) -> SafeString:
    """Hidden inputs by which a GET form hands on these words of the address."""
    here = current_query(context)
    return hidden_inputs((name, value) for name in names for value in here.getlist(name))


@register.simple_tag(takes_context=True)
def keep_others(context: Context, *names: str, form: BaseForm | None = None) -> SafeString:
    """Hidden inputs for all of the address but these words, the form's own fields and the page number."""
    left_out = {*names, *(form.fields if form else ()), "page", "export"}
    here = current_query(context)
    return hidden_inputs((name, value) for name in here if name not in left_out for value in here.getlist(name))


@register.simple_tag(takes_context=True)
def fresh(context: Context, template: str) -> SafeString:
    """`{% fresh "parts/account.html" %}`: a part that differs from reader to reader, and so is no part of a kept page.

    It knows what context processors know, nothing of the page.
    """
    request: HttpRequest | None = context.get("request")
    if getattr(request, "seams", False):
        return mark_safe(seam(template))  # noqa: S308  # the name of a template of ours
    return render_to_string(template, request=request)


@register.inclusion_tag("parts/editlinks.html", takes_context=True)
def edit_links(context: Context, record: Any) -> dict[str, Any]:
    """`{% edit_links pilot %}`: the ways to edit a record, for who has permission to change it.

    The record's form, then what its admin page offers beside it. Pages are cached for each of the staff apart.
    """
    request = context.get("request")
    if request is None or not request.user.is_staff:
        return {}
    page: Any = admin.site.get_model_admin(type(record))
    if not page.has_change_permission(request, record):
        return {}
    form = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    ways = page.ways(request, record)
    beside = [(label, form + address if address.startswith("#") else address) for label, address in ways]
    return {"links": [(gettext("Edit this record"), form), *beside]}


# -- values ------------------------------------------------------------------------------------------


def no_data() -> str:
    return pgettext("a value that is missing", "no data")


@register.filter
def shownumber(value: int | float | Decimal | str | None, digits: int | None = None) -> str:
    """12345 reads 12,345. A Decimal keeps the digits it was published with unless `digits` says otherwise."""
    if value is None:
        return no_data()
    if isinstance(value, str):  # words where a number usually stands, such as a span of time
        return value
    return number_format(value, digits, use_l10n=True, force_grouping=True).replace("-", "−")  # a true minus sign


@register.filter
def showdate(value: date | PartialDate | str | None) -> str:
    """A date, or the part of it that is known: 5 December 2022, December 2022, 2022."""
    if not value:
        return no_data()
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if not isinstance(value, PartialDate):
        value = PartialDate(value)
    form = {"day": "DATE_FORMAT", "month": "YEAR_MONTH_FORMAT", "year": "YEAR_FORMAT"}[value.precision]
    return date_format(value.on, get_format(form))


@register.filter
def showperiod(text: str) -> str:
    """A period in ISO form as dates are written: 2013–2022, 30 January 2024; empty where there is none."""
    precisions: tuple[Any, ...] = ("year", "month", "day")
    ends = [
        PartialDate(date.fromisoformat(f"{end}-01-01"[:10]), precisions[end.count("-")])
        for end in filter(None, text.split("–"))
    ]
    return "–".join(showdate(end) for end in ends)


@register.filter
def share(value: float | Decimal | None, digits: int | None = None) -> str:
    """0.875 reads 87.5 %, and 1 reads 100 %; a column of shares gives `digits` so that they line up."""
    if value is None:
        return no_data()
    percent = round(Decimal(str(value)) * 100, 1 if digits is None else digits)
    if digits is None and percent == percent.to_integral_value():
        percent = percent.to_integral_value()
    # Translators: a percentage; Chinese sets no space before the sign.
    return gettext("%(number)s\u00a0%%") % {"number": shownumber(percent)}


@register.filter
def days(value: int | None) -> str:
    """252 reads 252 days."""
    if value is None:
        return no_data()
    return ngettext("%(number)s day", "%(number)s days", value) % {"number": shownumber(value)}


@register.filter
def show(cell: Cell | Any, column: Column | None = None) -> str:
    """A cell's value as its column says it reads. A missing value says so; it is never 0."""
    if isinstance(cell, Cell) and cell.said:
        return cell.said
    value = cell.value if isinstance(cell, Cell) else cell
    kind = (isinstance(cell, Cell) and cell.kind) or (column.kind if column else "text")
    if value is None:
        return no_data()
    if value == "":  # nothing to say, which is not the same as not known
        return ""
    if isinstance(value, date | PartialDate):
        return showdate(value)
    match kind:
        case "integer" | "decimal":
            return shownumber(value)
        case "share":
            return share(value, 1)
        case "days":
            return days(value)
        case "date":
            return showdate(value)
        case "flag":
            return gettext("yes") if value else gettext("no")
    return str(value)


@register.filter
def under(row: Sequence[Cell], table: Table) -> Iterable[tuple[Cell, Column]]:
    """A row's cells, each with the column it stands under; not those that are for files alone."""
    return [(cell, column) for cell, column in zip(row, table.columns, strict=True) if not column.file_only]


@register.filter
def lines(table: Table, most: int | None = None) -> list[tuple[Sequence[Cell], bool]]:
    """The rows, or the first so many, each with whether its first cell says the same as the one above."""
    rows = list(table.rows[:most])
    firsts = [row[0].value for row in rows]
    return [(row, at > 0 and firsts[at - 1] == firsts[at]) for at, row in enumerate(rows)]


@register.simple_tag(takes_context=True)
def card_column(context: Context, table: Table) -> int | None:
    """The column that stands beside the title where a narrow window shows each row as a card; None for no cards.

    It is the first that holds lights or the like, else 0. A table of few columns, or of few
    that are all numbers to be compared, stays a table; so does one that is included with `scroll=True`.
    """
    rest = table.columns[1:]
    few = MOST_NUMBERS if all(map(numeric, rest)) else MOST_COLUMNS
    if context.get("scroll") or len(rest) <= few:
        return None
    return next((at for at, column in enumerate(table.columns) if at and column.key in BESIDE), 0)


def extent(cell: Cell) -> str:
    """The class of a cell's text: `brief` stands on one line, `prose` needs some width to wrap in."""
    if not isinstance(cell.value, str) or not cell.value:
        return ""
    width = sum(2 if char >= "\u2e80" else 1 for char in cell.value)
    return "brief" if width <= BRIEF else "prose"


def cell_classes(cell: Cell, column: Column) -> str:
    if numeric(column):
        return "num"
    return "date" if column.kind == "date" else extent(cell)


@register.simple_tag
def cell_attributes(cell: Cell, column: Column, at: int, cards: int | None) -> SafeString:
    """The attributes of a table cell: how wide it may be, its language and, where rows can be cards, its label."""
    classes = [cell_classes(cell, column)]
    out = ""
    if cards is not None:
        classes.append("beside" if at and at == cards else "")
        # The roles say again what the elements are: shown as blocks, some browsers forget it.
        label = conditional_escape(column.label)
        out = f' role="cell" data-label="{label}"' if at else ' role="rowheader"'
    named = " ".join(filter(None, classes))
    if named:
        out = f' class="{named}"{out}'
    if cell.lang:
        out += f' lang="{conditional_escape(cell.lang)}"'
    elif column.kind == "text" and not cell.tag:
        out += tongue(cell.value)
    return mark_safe(out)  # noqa: S308  # labels and languages are escaped, the rest are words of ours


@register.filter
def numeric(column: Column) -> bool:
    """Whether the column holds numbers, which are set to the right."""
    return column.kind in NUMBER_KINDS


@register.filter
def shape(tag: str) -> str:
    """The shape that says a status without colour."""
    return SHAPES.get(tag, "")


def charts_of(context: Context) -> list[Chart]:
    """The charts that the page shows."""
    charts = context.get("charts") or {"only": context.get("chart")}
    return [chart for chart in charts.values() if chart]


@register.simple_tag(takes_context=True)
def chart_state(context: Context) -> ChartState:
    """The chart, tab and layer that the address names. Raises BadRequest for those that this page does not have."""
    return read_chart_state(current_query(context), charts_of(context), KEPT)


@register.simple_tag(takes_context=True)
def api_address(context: Context, chart: Chart) -> str:
    """The whole address of the data behind a chart: its day, and the filters of the page that the chart obeys."""
    here, product = current_query(context), context["product"]
    parts = urlsplit(chart.api)
    query = [*parse_qsl(parts.query), *((name, here[name]) for name in chart.api_takes if here.get(name))]
    query.append(("as_of", product.as_of.isoformat()))
    return str(context["request"].build_absolute_uri(f"{parts.path}?{urlencode(query)}"))


@register.filter
def state_of(state: ChartState | str, chart: Chart) -> ChartState:
    """What this chart's frame shows; a template outside a page knows no state."""
    return (state if isinstance(state, ChartState) else ChartState()).of(chart)


@register.simple_tag(takes_context=True)
def cited(context: Context) -> list[Any]:
    """Every source of the page's charts, once each: on paper they are numbered and stand at the end."""
    return list(dict.fromkeys(source for chart in charts_of(context) for source in chart.sources))


@register.filter
def numbered(sources: Sequence[Any], everything: Sequence[Any]) -> str:
    """Where these sources stand in that list: 1–4, 7."""
    runs: list[list[int]] = []
    for place in sorted(everything.index(source) + 1 for source in sources):
        if runs and runs[-1][-1] == place - 1:
            runs[-1][1:] = [place]
        else:
            runs.append([place])
    return listed("–".join(map(str, run)) for run in runs)


@register.filter
def rung(things: Sequence[Any]) -> int:
    """How tall a frame has to be for so many bars, in steps of four: its class reserves the height."""
    return min(-(-len(things) // 4) * 4, 40)


@register.simple_tag
def tongue(text: object) -> SafeString:
    """` lang="zh"` for an element whose text is Chinese on an English page, `lang="en"` the other way round.

    `<a href="{% to pilot %}"{% tongue pilot.name %}>`: a record without an English name shows its Chinese one.
    """
    words = str(text or "")
    if reads_chinese():
        han = any("\u4e00" <= char <= "\u9fff" for char in words)
        latin = sum(char.isascii() and char.isalpha() for char in words)
        return mark_safe(' lang="en"' if latin > 2 and not han else "")  # noqa: S308  # nothing of the text is in it
    return mark_safe(' lang="zh"' if is_chinese(words) else "")  # noqa: S308


@register.filter
def reason(text: str | None) -> str:
    """Why a record was changed: what the product itself wrote is translated, what people wrote is theirs."""
    return reason_in_words(text)


@register.filter
def lang_of(text: str) -> str:
    """The language tag of free text: zh where most of it is Chinese."""
    return "zh" if is_chinese(text) else "en"
