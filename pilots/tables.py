"""Table columns of pilots, and of the figures and sources beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from django.db.models import Case, F, Q, Value, When, prefetch_related_objects
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from core.http import TrackerRequest
from core.tables import (
    ROWS_PER_PAGE,
    Cell,
    Column,
    Table,
    in_chunks,
    make_table,
    page_columns,
    record_cell,
    status_cell,
)
from core.text import (
    format_date,
    format_file_size,
    format_number,
    format_period,
    in_reader_language,
    is_chinese_active,
    lang_of,
)
from pilots.analytics.pilot_status import PilotStatus, build_statuses
from pilots.analytics.progress import BY_BATCH, WORST_FIRST, Progress
from pilots.charts.cells import (
    class_of,
    class_words_cell,
    industries_text,
    light_cell,
    pilot_cell,
    report_cell,
    shared_names,
    text_cell,
)
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.status import reason_cell
from pilots.charts.synergy import batch_cell
from pilots.follow_ups.tables import beside_pilot, may_open_follow_ups
from pilots.lights import Colour
from pilots.metrics import Stage, year_due
from pilots.models import Document, Milestone, Reading, StageEntry, Target
from pilots.models.pilot import has_withdrawn
from policies.models import Figure, FigureState, Source
from policies.tables import confidence_cell, province_cell, source_cell

FACTS = (StageEntry, Milestone, Target, Reading)

# -- the list ------------------------------------------------------------------------------------------


def pilot_columns(as_of: date, *more: Column[PilotStatus]) -> list[Column[PilotStatus]]:
    """Return the columns of a list of pilots `with_light` of the day; `more` stand beside light, reason and office."""

    def prefecture(status: PilotStatus) -> Cell:
        name = status.pilot.prefecture_zh
        return Cell(name or None, lang="zh" if name else "")

    def parent(status: PilotStatus) -> Cell:
        return record_cell(status.pilot.parent) if status.pilot.parent else Cell("")

    by_stage = Case(*(When(light_stage=stage.value, then=Value(stage.order)) for stage in Stage))
    by_days = Case(When(~has_withdrawn(as_of), then=Value(as_of) - F("light_stage_since")))
    by_province = "province_id" if is_chinese_active() else "province__slug"
    return [
        Column("name", _("Pilot"), lambda status: record_cell(status.pilot), sort="name", sort_fields=["slug"]),
        Column(
            "light",
            _("Light"),
            light_cell,
            sort="light",
            sort_fields=["light_rank", F("light_colour_since").asc()],
        ),
        Column("why", _("Why"), reason_cell),
        Column("owner", _("Responsible"), "owner"),
        *more,
        Column("stage", _("Stage"), stage_label, sort="stage", sort_fields=[by_stage]),
        Column("days", _("Days in stage"), time_in_stage, kind="integer", sort="days", sort_fields=[by_days]),
        Column("reported", _("Reported for %(year)d") % {"year": year_due(as_of)}, report_cell),
        Column(
            "province",
            _("Province"),
            lambda status: province_cell(status.pilot.province),
            sort="province",
            sort_fields=[by_province],
        ),
        Column("kind", _("Kind"), lambda status: status.pilot.get_kind_display(), sort="kind", sort_fields=["kind"]),
        Column(
            "batch",
            _("Batch"),
            lambda status: batch_cell(status.pilot.batch),
            sort="batch",
            sort_fields=["batch__known_by", "batch__slug"],
        ),
        Column("industries", _("Industries"), lambda status: industries_text(status.pilot)),
        Column(
            "confidence",
            _("Confidence"),
            lambda status: confidence_cell(status.pilot),
            sort="confidence",
            sort_fields=["confidence"],
        ),
        Column("prefecture", _("Prefecture"), prefecture, file_only=True),
        Column("parent", _("Lies in pilot city"), parent, file_only=True),
        Column(
            "synergy",
            _("Class of synergy"),
            lambda status: found.get_kind_display() if (found := class_of(status)) else None,
            file_only=True,
        ),
    ]


def read_pilots(as_of: date, keys: Sequence[int]) -> list[PilotStatus]:
    """Return the statuses of these pilots in this order, with their industries."""
    found = {status.pilot.pk: status for status in build_statuses(keys, as_of)}
    prefetch_related_objects([status.pilot for status in found.values()], "industries")
    return [found[key] for key in keys if key in found]


def pilot_page_columns(as_of: date, may_open: bool, *, chips: bool, picking: bool = False) -> list[Column[PilotStatus]]:
    """Return the columns of the page of pilots, whose rows have two lines.

    With `chips` each row names its light, with `picking` it has a box to tick for the comparison.
    """

    def why(status: PilotStatus) -> Cell:
        """What is wrong, and below it what was changed of the plan."""
        first = status.shown_reasons[0]
        short = format_html('<span class="clamp">{}</span>', first.sentence)
        return Cell(first.sentence, page_text=short, below=status.changes_of(first), title=status.explanation)

    def owner(status: PilotStatus) -> Cell:
        """Who is responsible for the light, and below it the open follow-up; a red one without any says so."""
        none = _("No follow-up open") if status.colour == Colour.RED else ""
        link = beside_pilot(status, may_open, short=True)
        return Cell(in_reader_language(status.owner), below=link if link.url else none)

    return [
        Column("name", _("Pilot"), partial(pilot_row_cell, chips=chips, picking=picking), sort="name"),
        Column("why", _("Why"), why, phone="line"),
        Column("class", _("Pollution, carbon"), lambda status: class_words_cell(class_of(status))),
        Column("owner", _("Responsible and follow-up"), owner),
        Column("stage", _("Stage"), stage_cell, sort="stage"),
        Column("reported", _("Reported %(year)d") % {"year": year_due(as_of)}, report_cell),
        Column("since", _("In this colour"), days_in_colour_cell, kind="integer", sort="light", phone="side"),
    ]


def unrated_page_columns() -> list[Column[PilotStatus]]:
    """Return the columns of the page while no value is on record, so that no pilot can be rated."""
    return [
        Column("name", _("Pilot"), pilot_row_cell, sort="name"),
        Column("stage", _("Stage"), stage_cell, sort="stage", phone="side"),
        Column("industries", _("Industries"), lambda status: industries_text(status.pilot), phone="line"),
        Column("confidence", _("Confidence"), lambda status: confidence_cell(status.pilot), sort="confidence"),
    ]


def pilots_page_table(request: TrackerRequest, progress: Progress, everything: str) -> Table:
    """Return the table of the first of these pilots for a page beside other things, worst first, each with its light.

    `everything` is the URL of the list of all of them.
    """
    columns = pilot_page_columns(progress.as_of, may_open_follow_ups(request), chips=True)
    if not progress.now.rated:
        columns = [column for column in unrated_page_columns() if column.key != "industries"]
    keys = progress.lit.order_by(*WORST_FIRST).values_list("pk", flat=True)[:ROWS_PER_PAGE]
    shown = read_pilots(progress.as_of, list(keys))
    return make_table([replace(column, sort="") for column in columns], shown, everything, count=progress.n)


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


def lights_table(progress: Progress, everything: str) -> Table:
    """Return the table of these pilots for a file, worst first, each with its batch where another has its name.

    `everything` is the URL of the list of all of them.
    """
    shared = shared_names(progress.rows)
    columns = {column.key: column for column in pilot_columns(progress.as_of)}
    columns["name"] = replace(columns["name"], accessor=lambda status: pilot_cell(status.pilot, shared))
    shown = ("name", "kind", "stage", "days", "light", "why", "owner", "reported", "synergy")
    return file_table([columns[key] for key in shown], progress, ("light_rank", "pk"), everything)


def pilots_table(progress: Progress, everything: str) -> Table:
    """Return the table of these pilots for a file; `everything` is the URL of the list of all of them."""
    return file_table(pilot_columns(progress.as_of), progress, BY_BATCH, everything)


def file_table(
    columns: Sequence[Column[PilotStatus]], progress: Progress, order: Sequence[str], everything: str
) -> Table:
    """Return the table of these pilots in an order, which reads them in chunks."""
    rows = progress.lit.order_by(*order).values_list("pk", flat=True)
    return make_table(columns, in_chunks(rows, partial(read_pilots, progress.as_of)), everything, count=progress.n)


def sources_of(pilots: Any, *kinds: type[StageEntry | Milestone | Target | Reading]) -> list[Source]:
    """Return the sources of the records of these pilots, a queryset or keys, of all kinds unless some are named. One
    query.
    """
    cited = Q(pk__in=[])
    for model in kinds or FACTS:
        links = model.sources.through.objects.filter(**{f"{model._meta.model_name}__pilot__in": pilots})
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
