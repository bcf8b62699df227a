"""Template tags and filters of every page: links that carry as-of date and language, tables, formatted values."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any
from zlib import crc32

from django import template
from django.contrib import admin
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.template import Context
from django.urls import reverse
from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from core.snapshots import TODAY_ONLY
from core.tables import AnyColumn, Cell, Chart, Pairs, Table, add_parameters, carried_parameters, resolve_url
from core.text import (
    STATUS_SYMBOLS,
    PartialDate,
    format_date,
    format_days,
    format_file_size,
    format_number,
    format_period,
    format_plain,
    format_share,
    is_chinese_active,
    is_chinese_text,
    join_short,
    lang_of,
    no_data,
)

FORMATS: dict[str, Callable[[Any], str]] = {
    "integer": format_number,
    "decimal": format_number,
    "share": partial(format_share, digits=1),
    "days": format_days,
    "date": format_date,
    "flag": lambda value: gettext("yes") if value else gettext("no"),
}
MAX_BRIEF_WIDTH = 24  # letters that a table cell keeps on one line; a Chinese character is as wide as two
STATUS_COLUMNS = {"light", "status", "class"}  # columns that hold a status word
MAX_COLUMNS, MAX_NUMBER_COLUMNS = 2, 5  # after the first; a table with more turns into cards on a phone

PHONE_ROWS = 10  # of a table on a phone, until all are asked for

TEXT: AnyColumn = AnyColumn("", "")

register = template.Library()


# -- links -------------------------------------------------------------------------------------------


def query_of_request(context: Context) -> QueryDict:
    """Return the query parameters of the request; empty where a template is rendered without one."""
    request: HttpRequest | None = getattr(context, "request", None)
    return request.GET if request else QueryDict()


@register.simple_tag(takes_context=True)
def link_to(context: Context, target: object, *args: object, **kwargs: object) -> str:
    """Return the URL of a record or a URL name, with both days and `lang` of the request added; of a page that is
    always of today with `lang` alone.

    `{% link_to pilot %}` or `{% link_to 'pilot-detail' slug %}`. Parameters of the URL itself win; a URL of another
    site is returned unchanged.
    """
    url, pairs = resolve_url(target, *args, **kwargs), carried_parameters(query_of_request(context))
    if url.startswith(TODAY_ONLY):
        pairs = [pair for pair in pairs if pair[0] == "lang"]
    return add_parameters(url, pairs)


@register.simple_tag(takes_context=True)
def hidden_other_params(context: Context, *names: str, form: BaseForm | None = None) -> SafeString:
    """Return hidden inputs for every parameter but these, the form's own fields, the page number and the export."""
    left_out = {*names, *(form.fields if form else ()), "page", "export"}
    given = query_of_request(context).lists()
    kept = ((name, value) for name, values in given if name not in left_out for value in values)
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', kept)


@register.simple_block_tag(takes_context=True)
def panel(
    context: Context,
    content: str,
    title: str,
    *,
    id: str = "",  # noqa: A002  # as templates say it
    heading_id: str = "",
    level: int | str = "",
    count: int | str = "",
    definition: str = "",
    export: str = "",
    export_if: object = True,
    classes: str = "",
) -> SafeString:
    """Render a section with a heading around the block: `{% panel _("Pilots") id="pilots" export="pilots" %}…`.

    `heading_id` is for a section without `id`; `count` stands beside the title; `definition` is the code of the
    definition that the title links to; `export` names the table to download, left out where `export_if` is false.
    """
    values = {"title": title, "content": content, "id": id, "heading_id": heading_id or f"{id}-title", "level": level}
    values |= {"count": count, "definition": definition, "export": export if export_if else "", "classes": classes}
    frame = context.template.engine.get_template("components/panel/panel.html")  # type: ignore[union-attr]
    with context.push(**values):
        return frame.render(context)


