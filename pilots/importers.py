"""Importers of pilots, stages, milestones, targets and readings, with their rules over several rows; of follow-ups,
where a new row opens one and a row with the number of one changes what may be changed of it; of practices, adoptions
and stated effects.
"""

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.days import today
from core.errors import truncate
from core.history.recording import batched
from core.imports.columns import Column, IntegerColumn, NumberColumn, RecordLookup, column_for_field
from core.imports.importer import FieldChange, Importer, Row, assign_record, key_value, record_key, row_key
from core.records import writing
from core.spreadsheets.cells import AmbiguousCell, ParsedNumber, SheetCell, read_integer, read_measurement, read_text
from core.text import join_short, label_value
from pilots.follow_ups.services import next_number, opening_step, record_cause
from pilots.models import Adoption, Effect, FollowUp, Milestone, Pilot, Practice, Reading, StageEntry, Target
from pilots.models.indicator import steps_as_stored
from pilots.models.planned import stage_order_faults, with_planned_day
from pilots.models.reading import CONFLICT_CODE, ReadingLedger, ReadingState
from pilots.replans import FIXED_CODE, REASON_REQUIRED, may_decide, replan_of, save_replan, settle_planned_day
from policies.importers import NOTE_HEADINGS, PROVINCE_HEADINGS, TITLE_HEADINGS

# -- column types of indicator values ----------------------------------------------------------------------


def require_unscaled(number: ParsedNumber) -> ParsedNumber:
    """Return the number. Raises AmbiguousCell for 万 or 亿: the unit may itself be ten thousand tonnes."""
    if number.scale:
        raise AmbiguousCell("scaled", _("Write the number in the indicator’s own unit, without 万 or 亿."))
    return number


def split_steps(text: str) -> Iterator[tuple[int, str]]:
    """Yield year and value, as it is written, of steps such as 2024: 34.4; 2025: 30. Raises AmbiguousCell."""
    years_seen = set()
    for part in text.replace("\n", ";").replace("；", ";").split(";"):
        if not part.strip():
            continue
        year, sign, value = part.replace("：", ":").replace("=", ":").partition(":")
        if not sign:
            raise AmbiguousCell("steps", _("Write each step as year: value, for example 2024: 34.4; 2025: 30."))
        when = read_integer(SheetCell(year.strip()))
        if when in years_seen:
            raise AmbiguousCell("twice", _("“%(word)s” stands in the list twice. Keep one.") % {"word": when})
        years_seen.add(when)
        yield when, value.strip()


class YearValuesColumn(Column):
    """Values by year, as in 2024: 34.4; 2025: 30, each in the indicator's unit."""

    accepted, width = gettext_lazy("Year: value, with a semicolon between one and the next."), 32

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        steps = split_steps(read_text(cell))
        return {year: require_unscaled(read_measurement(SheetCell(value))) for year, value in steps}

    def export(self, record: Any, lookup: RecordLookup) -> str | None:
        return "; ".join(map(str, record.yearly_steps)) or None

    def display(self, value: Any) -> str:
        return join_short(f"{year}: {step}" for year, step in value.items()) if value else super().display(None)


class PeriodColumn(Column):
    """A year or a quarter, as reports write them too: 2026年, 2026Q3, 2026年第三季度."""

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> str:
        text = "".join(unicodedata.normalize("NFKC", read_text(cell)).upper().split())
        match = WRITTEN_PERIOD.fullmatch(text)
        if not match:
            raise AmbiguousCell("period", _("Write the period as 2025 or 2025-Q3."))
        year, quarter = match[1], match[2] or match[3]
        return f"{year}-Q{CHINESE_QUARTERS.get(quarter, quarter)}" if quarter else year


WRITTEN_PERIOD = re.compile("([0-9]{4})(?:年?-?(?:Q([1-4])|第?([1-4一二三四])季度?)|年度?)?")
CHINESE_QUARTERS = {"一": "1", "二": "2", "三": "3", "四": "4"}


class MeasuredColumn(NumberColumn):
    """A number in the unit of the row's indicator, parsed together with how it was written."""

    note = gettext_lazy("In the indicator’s unit; % only where that is its unit.")

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> ParsedNumber:
        return require_unscaled(read_measurement(cell))


# -- importers -----------------------------------------------------------------------------------------------


