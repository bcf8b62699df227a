"""Table columns of pilots, and of the figures and sources beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from django.db.models import Q
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from core.http import TrackerRequest
from core.tables import Cell, Column, Table, make_table, page_columns, record_cell, status_cell
from core.text import (
    format_date,
    format_file_size,
    format_number,
    format_period,
    in_reader_language,
    is_chinese_active,
    lang_of,
)
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import Progress, worst_first
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import (
    Classes,
    class_column,
    class_words_cell,
    distinct_names_of,
    industries_text,
    light_cell,
    pilot_cell,
    report_cell,
    text_cell,
)
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.status import reason_cell
from pilots.charts.synergy import batch_cell
from pilots.follow_ups.tables import beside_pilot, may_open_follow_ups
from pilots.lights import COLOUR_ORDER, Colour
from pilots.metrics import year_due
from pilots.models import Document, Milestone, Pilot, Reading, StageEntry, Target
from policies.models import Figure, FigureState, Source
from policies.tables import confidence_cell, province_cell, source_cell

FACTS = (StageEntry, Milestone, Target, Reading)

# -- the list ------------------------------------------------------------------------------------------


def pilot_columns(
    statuses: Mapping[int, PilotStatus], classes: Classes, as_of: date, more: Sequence[Column[Pilot]] = ()
) -> list[Column[Pilot]]:
    """Return the columns of a list of pilots; `statuses` has the status of each on the day, `classes` those classed.

    `more` columns stand beside light, reason and office.
    """

    def prefecture(pilot: Pilot) -> Cell:
        return Cell(pilot.prefecture_zh or None, lang="zh" if pilot.prefecture_zh else "")

    return [
        Column("name", _("Pilot"), record_cell, sort="name", sort_fields=["slug"]),
        Column("light", _("Light"), lambda pilot: light_cell(statuses[pilot.pk], classes), sort="light"),
        Column("why", _("Why"), lambda pilot: reason_cell(statuses[pilot.pk])),
        Column("owner", _("Responsible"), lambda pilot: statuses[pilot.pk].owner),
        *more,
        Column("stage", _("Stage"), lambda pilot: stage_label(statuses[pilot.pk]), sort="stage"),
        Column(
            "days", _("Days in stage"), lambda pilot: time_in_stage(statuses[pilot.pk]), kind="integer", sort="days"
        ),
        Column(
            "reported",
            _("Reported for %(year)d") % {"year": year_due(as_of)},
            lambda pilot: report_cell(statuses[pilot.pk]),
        ),
        Column(
            "province",
            _("Province"),
            lambda pilot: province_cell(pilot.province),
            sort="province",
            sort_fields=["province_id" if is_chinese_active() else "province__slug"],
        ),
        Column("kind", _("Kind"), lambda pilot: pilot.get_kind_display(), sort="kind", sort_fields=["kind"]),
        Column(
            "batch",
            _("Batch"),
            lambda pilot: batch_cell(pilot.batch),
            sort="batch",
            sort_fields=["batch__known_by", "batch__slug"],
        ),
        Column("industries", _("Industries"), industries_text),
        Column("confidence", _("Confidence"), confidence_cell, sort="confidence", sort_fields=["confidence"]),
        Column("prefecture", _("Prefecture"), prefecture, file_only=True),
        Column("parent", _("Lies in pilot city"), lambda p: record_cell(p.parent) if p.parent else "", file_only=True),
        class_column(classes, lambda pilot: pilot.pk),
    ]


def pilot_page_columns(
    statuses: Mapping[int, PilotStatus],
    may_open: bool,
    classes: Classes,
    as_of: date,
    *,
    chips: bool,
    picking: bool,
) -> list[Column[Pilot]]:
    """Return the columns of the page of pilots, whose rows have two lines.

    With `chips` each row names its light, with `picking` it has a box to tick for the comparison.
    """
    year = _("Reported %(year)d") % {"year": year_due(as_of)}
    row = partial(pilot_row_cell, chips=chips, picking=picking)

    def why(pilot: Pilot) -> Cell:
        """What is wrong, and below it what was changed of the plan."""
        status = statuses[pilot.pk]
        first = status.shown_reasons[0]
        short = format_html('<span class="clamp">{}</span>', first.sentence)
        return Cell(first.sentence, page_text=short, below=status.changes_of(first), title=status.explanation)

    def owner(pilot: Pilot) -> Cell:
        """Who is responsible for the light, and below it the open follow-up; a red one without any says so."""
        status = statuses[pilot.pk]
        none = _("No follow-up open") if status.colour == Colour.RED else ""
        link = beside_pilot(status, may_open, short=True)
        return Cell(in_reader_language(status.owner), below=link if link.url else none)

    return [
        Column("name", _("Pilot"), lambda pilot: row(statuses[pilot.pk]), sort="name"),
        Column("why", _("Why"), why, phone="line"),
        Column("class", _("Pollution, carbon"), lambda pilot: class_words_cell(classes.get(pilot.pk))),
        Column("owner", _("Responsible and follow-up"), owner),
        Column("stage", _("Stage"), lambda pilot: stage_cell(statuses[pilot.pk]), sort="stage"),
        Column("reported", year, lambda pilot: report_cell(statuses[pilot.pk])),
        Column(
            "since",
            _("In this colour"),
            lambda pilot: days_in_colour_cell(statuses[pilot.pk]),
            kind="integer",
            sort="light",
            phone="side",
        ),
    ]


def unrated_page_columns(statuses: Mapping[int, PilotStatus]) -> list[Column[Pilot]]:
    """Return the columns of the page while no value is on record, so that no pilot can be rated."""
    return [
        Column("name", _("Pilot"), lambda pilot: pilot_row_cell(statuses[pilot.pk]), sort="name"),
        Column("stage", _("Stage"), lambda pilot: stage_cell(statuses[pilot.pk]), sort="stage", phone="side"),
        Column("industries", _("Industries"), industries_text, phone="line"),
        Column("confidence", _("Confidence"), confidence_cell, sort="confidence"),
    ]


def pilots_page_table(request: TrackerRequest, progress: Progress, everything: str) -> Table:
    """Return the table of these pilots for a page beside other things, worst first, each with its light.

    `everything` is the URL of the list of all of them.
    """
    statuses = {status.pilot.pk: status for status in progress.pilots}
    pilots = [status.pilot for status in worst_first(progress.pilots)]
    if not progress.rated:
        columns = [column for column in unrated_page_columns(statuses) if column.key != "industries"]
        return make_table(columns, pilots, everything)
    classes, may_open = classes_of(statuses, progress.as_of), may_open_follow_ups(request)
    columns = pilot_page_columns(statuses, may_open, classes, progress.as_of, chips=True, picking=False)
    return make_table([replace(column, sort="") for column in columns], pilots, everything)


def pilot_row_cell(status: PilotStatus, *, chips: bool = False, picking: bool = False) -> Cell:
    """Return the name with province, kind and batch below it."""
    pilot = status.pilot
    below = " · ".join([pilot.province.short, str(pilot.get_kind_display()), pilot.batch.short])
    tag = {"tag": status.colour.value, "label": status.colour.label}
    mark = render_to_string("components/records/tag.html", tag) if chips else SafeString()
    if picking:
        label = _("Compare %(name)s") % {"name": pilot.name}
        box = '{}<input type="checkbox" name="pick" value="{}" form="compare" aria-label="{}">'
        mark = format_html(box, mark, pilot.slug, label)
    url = pilot.get_absolute_url()
    return Cell(pilot.name, url=url, lang=pilot.name_lang, below=below, mark=mark, status=status.colour)


def stage_cell(status: PilotStatus) -> Cell:
    days = time_in_stage(status)
    below = "" if days is None else _("%(days)s d in it") % {"days": format_number(days)}
    return Cell(stage_label(status), below=below)


def days_in_colour_cell(status: PilotStatus) -> Cell:
    """Return the days in the colour shown, with its first day in the title."""
    if status.since is None:
        return Cell("", title=_("Never otherwise on record"))
    days = (status.as_of - status.since).days
    since = _("In this colour since %(day)s") % {"day": format_date(status.since)}
    return Cell(days, page_text=_("%(days)s d") % {"days": format_number(days)}, title=since)


def lights_table(progress: Progress, classes: Classes, everything: str) -> Table:
    """Return the table of these pilots for a file, worst first, each with its batch where another has its name.

    `everything` is the URL of the list of all of them.
    """
    statuses, names = {status.pilot.pk: status for status in progress.pilots}, distinct_names_of(progress)
    columns = {column.key: column for column in pilot_columns(statuses, classes, progress.as_of)}
    columns["name"] = replace(columns["name"], accessor=lambda pilot: pilot_cell(pilot, names))
    shown = ("name", "kind", "stage", "days", "light", "why", "owner", "reported", "synergy")
    worst = sorted(progress.pilots, key=lambda item: (COLOUR_ORDER[item.colour], item.pilot.pk))
    return make_table([columns[key] for key in shown], [item.pilot for item in worst], everything)


def pilots_table(pilots: Sequence[Pilot], statuses: Mapping[int, PilotStatus], everything: str, as_of: date) -> Table:
    """Return the table of these pilots; `everything` is the URL of the list of all of them. One query.

    Beside what else is on the page there is no room for kind and industries, which its files have.
    """
    columns = [
        replace(column, file_only=True) if column.key in {"kind", "industries"} else column
        for column in pilot_columns(statuses, classes_of(statuses, as_of), as_of)
    ]
    return make_table(columns, pilots, everything)


def sources_of(pilots: Iterable[int], *kinds: type[StageEntry | Milestone | Target | Reading]) -> list[Source]:
    """Return the sources of these pilots' records, of all kinds unless some are named. One query."""
    keys = list(pilots)
    cited = Q(pk__in=[])
    for model in kinds or FACTS:
        links = model.sources.through.objects.filter(**{f"{model._meta.model_name}__pilot__in": keys})
        cited |= Q(pk__in=links.values("source_id"))
    return list(Source.objects.filter(cited))


