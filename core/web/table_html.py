"""HTML of the rows of a table.

Rendered in Python: a page has up to 3,000 cells, and a template loop over them takes most of the time of the page.
"""

from datetime import date

from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from core.text.formatting import (
    STATUS_SYMBOLS,
    PartialDate,
    format_date,
    format_days,
    format_number,
    format_share,
    no_data,
)
from core.web.html import Pairs, add_parameters, lang_attr, resolve_url
from core.web.tables import AnyColumn, Cell, Table

NUMBER_KINDS = {"integer", "decimal", "share", "days"}
STATUS_COLUMNS = {"light", "status", "class"}  # columns that hold a status word
MAX_COLUMNS, MAX_NUMBER_COLUMNS = 2, 5  # after the first; a table with more turns into cards on a phone
MAX_BRIEF_WIDTH = 24  # letters that a table cell keeps on one line; a Chinese character is as wide as two


def render_rows(
    table: Table, *, most: int | None, cards: int | None = None, grouped: bool = False, carried: Pairs = ()
) -> SafeString:
    """Return the `<tr>` elements of the first `most` rows.

    `cards` is the index that `card_column` returns; `grouped` hides the first cell of a row that repeats the one above;
    links get the `carried` parameters.
    """
    out: list[str] = []
    shown = [(at, column, escape(column.label)) for at, column in enumerate(table.columns) if not column.file_only]
    role = ' role="row"' if cards is not None else ""
    previous: object = None
    for number, row in enumerate(table.rows[:most]):
        first = row[0]
        again = number > 0 and first.value == previous
        previous = first.value
        out.append(f"<tr{attribute('id', first.anchor)}{attribute('class', 'is-repeat' if again else '')}{role}>")
        for place, (at, column, label) in enumerate(shown):
            cell = row[at]
            content = render_cell(cell, column, carried)
            if grouped and again and not place:
                content = f'<span class="visually-hidden">{conditional_escape(format_cell(cell, column))}</span>'
            tag, scope = ("td", "") if place else ("th", ' scope="row"')
            out.append(f"<{tag}{scope}{cell_attributes(cell, column, label, place, cards)}>{content}</{tag}>")
        out.append("</tr>\n")
    return mark_safe("".join(out))  # noqa: S308  # texts and addresses are escaped above


def render_cell(cell: Cell, column: AnyColumn, carried: Pairs = ()) -> str:
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
    if cell.page_text:
        return cell.page_text
    value, kind = cell.value, cell.kind or column.kind
    if value is None:
        return no_data()
    if value == "":  # nothing to say, which is not the same as not known
        return ""
    if isinstance(value, date | PartialDate):
        return format_date(value)
    match kind:
        case "integer" | "decimal":
            return format_number(value)
        case "share":
            return format_share(value, 1)
        case "days":
            return format_days(value)
        case "date":
            return format_date(value)
        case "flag":
            return gettext("yes") if value else gettext("no")
    return str(value)


def card_column(table: Table) -> int | None:
    """Return the index of the column shown beside the title where a narrow window shows rows as cards.

    It is the first status column, else 0. None means no cards: a table of few columns, or of few that are all numbers
    to be compared, stays a table.
    """
    rest = table.columns[1:]
    few = MAX_NUMBER_COLUMNS if all(map(is_numeric, rest)) else MAX_COLUMNS
    if len(rest) <= few:
        return None
    return next((at for at, column in enumerate(table.columns) if at and column.key in STATUS_COLUMNS), 0)


def is_numeric(column: AnyColumn) -> bool:
    """Return whether the column holds numbers, which are aligned right."""
    return column.kind in NUMBER_KINDS


def attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value)}"' if value else ""


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