class PilotImporter(Importer):
    name = "pilots"
    model = Pilot
    keys = (("slug",), ("batch", "name_zh"))
    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "province": PROVINCE_HEADINGS,
        "name_zh": ("名称", "全称", "试点名称", "城市名称", "园区名称"),
        "kind": ("类别", "试点类型", "试点类别"),
        "batch": ("试点批次",),
        "prefecture_zh": ("地级市", "所在市", "所在城市"),
        "note_zh": NOTE_HEADINGS,
    }
    column_options: Mapping[str, Mapping[str, object]] = {
        "kind": {"synonyms": {"园区": "park", "工业园区": "park", "市": "city"}}
    }

    def prepare(self, row: Row) -> None:
        row.record.skip_city_lock = True  # it may be a row of the same file, and counts as what it is going to be


class PilotPartImporter(Importer):
    """Base importer of records that belong to a pilot."""

    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "pilot": ("试点名称", "试点城市", "试点园区", "城市", "园区"),
        "indicator": ("指标名称", "指标代码"),
        "period": ("年度", "年份", "时期", "期间", "季度"),
        "value": ("指标值", "数据"),
        "title_zh": TITLE_HEADINGS,
        "planned_on": ("计划时间", "计划完成时间", "计划完成日期"),
        "completed_on": ("完成时间", "实际完成时间", "实际完成日期"),
        "owner": ("牵头单位", "责任部门"),
        "entered_on": ("进入时间",),
        "reported_on": ("报送时间", "上报日期", "上报时间"),
        "note_zh": NOTE_HEADINGS,
    }

    def describe(self, row: Row) -> str:
        return label_value(row.record.pilot, row.record) if row.record.pilot_id else str(row.record)


class PlannedDayImporter(PilotPartImporter):
    """Base importer of what is planned for a day. Files hold the day in force; another one of a key milestone or a
    planned stage is asked of the ministry, or decided where the ministry imports.
    """

    column_options: Mapping[str, Mapping[str, object]] = {"planned_on": {"attribute": "planned_today"}}
    prefetched = ("replans",)

    def records_by_field(
        self, name: str, values: Iterable[Any], records: QuerySet[Any] | None = None
    ) -> Mapping[Any, list[Any]]:
        """Return records with the planned day in force: rows are compared with that."""
        records = with_planned_day(self.model._base_manager.all(), today()).annotate(first_day=F("planned_on"))
        matches = super().records_by_field(name, values, records.prefetch_related("replans"))
        for record in itertools.chain.from_iterable(matches.values()):
            record.planned_on = record.planned_then
        return matches

    def prepare(self, row: Row) -> None:
        """Take another day off the record and note it as a request, or a decision."""
        super().prepare(row)
        if not row.recorded:
            return
        stored, given, in_force = copy(row.before), row.record.planned_on, row.before.planned_on
        stored.planned_on = stored.first_day
        if not stored.has_fixed_day:
            return
        row.values["planned_on"] = stored.planned_on
        try:
            row.values["planned_on"], row.extra["day"] = settle_planned_day(row.record, stored, by=row.by)
        except ValidationError as exc:
            for field, errors in exc.error_dict.items():
                for error in errors:
                    row.add_error(self.column(field), FIXED_CODE, str(error.message))
        row.record.planned_on, row.before.planned_on = row.values["planned_on"], stored.planned_on
        if row.extra.get("day"):
            row.related_values, row.extra["reason"] = given, REASON_REQUIRED
            column = self.columns_by_name["planned_on"]
            new = column.display(given)
            if not may_decide(row.by):
                new = _("%(day)s, asked of the ministry") % {"day": new}
            row.extra["changes"] = [FieldChange(column.heading, column.display(in_force), new)]

    def write_related(self, rows: Sequence[Row], *, by: Any, reason: str) -> None:
        """Write the replans; what waited for the same milestone or stage is replaced."""
        for row in rows:
            if row.extra.get("day"):
                save_replan(replan_of(row.record, row.extra["day"], reason), by=by)