def figures_table(figures: Iterable[Figure]) -> Table:
    """Return the table of published figures, with both values where a source gives another one."""
    columns: list[Column[Figure]] = [
        Column("name", _("Figure"), lambda figure: Cell(figure.name, lang=figure.name_lang)),
        Column("value", _("Value"), lambda figure: figure.value.normalize(), kind="decimal"),
        Column("unit", _("Unit"), lambda figure: figure.get_unit_display()),
        Column("period", _("Period"), lambda figure: format_period(figure.period) or None),
        Column("kind", _("Kind"), lambda figure: figure.get_kind_display()),
        Column("as_printed", _("As printed elsewhere"), lambda figure: text_cell(figure.as_printed)),
        Column("state", _("State"), lambda figure: status_cell(FigureState(figure.state))),
        Column("note", _("Note"), lambda figure: text_cell(figure.note)),
        Column("source", _("Source"), source_cell),
    ]
    return make_table(columns, figures)


# -- documents -----------------------------------------------------------------------------------------


def document_columns() -> list[Column[Document]]:
    """Return the columns of the list of documents; each is annotated with `uses`, the records it is attached to."""
    return [
        Column(
            "title",
            _("Title"),
            lambda item: Cell(item.title, url=item.get_absolute_url(), lang=lang_of(item.title)),
            sort="title",
            sort_fields=["title"],
        ),
        Column("doc_number", _("Document number"), lambda item: item.doc_number or None),
        Column("media_type", _("Type"), lambda item: item.kind_label, sort="type", sort_fields=["media_type"]),
        Column(
            "file_size",
            _("Size"),
            lambda item: format_file_size(item.file_size),
            sort="size",
            sort_fields=["file_size"],
        ),
        Column("uses", _("Attached to records"), kind="integer", sort="uses", sort_fields=["uses"]),
        Column("is_public", _("Public"), kind="flag"),
        Column("province", _("Uploaded by"), uploader_cell),
        Column(
            "uploaded",
            _("Uploaded"),
            lambda item: localdate(item.uploaded_at),
            kind="date",
            sort="uploaded",
            sort_fields=["uploaded_at"],
        ),
        Column("sha256", _("Checksum"), file_only=True),
    ]


def document_page_columns() -> list[Column[Document]]:
    """Return the columns of the page of documents, whose rows have two lines."""

    def about(item: Document) -> str:
        return " · ".join(filter(None, [item.doc_number, item.kind_label, format_file_size(item.file_size)]))

    below: dict[str, Any] = {"title": about, **dict.fromkeys(("uses", "is_public"))}
    below["uploaded"] = lambda item: str(uploader_cell(item).value)
    return page_columns(document_columns(), below, side="uploaded")


def uploader_cell(document: Document) -> Cell:
    return province_cell(document.province) if document.province else Cell(_("the ministry"))