@register.simple_block_tag
def fact(content: SafeString, label: str, lang: str = "") -> SafeString:
    """Return one row of a list of facts: `{% fact _("Batch") %}…{% endfact %}`. An empty block reads "no data"."""
    text = content if content.strip() else format_html('<span class="none">{}</span>', no_data())
    language = mark_safe(attribute("lang", lang))  # noqa: S308  # escaped there
    return format_html('<div class="fact"><dt>{}</dt><dd{}>{}</dd></div>', label, language, text)


@register.inclusion_tag("components/records/edit_links.html", takes_context=True)
def edit_links(context: Context, record: Model, related: bool = True) -> dict[str, object]:
    """Return the links to edit a record, for users with permission to change it: `{% edit_links pilot %}`.

    The admin form comes first, then the related links of the record's admin page; without these where `related` is
    False, on pages with forms of their own. Staff pages are cached per user.
    """
    request = context.get("request")
    if request is None or not request.user.is_staff:
        return {}
    page: Any = admin.site.get_model_admin(type(record))
    if not page.has_change_permission(request, record):
        return {}
    form = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    ways = page.related_links(request, record) if related else []
    beside = [(label, form + address if address.startswith("#") else address) for label, address in ways]
    return {"links": [(gettext("Edit this record"), form), *beside]}


# -- values ------------------------------------------------------------------------------------------


for function in (
    *(format_number, format_plain, format_date, format_period, format_share, format_days, format_file_size),
    lang_of,
):
    register.filter(function.__name__, function)


@register.simple_tag
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
    return mark_safe(attribute("lang", language))  # noqa: S308  # nothing of the text is in it


def attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value)}"' if value else ""


@register.simple_tag(takes_context=True)
def table_cards(context: Context, table: Table) -> int | None:
    """Return the index of the column shown beside the title where a narrow window shows rows as cards.

    It is the first status column, else 0. None means no cards: a table that is included with `scroll=True`, one of few
    columns, or of few that are all numbers to be compared, stays a table; one may have rows of two lines.
    """
    rest = table.columns[1:]
    few = MAX_NUMBER_COLUMNS if all(column.is_numeric for column in rest) else MAX_COLUMNS
    if context.get("scroll") or table.has_phone_rows or len(rest) <= few:
        return None
    return next((at for at, column in enumerate(rest, 1) if column.key in STATUS_COLUMNS), 0)


@register.simple_tag
def table_id(label: object) -> str:
    """Return the HTML id of a table's frame, by which a phone is asked to show all of its rows."""
    return f"rows-{crc32(str(label).encode()):x}"


@register.simple_tag(takes_context=True)
def table_rows(context: Context, table: Table, most: int, cards: int | None) -> SafeString:
    """Return the `<tr>` elements of the first `most` rows.

    `cards` is the index that `table_cards` returns; `grouped` in the context hides the first cell of a row that repeats
    the one above, and `group_heads` has the heading above the rows of each status. A phone shows the first ten rows.

    Rendered in Python: a page has up to 3,000 cells, and a template loop over them takes most of its time.
    """
    carried, grouped = carried_parameters(query_of_request(context)), context.get("grouped")
    out: list[str] = []
    shown = [(at, column, escape(column.label)) for at, column in enumerate(table.columns) if not column.file_only]
    role = ' role="row"' if cards is not None or table.has_phone_rows else ""
    group_heads: dict[str, str] = context.get("group_heads") or {}
    previous: object = None
    group: object = None
    for number, row in enumerate(table.rows[:most]):
        again = number > 0 and row[0].value == previous
        previous = row[0].value
        status = row[0].status
        classes = [*(["is-repeat"] if again else []), *(["barred", f"is-{status}"] if status else [])]
        classes += ["beyond"] if number >= PHONE_ROWS else []
        if status and status != group and group_heads.get(status):
            head = conditional_escape(group_heads[status])
            late = " beyond" if number >= PHONE_ROWS else ""
            out.append(f'<tr class="group{late}"{role}><th scope="rowgroup" colspan="{len(shown)}">{head}</th></tr>\n')
        group = status
        out.append(f"<tr{attribute('id', row[0].anchor)}{attribute('class', ' '.join(classes))}{role}>")
        for position, (at, column, label) in enumerate(shown):
            content = render_cell(row[at], column, carried)
            if grouped and again and not position:
                content = f'<span class="visually-hidden">{conditional_escape(format_cell(row[at], column))}</span>'
            tag, scope = ("td", "") if position else ("th", ' scope="row"')
            second = row[at].below
            below = second if isinstance(second, Cell) else Cell(second)
            if below.value or below.page_text:
                content += f'<span class="below"{lang_attr(below.value)}>{render_cell(below, TEXT, carried)}</span>'
            labels = cards if cards is not None else 0 if table.has_phone_rows else None
            out.append(f"<{tag}{scope}{cell_attributes(row[at], column, label, position, labels)}>{content}</{tag}>")
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
        return format_date(value, short=True)
    return FORMATS.get(cell.kind or column.kind, str)(value)