class StageImporter(PlannedDayImporter):
    """A row without a date of entry is a plan; one with a date completes the plan for that stage, if there is one.

    The planned date then stays, unless the row gives another: only an exported row empties it.
    """

    name = "stages"
    model = StageEntry
    keys = (("pilot", "stage", "entered_on"),)

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        super().match_rows(rows, library)
        waiting = [row for row in rows if row.is_unknown and row.values.get("pilot") and row.values.get("stage")]
        planned = self.records_by_field("pilot", [row.values["pilot"] for row in waiting])
        for row in waiting:
            for record in planned.get(row.values["pilot"].pk, []):
                if record.entered_on is None and record.stage == row.values["stage"]:
                    assign_record(row, record)
        for row in rows:
            if row.recorded and row.values.get("id") is None and row.values.get("planned_on") is None:
                row.values.pop("planned_on", None)

    def prepare(self, row: Row) -> None:
        super().prepare(row)
        row.record.skip_order_check = True  # judged for all the pilot's rows together, in `judge`

    def validate_rows(self, rows: Sequence[Row]) -> None:
        """Check the order of each pilot's stages, over all its rows and records together.

        Not checked where a row does not say which stage is entered when.
        """
        groups: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if row.record.pilot_id:
                groups[row.record.pilot_id].append(row)
        stored: dict[int, list[StageEntry]] = defaultdict(list)
        for some in batched(list(groups)):
            for entry in StageEntry.objects.filter(pilot__in=some, entered_on__isnull=False):
                stored[entry.pilot_id].append(entry)
        for pilot, mine in groups.items():
            if not any(row.invalid_columns() & IDENTIFYING_COLUMNS for row in mine):
                self.validate_pilot(mine, stored[pilot])

    def validate_pilot(self, rows: Sequence[Row], stored: Sequence[StageEntry]) -> None:
        keys = {row.record.pk for row in rows if row.recorded}
        moving = [row for row in rows if row.action != "unchanged"]
        entries = [*(entry for entry in stored if entry.pk not in keys), *(row.record for row in rows)]
        changed = [row.record for row in moving]
        for entry, field, text in stage_order_faults(entries, stored, changed) if moving else ():
            row = next((row for row in moving if row.record is entry), moving[0])
            row.add_error(self.column(field), "stage_order", text)


IDENTIFYING_COLUMNS = {"pilot", "stage", "entered_on", "id", ""}
"""The columns without which nobody knows which entry a row is about; without a name, a fault of the row as a whole."""


class MilestoneImporter(PlannedDayImporter):
    """A title that exists for another date is neither moved nor duplicated by guess: it is an error."""

    name = "milestones"
    model = Milestone
    keys = (("pilot", "title_zh", "planned_on"), ("pilot", "title_en", "planned_on"))

    def validate_rows(self, rows: Sequence[Row]) -> None:
        fresh = [row for row in rows if not row.recorded and row.is_valid]
        by_title: dict[tuple[int, str], Any] = {}
        pilots = {row.record.pilot_id for row in fresh}
        for record in with_planned_day(Milestone.objects.filter(pilot__in=pilots), today()):
            for title in filter(None, (record.title_zh, record.title_en)):
                by_title[record.pilot_id, title] = record
        message = _(
            "A milestone of this title is on record, planned on %(day)s. Write its record number %(number)s to change "
            "it, or give this one a title of its own."
        )
        for row in fresh:
            for name in ("title_zh", "title_en"):
                same = by_title.get((row.record.pilot_id, getattr(row.record, name)))
                if same:
                    labels = {"day": same.planned_then, "number": same.pk}
                    row.add_error(self.column(name), "same_title", message % labels)
                    break


class TargetImporter(PilotPartImporter):
    """Intermediate values stand in one cell, as in 2024: 34.4; 2025: 30."""

    name = "targets"
    model = Target
    keys = (("pilot", "indicator"),)
    column_options: Mapping[str, Mapping[str, object]] = {
        "steps": {"column": YearValuesColumn, "limits": None},
        "base_value": {"column": MeasuredColumn},
        "target_value": {"column": MeasuredColumn},
    }

    def extra_columns(self) -> list[Column]:
        return [unit_column()]

    def clean_values(self, row: Row) -> None:
        for name in ("base_value", "target_value", "steps"):
            parse_in_unit(row, name)
        if row.values.get("steps", {}) is None:
            row.values["steps"] = {}

    def prepare(self, row: Row) -> None:
        check_written_unit(self, row)


def parse_in_unit(row: Row, name: str) -> None:
    """Replace parsed numbers by their values; how they were written is checked when the indicator is known."""
    parsed = row.values.get(name)
    if isinstance(parsed, ParsedNumber):
        row.values[name] = parsed.value
        row.extra.setdefault("numbers", []).append((name, parsed))
    elif parsed:
        row.values[name] = steps_as_stored({year: number.value for year, number in parsed.items()})
        row.extra.setdefault("numbers", []).extend((name, number) for number in parsed.values())


