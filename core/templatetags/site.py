"""Template tags and filters of every page: links that carry as-of date and language, tables, formatted values."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django import template
from django.contrib import admin
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.template import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from core.caching.response_cache import fragment_placeholder
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.text.bilingual import lang_of
from core.text.formatting import (
    STATUS_SYMBOLS,
    format_date,
    format_days,
    format_file_size,
    format_number,
    format_period,
    format_plain,
    format_share,
    join_short,
    no_data,
)
from core.web.html import add_parameters, attribute, carried_parameters, is_numeric, lang_attr, render_rows, resolve_url
from core.web.list_pages import ANNEX_PARAMETER
from core.web.tables import Chart, Table

STATUS_COLUMNS = {"light", "status", "class"}  # columns that hold a status word
MAX_COLUMNS, MAX_NUMBER_COLUMNS = 2, 5  # after the first; a table with more turns into cards on a phone

register = template.Library()


# -- links -------------------------------------------------------------------------------------------


def query_of_request(context: Context) -> QueryDict:
    """Return the query parameters of the request; empty where a template is rendered without one."""
    request: HttpRequest | None = getattr(context, "request", None)
    return request.GET if request else QueryDict()


@register.simple_tag(takes_context=True)
def link_to(context: Context, target: object, *args: object, **kwargs: object) -> str:
    """Return the URL of a record or a URL name, with `as_of` and `lang` of the request added.

    `{% link_to pilot %}` or `{% link_to 'pilot-detail' slug %}`. Parameters of the URL itself win; a URL of another
    site is returned unchanged.
    """
    pairs = carried_parameters(query_of_request(context))
    return add_parameters(resolve_url(target, *args, **kwargs), pairs)


@register.simple_tag(takes_context=True)
def hidden_other_params(context: Context, *names: str, form: BaseForm | None = None) -> SafeString:
    """Return hidden inputs for every parameter but these, the form's own fields, the page number and the export."""
    left_out = {*names, *(form.fields if form else ()), "page", "export"}
    given = query_of_request(context).lists()
    kept = ((name, value) for name, values in given if name not in left_out for value in values)
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', kept)


@register.simple_tag(takes_context=True)
def uncached(context: Context, template: str) -> SafeString:
    """Render a template that differs between users; in a page that is kept, return a placeholder for it.

    The response cache replaces it at each request: `{% uncached "components/page/account.html" %}`. The template gets
    the variables of the context processors, not those of the page.
    """
    request = context.get("request")
    if not getattr(request, "is_kept", False):
        return render_to_string(template, request=request)
    return mark_safe(fragment_placeholder(template))  # noqa: S308  # the name of a template of ours


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
    return format_html('<div class="fact"><dt>{}</dt><dd{}>{}</dd></div>', label, attribute("lang", lang), text)


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
register.filter(is_numeric)
register.simple_tag(lang_attr)


@register.simple_tag(takes_context=True)
def table_cards(context: Context, table: Table) -> int | None:
    """Return the index of the column shown beside the title where a narrow window shows rows as cards.

    It is the first status column, else 0. None means no cards: a table that is included with `scroll=True`, one of few
    columns, or of few that are all numbers to be compared, stays a table.
    """
    rest = table.columns[1:]
    if context.get("scroll") or len(rest) <= (MAX_NUMBER_COLUMNS if all(map(is_numeric, rest)) else MAX_COLUMNS):
        return None
    return next((at for at, column in enumerate(rest, 1) if column.key in STATUS_COLUMNS), 0)


@register.simple_tag(takes_context=True)
def table_rows(context: Context, table: Table, most: int, cards: int | None) -> SafeString:
    """Return the first `most` rows of a table as HTML; `grouped` in the context hides repeated first cells."""
    carried = carried_parameters(query_of_request(context))
    return render_rows(table, most=most, cards=cards, grouped=bool(context.get("grouped")), carried=carried)


@register.filter
def status_symbol(tag: str) -> str:
    """Return the symbol that shows a status without colour: ● ▲ ■ ○ ◆."""
    return STATUS_SYMBOLS.get(tag, "")


def charts_of(context: Context) -> list[Chart]:
    """Return the charts of the page."""
    charts = context.get("charts") or {"only": context.get("chart")}
    return [chart for chart in charts.values() if chart]


@register.simple_tag(takes_context=True)
def chart_annex(context: Context) -> list[Chart]:
    """Return the charts whose tables are an annex of the page; none unless the query says `print=annex`.

    Raises BadRequest for another value.
    """
    asked = query_of_request(context).get(ANNEX_PARAMETER)
    if asked is None:
        return []
    if asked != "annex":
        text = gettext("%(name)s: “%(value)s” is not known here. Known: %(known)s.")
        message = text % {"name": ANNEX_PARAMETER, "value": truncate(asked), "known": "annex"}
        raise BadRequest(ErrorDetail(ANNEX_PARAMETER, "invalid_choice", message))
    return [chart for chart in charts_of(context) if chart.table.rows]


@register.simple_tag(takes_context=True)
def api_url(context: Context, chart: Chart) -> str:
    """Return the absolute API URL of the data of a chart, with its as-of date and the page's filters that it obeys."""
    here, product = query_of_request(context), context["product"]
    parts = urlsplit(chart.api)
    query = [*parse_qsl(parts.query), *((name, here[name]) for name in chart.api_filters if here.get(name))]
    query.append(("as_of", product["as_of"].isoformat()))
    return str(context["request"].build_absolute_uri(f"{parts.path}?{urlencode(query)}"))


@register.simple_tag(takes_context=True)
def chart_sources(context: Context) -> list[object]:
    """Return the sources of the page's charts without repeats; on paper they are numbered at the end."""
    return list(dict.fromkeys(source for chart in charts_of(context) for source in chart.sources))


@register.filter
def source_numbers(sources: Sequence[object], everything: Sequence[object]) -> str:
    """Format the positions of these sources in the whole list: 1–4, 7."""
    runs: list[list[int]] = []
    for place in sorted(everything.index(source) + 1 for source in sources):
        if runs and runs[-1][-1] == place - 1:
            runs[-1][1:] = [place]
        else:
            runs.append([place])
    return join_short("–".join(map(str, run)) for run in runs)


@register.filter
def rows_reserved(things: Sequence[object]) -> int:
    """Return the number of bars whose height a chart reserves before it is drawn: in steps of four, 40 at most."""
    return min(-(-len(things) // 4) * 4, 40)