def cell_attributes(cell: Cell, column: AnyColumn, label: str, position: int, cards: int | None) -> str:
    """Return the HTML attributes of a table cell: width class, language and, where rows can be cards, its label.

    A text is `brief` if it is short, and `prose` if it needs some width to wrap in; `words` in a column of numbers say
    why there is none.
    """
    text, classes, roles, title = cell.page_text or cell.value, "", "", cell.title
    if column.is_numeric:
        classes = "num words" if isinstance(cell.value, str) and cell.value else "num"
    elif column.kind == "date":
        classes = "date"
        title = format_date(cell.value) if isinstance(cell.value, date | PartialDate) else title
    elif isinstance(text, str) and text:
        width = sum(2 if char >= "\u2e80" else 1 for char in text)
        classes = "brief" if width <= MAX_BRIEF_WIDTH else "prose"
    if column.phone:
        classes = f"{classes} at-{column.phone}".lstrip()
    if cards is not None:
        if position and position == cards:
            classes = f"{classes} card-status".lstrip()
        # The roles say again what the elements are: shown as blocks, some browsers forget it.
        roles = f' role="cell" data-label="{label}"' if position else ' role="rowheader"'
    language = attribute("lang", cell.lang)
    if not cell.lang and column.kind == "text" and not cell.tag:
        language = lang_attr(cell.value)
    return f"{attribute('class', classes)}{roles}{language}{attribute('title', title)}"


# -- charts --------------------------------------------------------------------------------------------


@register.filter
def squares(tiles: Iterable[Any]) -> list[Any]:
    """Return the squares of a tile map, eight in each of eight rows: the tile that stands there, or None."""
    places = {(tile.province.tile_row, tile.province.tile_col): tile for tile in tiles}
    return [places.get((row, col)) for row in range(8) for col in range(8)]


@register.filter
def status_symbol(tag: str) -> str:
    """Return the symbol that shows a status without colour: ● ▲ ■ ○ ◆."""
    return STATUS_SYMBOLS.get(tag, "")


def charts_of(context: Context) -> list[Chart]:
    charts = context.get("charts") or {"only": context.get("chart")}
    return [chart for chart in charts.values() if chart]


@register.simple_tag(takes_context=True)
def api_url(context: Context, chart: Chart) -> str:
    """Return the absolute API URL of the data of a chart, with its as-of date and the page's filters that it obeys."""
    here = query_of_request(context)
    pairs = [(name, str(here[name])) for name in chart.api_filters if here.get(name)]
    url = add_parameters(chart.api, [*pairs, ("as_of", context["product"]["as_of"].isoformat())])
    return str(context["request"].build_absolute_uri(url))


@register.simple_tag(takes_context=True)
def chart_sources(context: Context) -> list[object]:
    """Return the sources of the page's charts without repeats; on paper they are numbered at the end."""
    return list(dict.fromkeys(source for chart in charts_of(context) for source in chart.sources))


@register.filter
def source_numbers(sources: Sequence[object], everything: Sequence[object]) -> str:
    """Format the positions of these sources in the whole list: 1–4, 7."""
    runs: list[list[int]] = []
    for number in sorted(everything.index(source) + 1 for source in sources):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return join_short("–".join(map(str, run)) for run in runs)