def check_written_unit(kind: Importer, row: Row) -> None:
    """Check that % and units agree with the unit of the indicator."""
    if not row.record.indicator_id:
        return
    indicator = row.record.indicator
    labels = {"indicator": indicator.name, "unit": indicator.unit_text}
    numbers = row.extra.get("numbers", [])
    forms = [(name, number.percent, number.unit) for name, number in numbers]
    for name, percent, unit in dict.fromkeys([("unit", False, row.values.get("unit")), *forms]):
        if percent and indicator.unit != "%":
            message = _("The unit of %(indicator)s is %(unit)s, not %%. Write the number in that unit.")
            row.add_error(kind.column(name), "percent", message % labels)
        if unit and not indicator.is_unit(unit):
            message = _("The unit of %(indicator)s is %(unit)s, not “%(word)s”. Write the value in that unit.")
            row.add_error(kind.column(name), "unit", message % {**labels, "word": truncate(unit)})


def unit_column() -> Column:
    """Return the optional column for the unit of a row's values, which must be the indicator's."""
    return Column(
        "unit",
        gettext_lazy("unit"),
        stored=False,
        attribute="indicator.unit_text",
        aliases=("单位", "计量单位"),
        help=gettext_lazy("The unit of the values, to be checked against the indicator’s, for example t or 万吨."),
    )


