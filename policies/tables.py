"""Tables of policies, measures and provincial plans, and the cells that tables of other apps share with them."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.tables import Cell, Column, Table, make_table, page_columns, record_cell, status_cell
from core.text import format_date, join_long, join_short, lang_of
from policies.metrics import whole_days
from policies.models import Confidence, Measure, Province, Source, SourcedModel
from policies.rollout import ProvinceRollout, RegionRollout, Rollout, lag_in_days


def province_cell(province: Province) -> Cell:
    """Return the short name of a province linked to its page."""
    return Cell(province.short, url=province.get_absolute_url())


def confidence_cell(record: SourcedModel) -> Cell:
    """Return the confidence in a fact."""
    return status_cell(Confidence(record.confidence))


def source_cell(record: SourcedModel) -> Cell:
    """Return the first source of a fact; None where it has none."""
    source = next(iter(record.sources.all()), None)
    return document_cell(source) if source else Cell(None)


def document_cell(source: Source) -> Cell:
    """Return the title of a source linked to its document."""
    return Cell(source.title, url=source.url, lang=lang_of(source.title))


def policy_columns(roster: int) -> list[Column[Any]]:
    """Return the columns of a list of policies, annotated with their issued plans; `roster` is the denominator."""

    def issued_plans(policy: Any) -> str:
        if not (policy.calls_for_provincial_plan or policy.issued_plans):
            return _("not called for")
        return _("%(issued)d of %(roster)d") % {"issued": policy.issued_plans, "roster": roster}

    def agencies(policy: Any) -> str | None:
        return join_long(map(str, policy.agencies.all())) or None

    number = _("Document number")
    return [
        Column("title", _("Policy"), record_cell, sort="title", sort_fields=["title_zh"]),
        Column("level", _("Level"), lambda policy: policy.get_level_display(), sort="level", sort_fields=["level"]),
        Column(
            "doc_number", number, lambda policy: policy.doc_number or None, sort="number", sort_fields=["doc_number"]
        ),
        Column("issued_on", _("Issued"), "issued", kind="date"),
        Column("published_on", _("Published"), kind="date"),
        Column(
            "known_by", _("Latest date"), "known_issued_by", kind="date", sort="known", sort_fields=["known_issued_by"]
        ),
        Column("agencies", _("Issued by"), agencies),
        Column("plans", _("Provincial plans"), issued_plans, sort="plans", sort_fields=["issued_plans"]),
    ]


def policy_page_columns(columns: list[Column[Any]]) -> list[Column[Any]]:
    """Return the columns of the page of policies, whose rows have two lines."""

    def published(policy: Any) -> str:
        if policy.known_issued_by == policy.issued_on:
            return ""
        return _("latest date %(day)s") % {"day": format_date(policy.known_issued_by, short=True)}

    below: dict[str, Any] = {"title": attrgetter("doc_number"), "issued_on": published}
    below |= {"agencies": lambda policy: str(policy.get_level_display()), "plans": None}
    return page_columns(columns, below, side="plans", line="issued_on")


def measures_table(measures: Iterable[Measure]) -> Table:
    """Return the table of measures: what policies prescribe, for whom, and in which document."""
    columns: list[Column[Measure]] = [
        Column("measure", _("Measure"), lambda measure: Cell(measure.name, lang=measure.name_lang)),
        Column("field", _("Field of action"), lambda measure: measure.get_field_display()),
        Column("industries", _("Industries"), lambda measure: join_short(map(str, measure.industries.all())) or None),
        Column("policies", _("Policies"), lambda measure: join_long(map(str, measure.policies.all())) or None),
    ]
    return make_table(columns, measures)


# -- rollout -------------------------------------------------------------------------------------------


def plan_columns() -> list[Column[ProvinceRollout]]:
    """Return the columns of a plan, in force or repealed; what is not known on the as-of date stays empty."""

    def title(row: ProvinceRollout) -> Cell:
        return Cell(row.document.name or None, lang=row.document.name_lang) if row.document else Cell(None)

    def of_document(name: str) -> Callable[[ProvinceRollout], Any]:
        return lambda row: (getattr(row.document, name) or None) if row.document else None

    def confidence(row: ProvinceRollout) -> str | None:
        return row.document.get_confidence_display() if row.document else None

    def lag(row: ProvinceRollout) -> int | None:
        return lag_in_days(row.document, row.origin) if row.document in row.past[:1] else None

    def agency(row: ProvinceRollout) -> Cell:
        in_charge = row.record.responsible_agency if row.record else None
        return Cell(in_charge.name, lang=in_charge.name_lang) if in_charge else Cell(None)

    return [
        Column("status", _("Status"), plan_status_cell),
        Column("title", _("Plan"), title),
        Column("doc_number", _("Document number"), of_document("doc_number")),
        Column("issued_on", _("Issued"), of_document("issued"), kind="date"),
        Column("known_by", _("Latest date"), of_document("known_issued_by"), kind="date"),
        Column("lag_days", _("Days after the national document"), lag, kind="integer"),
        Column("confidence", _("Confidence"), confidence),
        Column("responsible", _("Responsible"), agency),
    ]


def plan_status_cell(row: ProvinceRollout) -> Cell:
    """Return the status of a plan, with the day of a repeal."""
    return Cell(row.status_text, tag=row.status.colour)


def place_columns() -> list[Column[Any]]:
    """Return the columns of rows that have a province: its name and region."""
    return [
        Column("province", _("Province"), lambda row: province_cell(row.province)),
        Column("region", _("Region"), lambda row: row.province.get_region_display()),
    ]


def plans_table(rollout: Rollout) -> Table:
    """Return the table of the provinces of the roster with their plans, repealed ones below."""
    rows = [row for province in rollout.provinces for row in province.documents]
    return make_table([*place_columns(), *plan_columns()], rows)


def regions_table(rollout: Rollout) -> Table:
    def median(row: RegionRollout) -> int | str | None:
        days, n = row.median_lag_days, len(row.lags)
        if days is None:
            return too_few_text(n) if n else None
        return whole_days(days)

    columns: list[Column[RegionRollout]] = [
        Column("region", _("Region"), lambda row: str(row.region.label)),
        Column("issued", pgettext("a count", "Issued"), kind="integer"),
        Column("roster", _("Provinces"), kind="integer"),
        Column("share", _("Share"), kind="share"),
        Column("dated", _("Exact date"), kind="integer"),
        Column("median", _("Median days"), median, kind="integer"),
    ]
    return make_table(columns, rollout.by_region)


def too_few_text(n: int) -> str:
    """Return the text in place of a median or P90 of too few values."""
    return _("too few to say: n = %(n)d") % {"n": n}
