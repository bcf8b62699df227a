"""HTML that templates and tables share: URLs that carry the as-of date and the language, `lang`, and rows of a table.

Rows are rendered in Python: a page has up to 3,000 cells, and a template loop over them takes most of its time.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import QueryDict
from django.urls import reverse
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from core.text.bilingual import is_chinese_active, is_chinese_text
from core.text.formatting import (
    STATUS_SYMBOLS,
    PartialDate,
    format_date,
    format_days,
    format_number,
    format_share,
    no_data,
)
from core.web.tables import AnyColumn, Cell, Table

CARRIED_PARAMETERS = ("as_of", "known", "lang")  # what each link carries on: both days and the language
NUMBER_KINDS = {"integer", "decimal", "share", "days"}
FORMATS: dict[str, Callable[[Any], str]] = {
    "integer": format_number,
    "decimal": format_number,
    "share": partial(format_share, digits=1),
    "days": format_days,
    "date": format_date,
    "flag": lambda value: gettext("yes") if value else gettext("no"),
}
MAX_BRIEF_WIDTH = 24  # letters that a table cell keeps on one line; a Chinese character is as wide as two
Pairs = Sequence[tuple[str, str]]


def resolve_url(target: object, *args: object, **kwargs: object) -> str:
    """Return the URL of a record or of a URL name; a URL is returned as it is."""
    if hasattr(target, "get_absolute_url"):
        return str(target.get_absolute_url())
    if str(target).startswith(("/", "?", "#", "http://", "https://")):
        return str(target)
    return reverse(str(target), args=args, kwargs=kwargs)


def carried_parameters(query: QueryDict) -> Pairs:
    """Return the parameters of the request that its links carry on."""
    return [(key, str(query[key])) for key in CARRIED_PARAMETERS if query.get(key)]


def add_parameters(url: str, pairs: Pairs) -> str:
    """Add parameters to a URL. Its own parameters win; a URL of another site is returned unchanged."""
    parts = urlsplit(url)
    if parts.scheme:
        return url
    query = parse_qsl(parts.query, keep_blank_values=True)
    named = {key for key, _value in query}
    query += [(key, value) for key, value in pairs if key not in named]
    return urlunsplit(parts._replace(query=urlencode(query)))


def lang_attr(text: object) -> SafeString:
    """Return ` lang="zh"` for Chinese text on an English page, ` lang="en"` for English text on a Chinese one.

    `<a href="{% link_to pilot %}"{% lang_attr pilot.name %}>`: a record without an English name shows its Chinese one.
    """
    words, language = str(text or ""), ""
    if is_chinese_active():
        latin = sum(char.isascii() and char.isalpha() for char in words)
        language = "en" if latin > 2 and not any("\u4e00" <= char <= "\u9fff" for char in words) else ""
    elif not words.isascii() and is_chinese_text(words):
        language = "zh"
    return attribute("lang", language)


def attribute(name: str, value: str) -> SafeString:
    return mark_safe(f' {name}="{escape(value)}"' if value else "")  # noqa: S308


# -- rows of a table -------------------------------------------------------------------------------------


def is_numeric(column: AnyColumn) -> bool:
    """Return whether the column holds numbers, which are aligned right."""
    return column.kind in NUMBER_KINDS


def render_rows(table: Table, *, most: int | None, cards: int | None, grouped: bool, carried: Pairs) -> SafeString:
    """Return the `<tr>` elements of the first `most` rows.

    `cards` is the index that `card_column` returns; `grouped` hides the first cell of a row that repeats the one above;
    links get the `carried` parameters.
    """
    out: list[str] = []
    shown = [(at, column, escape(column.label)) for at, column in enumerate(table.columns) if not column.file_only]
    role = ' role="row"' if cards is not None else ""
    previous: object = None
    for number, row in enumerate(table.rows[:most]):
        again = number > 0 and row[0].value == previous
        previous = row[0].value
        out.append(f"<tr{attribute('id', row[0].anchor)}{attribute('class', 'is-repeat' if again else '')}{role}>")
        for place, (at, column, label) in enumerate(shown):
            content = render_cell(row[at], column, carried)
            if grouped and again and not place:
                content = f'<span class="visually-hidden">{conditional_escape(format_cell(row[at], column))}</span>'
            tag, scope = ("td", "") if place else ("th", ' scope="row"')
            out.append(f"<{tag}{scope}{cell_attributes(row[at], column, label, place, cards)}>{content}</{tag}>")
        out.append("</tr>\n")
    return mark_safe("".join(out))  # noqa: S308  # texts and addresses are escaped


def render_cell(cell: Cell, column: AnyColumn, carried: Pairs) -> str:
    """Return the content of a cell: its text, as a link or with the mark of a status."""
    text: str = conditional_escape(format_cell(cell, column))
    if cell.value is None:
        return f'<span class="none">{text}</span>'
    if cell.tag:
        symbol = STATUS_SYMBOLS.get(cell.tag, "")
        shape = f'<span class="shape" aria-hidden="true">{symbol}</span> ' if symbol else ""
        text = f'<span class="tag {escape(cell.tag)}">{shape}{text}</span>'
    if cell.url:
        text = f'<a href="{escape(add_parameters(resolve_url(cell.url), carried))}">{text}</a>'
    return f"{text} {conditional_escape(cell.mark)}" if cell.mark else text


def format_cell(cell: Cell, column: AnyColumn) -> str:
    """Format the value of a table cell by the kind of its column. A missing value reads "no data", never 0."""
    value = cell.value
    if cell.page_text or value is None:
        return cell.page_text or no_data()
    if value == "":  # nothing to say, which is not the same as not known
        return ""
    if isinstance(value, date | PartialDate):
        return format_date(value)
    return FORMATS.get(cell.kind or column.kind, str)(value)


def cell_attributes(cell: Cell, column: AnyColumn, label: str, place: int, cards: int | None) -> str:
    """Return the HTML attributes of a table cell: width class, language and, where rows can be cards, its label.

    A text is `brief` if it is short, and `prose` if it needs some width to wrap in; `words` in a column of numbers say
    why there is none.
    """
    text, classes, roles = cell.page_text or cell.value, "", ""
    if is_numeric(column):
        classes = "num words" if isinstance(cell.value, str) and cell.value else "num"
    elif column.kind == "date":
        classes = "date"
    elif isinstance(text, str) and text:
        width = sum(2 if char >= "\u2e80" else 1 for char in text)
        classes = "brief" if width <= MAX_BRIEF_WIDTH else "prose"
    if cards is not None:
        if place and place == cards:
            classes = f"{classes} card-status".lstrip()
        # The roles say again what the elements are: shown as blocks, some browsers forget it.
        roles = f' role="cell" data-label="{label}"' if place else ' role="rowheader"'
    language = attribute("lang", cell.lang)
    if not cell.lang and column.kind == "text" and not cell.tag:
        language = lang_attr(cell.value)
    return f"{attribute('class', classes)}{roles}{language}"