class ReadingImporter(PilotPartImporter):
    """A value that differs from the newest version becomes the next version; no version is overwritten."""

    name = "readings"
    model = Reading
    keys = (("pilot", "indicator", "period"),)
    column_options: Mapping[str, Mapping[str, object]] = {
        "period": {"column": PeriodColumn},
        "value": {"column": MeasuredColumn},
    }

    def extra_columns(self) -> list[Column]:
        return [
            IntegerColumn(
                "version",
                gettext_lazy("version"),
                stored=False,
                help=gettext_lazy(
                    "Written by exports: the version that you saw. Change the value, and the row is entered as the "
                    "next version. Leave it empty for a new value."
                ),
            ),
            unit_column(),
        ]

    def clean_values(self, row: Row) -> None:
        parse_in_unit(row, "value")

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Find the newest version of the value, or the version that the row names; a row whose value differs from it is
        a new version. Accepted without a day is from today."""
        self.match_numbers(rows)
        [key] = self.keys
        waiting = [row for row in rows if row.is_unknown and row_key(row, key)]
        by_key: dict[Any, list[Reading]] = defaultdict(list)
        for readings in self.records_by_field("pilot", [row.values["pilot"] for row in waiting]).values():
            for reading in readings:
                by_key[reading.pilot_id, reading.indicator_id, reading.period].append(reading)
        for row in waiting:
            versions = sorted(by_key.get(row_key(row, key), []), key=lambda reading: reading.version)
            row.extra["versions"] = versions
            asked = row.values.get("version")
            fits = [reading for reading in versions if asked in (None, reading.version)]
            if fits:
                assign_record(row, fits[-1])
            elif asked is not None and asked != 1:
                message = _("There is no version %(version)s. Clear the cell to enter the value.")
                row.mark_unidentified(self.column("version"), "unknown_record", message % {"version": asked})
        for row in rows:
            if row.values.get("state") == ReadingState.ACCEPTED and "accepted_on" not in row.invalid_columns():
                stored = row.record.accepted_on if row.recorded else None
                row.values["accepted_on"] = row.values.get("accepted_on") or stored or today()
            if row.recorded and self.is_changed(row):
                seen = row.record
                self.check_outdated_file(row)
                row.record, row.recorded, row.extra["seen"] = None, False, seen
                if row.values.get("accepted_on") == seen.accepted_on and seen.accepted_on:
                    row.values["accepted_on"] = today()

    def check_outdated_file(self, row: Row) -> None:
        """Reject a value that was corrected since, in a row without a version: it may come from an old file."""
        newest = row.record
        for old in row.extra.get("versions", [])[:-1] if row.values.get("version") is None else []:
            if old.value == row.values.get("value") and row.values.get("value_status") in (None, old.value_status):
                message = _(
                    "This is version %(old)d, which version %(version)d (%(value)s) corrected. To go back to it, write "
                    "the number of that version."
                )
                labels = {"old": old.version, "version": newest.version, "value": newest.value_text}
                row.add_error(self.column("value"), CONFLICT_CODE, message % labels)
                return

    def prepare(self, row: Row) -> None:
        check_written_unit(self, row)
        names = Reading.IMMUTABLE_FIELDS
        if row.recorded and all(getattr(row.before, name) == getattr(row.record, name) for name in names):
            row.record.skip_immutable_check = True

    def is_changed(self, row: Row) -> bool:
        """Whether the row has another value than its record, for the same pilot, indicator and period."""
        record = row.record
        same_place = all(
            name not in row.values or key_value(row.values[name]) == record_key(record, (name,))[0]
            for name in self.keys[0]
        )
        same = all(row.values.get(name) in (None, getattr(record, name)) for name in ("value", "value_status"))
        return same_place and not same

    def validate_rows(self, rows: Sequence[Row]) -> None:
        """Number the new versions; reject conflicts and unexplained jumps."""
        groups: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for row in rows:
            if row.is_valid:
                groups[row.record.pilot_id, row.record.indicator_id].append(row)
        ledgers: dict[int, ReadingLedger] = {}
        for (pilot, _indicator), same in groups.items():
            for row in same:
                if not row.recorded:
                    if pilot not in ledgers:
                        ledgers[pilot] = ReadingLedger(row.record.pilot)
                    self.number_version(row, ledgers[pilot], [other.record for other in same])

    def number_version(self, row: Row, ledger: ReadingLedger, beside: Sequence[Reading]) -> None:
        """Number and check a new value, beside the others of its pilot and indicator in the file."""
        row.record.version, newest = ledger.next_version(row.record.key), ledger.newest.get(row.record.key)
        seen = row.extra["seen"].pk if "seen" in row.extra else None
        if newest and newest.pk != seen:
            message = _(
                "Version %(version)d (%(value)s) was entered since. Write that version to follow it with yours."
            )
            labels = {"version": newest.version, "value": newest.value_text}
            row.add_error(self.column("version"), CONFLICT_CODE, message % labels)
        elif fault := ledger.check(row.record, seen, beside):
            row.add_error(self.column("value"), str(fault.code), " ".join(fault.messages))

    def describe(self, row: Row) -> str:
        text = super().describe(row)
        seen = row.extra.get("seen")
        if seen is None:
            return text
        return _("%(reading)s (version %(version)d, after %(before)s)") % {
            "reading": text,
            "version": row.record.version,
            "before": seen.value_text,
        }


# -- follow-ups -----------------------------------------------------------------------------------------


class FollowUpImporter(Importer):
    """A new follow-up is given its number, the light of its cause on the day of opening and the step that opens it.

    A ledger that numbers its own keeps its numbers, if they were never used here. Accounts are no matter of a file: the
    responsible user and the verifier are chosen on the form. Undoing takes the follow-up back together with that step,
    as long as no further step was taken.
    """

    name = "follow-ups"
    model = FollowUp
    keys = (("number",),)
    keys_required = False  # without the column all rows are new
    excluded_fields = ("owner_user", "verifier")
    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "title_zh": ("事项名称", "督办事项", "标题"),
        "task_zh": ("督办要求", "工作要求"),
        "kind": ("类别", "督办方式"),
        "pilot": ("试点名称",),
        "province": PROVINCE_HEADINGS,
        "owner_agency": ("牵头单位", "责任部门"),
        "opened_on": ("交办时间",),
        "due_on": ("办理时限", "完成时限", "完成期限"),
        "note_zh": NOTE_HEADINGS,
    }

    def extra_columns(self) -> list[Column]:
        field = FollowUp._meta.get_field("number")
        aliases = ("督办编号", "文号")
        words = gettext_lazy("Leave it empty for a new one: the next of its year is filled in.")
        return [column_for_field(field, required=False, help=words, aliases=aliases)]

    def prepare(self, row: Row) -> None:
        """Give a new record a number to be validated with; the real one is given when it is written."""
        if not row.recorded and not row.record.number:
            row.extra["unnumbered"] = True
            row.record.number = f"{row.record.opened_on.year}-{row.number:05}"[:10]

    def validate_rows(self, rows: Sequence[Row]) -> None:
        """Check the numbers that the file gives, and the light of each cause, which is kept as it was."""
        new = [row for row in rows if not row.recorded and row.is_valid]
        self.check_numbers([row for row in new if "unnumbered" not in row.extra])
        for row in new:
            try:
                record_cause(row.record)
            except ValidationError as exc:
                for name, texts in exc.message_dict.items():
                    row.add_error(self.column(name), "invalid", " ".join(texts))

    def check_numbers(self, rows: Sequence[Row]) -> None:
        """Reject a number that a follow-up had which is deleted since: it is never given again."""
        used: set[str] = set()
        for some in batched([row.record.number for row in rows]):
            used |= set(FollowUp.history.filter(number__in=some).values_list("number", flat=True))
        for row in rows:
            if row.record.number in used:
                message = _("The number %(number)s was given already. Leave it empty: the next one is filled in.")
                row.add_error(self.column("number"), "unique", message % {"number": row.record.number})

    def complete_new(self, rows: Sequence[Row]) -> None:
        """Give the next numbers to rows without one, but for those that other rows bring along."""
        taken = {row.record.number for row in rows if "unnumbered" not in row.extra}
        for row in rows:
            if "unnumbered" in row.extra:
                row.record.number = next_number(row.record.opened_on.year, taken)
                taken.add(row.record.number)

    def write_related(self, rows: Sequence[Row], *, by: Any, reason: str) -> None:
        """Write the step that opens each new follow-up."""
        for row in rows:
            if not row.recorded:
                writing.write(opening_step(row.record, by), by=by, reason=reason, allowed=True)

    def describe(self, row: Row) -> str:
        return str(row.record.title) if "unnumbered" in row.extra else super().describe(row)


# -- practices ------------------------------------------------------------------------------------------


class PracticeImporter(Importer):
    name = "practices"
    model = Practice
    keys = (("slug",), ("title_zh",), ("title_en",))
    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "title_zh": ("经验做法名称", "做法名称", "名称", "标题"),
        "province": PROVINCE_HEADINGS,
        "origins": ("来源试点", "试点名称", "试点"),
        "problem_zh": ("解决的问题",),
        "action_zh": ("主要做法", "具体做法"),
        "conditions_zh": ("适用条件",),
        "risks_zh": ("风险",),
        "note_zh": NOTE_HEADINGS,
    }
    column_options: Mapping[str, Mapping[str, object]] = {"origins": {"required": True}}


class PracticePartImporter(Importer):
    """Base importer of what belongs to a practice."""

    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "practice": ("经验做法名称", "做法名称"),
        "province": PROVINCE_HEADINGS,
        "pilot": ("试点名称", "应用试点"),
        "note_zh": NOTE_HEADINGS,
    }

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Load the origins of all practices in one query: the model's rules ask for them row by row."""
        prefetch_related_objects(list(library.index(Practice).records_by_id.values()), "origins")
        super().match_rows(rows, library)

    def describe(self, row: Row) -> str:
        return str(row.record) if row.record.practice_id else ""


class AdoptionImporter(PracticePartImporter):
    """A row finds its copy by practice and pilot, or else by practice and province.

    Who imports a new copy claims it. Verifying is no matter of a file.
    """

    name = "adoptions"
    model = Adoption
    keys = (("practice", "pilot"), ("practice", "province"))
    narrowing_fields = ("pilot",)
    excluded_fields = ("verified_on",)

    def tells_apart(self, row: Row, item: Any, key: tuple[str, ...]) -> bool:
        """Without a pilot a row is about the copy of the province as a whole, never about a pilot’s."""
        of_a_pilot = item.pilot_id is not None and not row.values.get("pilot")
        return of_a_pilot or super().tells_apart(row, item, key)

    def clean(self, row: Row, exclude: set[str]) -> None:
        super().clean(row, exclude)
        if row.record.province_id is None and not {"pilot", "province"} & row.invalid_columns():
            raise ValidationError({"province": _("Name the pilot, or the province.")})

    def complete_new(self, rows: Sequence[Row]) -> None:
        """Set who imports them as who claims them."""
        for row in rows:
            row.record.claimed_by = row.by


class EffectImporter(PracticePartImporter):
    name = "effects"
    model = Effect
    keys = (("practice", "statement_zh"), ("practice", "statement_en"))
    narrowing_fields = ("adoption",)
    column_options: Mapping[str, Mapping[str, object]] = {
        "adoption": {"help": gettext_lazy("The record number of the copy, such as #12. Empty: the origin’s effect.")}
    }
