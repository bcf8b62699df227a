"""Importers of pilots, stages, milestones, targets and readings, with their rules over several rows; of follow-ups,
where a new row opens one and a row with the number of one changes what may be changed of it; of practices, adoptions
and stated effects.
"""

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.days import today
from core.errors import truncate
from core.history.recording import batched
from core.imports.columns import (
    ChoiceColumn,
    Column,
    DateColumn,
    IntegerColumn,
    NumberColumn,
    RecordColumn,
    RecordLookup,
    column_for_field,
)
from core.imports.importer import FieldChange, Importer, Row, assign_record, key_value, record_key, row_key
from core.records import writing
from core.spreadsheets.cells import AmbiguousCell, ParsedNumber, SheetCell, read_integer, read_measurement, read_text
from core.text import join_short, label_value
from pilots.amendments import REASON_REQUIRED, amendment_of, complete, save_amendment, settle_day
from pilots.follow_ups.services import next_number, opening_step, record_cause
from pilots.models import (
    Adoption,
    Completion,
    Effect,
    FollowUp,
    Indicator,
    Milestone,
    Pilot,
    Practice,
    Reading,
    ReadingState,
    StageEntry,
    Target,
)
from pilots.models.indicator import steps_as_stored
from pilots.models.planned import stage_order_faults
from pilots.models.promise import PROMISED, may_decide
from pilots.models.reading import CONFLICT_CODE, ReadingLedger
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
        return "; ".join(map(str, record.today.yearly_steps)) or None

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


class StageImporter(PilotPartImporter):
    """The order of a pilot's stages is checked over all its rows and records together."""

    name = "stages"
    model = StageEntry
    keys = (("pilot", "stage", "entered_on"),)

    def prepare(self, row: Row) -> None:
        super().prepare(row)
        row.record.skip_order_check = True  # judged for all the pilot's rows together, in `judge`

    def validate_rows(self, rows: Sequence[Row]) -> None:
        """Check the order of each pilot's stages.

        Not checked where a row does not say which stage is entered when.
        """
        groups: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if row.record.pilot_id:
                groups[row.record.pilot_id].append(row)
        stored: dict[int, list[StageEntry]] = defaultdict(list)
        for some in batched(list(groups)):
            for entry in StageEntry.objects.filter(pilot__in=some):
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


# -- promises --------------------------------------------------------------------------------------------


class PromiseImporter(PilotPartImporter):
    """Base importer of what a pilot promises. Files hold what is in force today, and rows are compared with that."""

    prefetched: tuple[str, ...] = ("amendments",)

    def records_by_field(
        self, name: str, values: Iterable[Any], records: QuerySet[Any] | None = None
    ) -> Mapping[Any, list[Any]]:
        """Return the records as amended; `promised` holds what was promised first, as it is stored."""
        promises = self.model._base_manager.prefetch_related(*self.prefetched)
        matches = super().records_by_field(name, values, promises)
        for record in itertools.chain.from_iterable(matches.values()):
            now = record.values_on(today())
            record.promised = {field: getattr(record, field) for field in now}
            vars(record).update(now)
        return matches

    def prepare(self, row: Row) -> None:
        """Put back what was promised first where the row gives what is in force: another value changes the record."""
        super().prepare(row)
        for name, first in row.before.promised.items() if row.recorded else ():
            given, in_force = getattr(row.record, name), getattr(row.before, name)
            if given == in_force:
                setattr(row.record, name, first)
                setattr(row.before, name, first)
                row.values |= {name: first} if name in row.values else {}


class CompletedOnColumn(DateColumn):
    """The day of the completion that counts."""

    def export(self, record: Any, lookup: RecordLookup) -> Any:
        return getattr(record.standing_completion, "completed_on", None)


class EvidenceColumn(Column):
    """What shows that completion."""

    def export(self, record: Any, lookup: RecordLookup) -> Any:
        return getattr(record.standing_completion, "evidence", None) or None


class MilestoneImporter(PromiseImporter):
    """Another planned day than the one in force is an amendment: asked of the ministry, or decided where it imports.
    Another day of completion, or other evidence, is another completion.

    A title that exists for another date is neither moved nor duplicated by guess: it is an error.
    """

    name = "milestones"
    model = Milestone
    keys = (("pilot", "title_zh", "planned_on"), ("pilot", "title_en", "planned_on"))
    prefetched = ("amendments", "completions")
    column_options: Mapping[str, Mapping[str, object]] = {"planned_on": {"attribute": "planned_today"}}

    def extra_columns(self) -> list[Column]:
        columns: dict[str, type[Column]] = {"completed_on": CompletedOnColumn, "evidence": EvidenceColumn}
        return [
            column_for_field(
                Completion._meta.get_field(name),
                column,
                required=False,
                stored=False,
                aliases=self.heading_aliases.get(name, ()),
            )
            for name, column in columns.items()
        ]

    def prepare(self, row: Row) -> None:
        row.extra["changes"] = []
        if row.recorded and row.record.planned_on != row.before.planned_on:
            self.note_planned_day(row)
        super().prepare(row)
        self.note_completion(row)

    def note_planned_day(self, row: Row) -> None:
        """Take another planned day off the record, where it is an amendment."""
        in_force, stored = row.before.planned_on, row.before.drafted(row.before.promised)
        column_day, day = settle_day(stored, row.record.planned_on, by=row.by)
        if day is None:
            return
        row.record.planned_on = row.before.planned_on = row.values["planned_on"] = column_day
        row.extra["day"], row.extra["reason"] = day, REASON_REQUIRED
        amendment = amendment_of(stored, day, str(REASON_REQUIRED))
        self.check_related(row, amendment, {"day": "planned_on"})
        column = self.columns_by_name["planned_on"]
        new = column.display(day)
        if not may_decide(row.by):
            new = _("%(day)s, asked of the ministry") % {"day": new}
        self.note_change(row, column, column.display(in_force), new)

    def note_completion(self, row: Row) -> None:
        """Note a completion that is not on record yet."""
        if row.invalid_columns() & {"completed_on", "evidence"}:
            return
        given = {name: row.values.get(name) for name in ("completed_on", "evidence")}
        done = row.record.standing_completion if row.recorded else None
        if given["completed_on"] is None:
            if given["evidence"] or (done and "completed_on" in row.values):
                text = _("A completion has a day, and stays on record. Write it, or ask the ministry to object to it.")
                row.add_error(self.column("completed_on"), "fixed", text)
            return
        if done and done.completed_on == given["completed_on"] and given["evidence"] in (None, done.evidence):
            return
        completion = Completion(**{**given, "evidence": given["evidence"] or ""}, milestone=row.record)
        row.extra["completion"] = completion
        self.check_related(row, completion, {})
        for name, value in given.items():
            old, column = getattr(done, name, None), self.columns_by_name[name]
            if value and value != old:
                self.note_change(row, column, column.display(old), column.display(value))

    def note_change(self, row: Row, column: Column, old: str, new: str) -> None:
        row.extra["changes"].append(FieldChange(column.heading, old, new))
        row.related_values = [*(row.related_values or []), (column.name, new)]

    def check_related(self, row: Row, related: Any, names: Mapping[str, str]) -> None:
        """Add an error where the model refuses what the row asks for; `names` are columns by the fields of that."""
        try:
            related.settle(None, row.by)
            related.full_clean(exclude={"pilot", "milestone"}, validate_unique=False)
        except ValidationError as exc:
            for name, texts in exc.message_dict.items():
                row.add_error(self.column(names.get(name, name)), "fixed", " ".join(texts))

    def validate_rows(self, rows: Sequence[Row]) -> None:
        fresh = [row for row in rows if not row.recorded and row.is_valid]
        by_title: dict[tuple[int, str], Any] = {}
        stored = self.records_by_field("pilot", [row.record.pilot_id for row in fresh])
        for record in itertools.chain.from_iterable(stored.values()):
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
                    labels = {"day": same.planned_on, "number": same.pk}
                    row.add_error(self.column(name), "same_title", message % labels)
                    break

    def write_related(self, rows: Sequence[Row], *, by: Any, reason: str) -> None:
        """Write what was amended and completed; a request that waited is replaced."""
        for row in rows:
            if day := row.extra.get("day"):
                save_amendment(amendment_of(row.record, day, reason), by=by)
            if done := row.extra.get("completion"):
                complete(row.record, completed_on=done.completed_on, evidence=done.evidence, by=by, reason=reason)


class TargetImporter(PromiseImporter):
    """Intermediate values stand in one cell, as in 2024: 34.4; 2025: 30."""

    name = "targets"
    model = Target
    keys = (("pilot", "indicator", "kind", "target_year"), ("pilot", "indicator", "target_year"))
    column_options: Mapping[str, Mapping[str, object]] = {
        "base_year": {"attribute": "today.base_year"},
        "base_value": {"column": MeasuredColumn, "attribute": "today.base_value"},
        "target_year": {"attribute": "today.target_year"},
        "target_value": {"column": MeasuredColumn, "attribute": "today.target_value"},
        "steps": {"column": YearValuesColumn, "limits": None},
    }

    def extra_columns(self) -> list[Column]:
        return [unit_column()]

    def clean_values(self, row: Row) -> None:
        for name in ("base_value", "target_value", "steps"):
            parse_in_unit(row, name)
        if row.values.get("steps", {}) is None:
            row.values["steps"] = {}

    def prepare(self, row: Row) -> None:
        """Refuse what was promised first and is amended since: the model would find it unchanged."""
        super().prepare(row)
        for name, first in row.before.promised.items() if row.recorded else ():
            if getattr(row.record, name) == first != getattr(row.before, name):
                row.add_error(self.column(name), "fixed", str(PROMISED))
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
    """A value that differs from the newest version becomes the next version; no version is overwritten. No file
    accepts, returns or disputes a value: the state stands in it to be read.
    """

    name = "readings"
    model = Reading
    keys = (("pilot", "indicator", "period"),)
    excluded_fields = ("answer_by",)
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
            ChoiceColumn(
                "state",
                gettext_lazy("state"),
                stored=False,
                choices=dict(ReadingState.choices),
                help=gettext_lazy(
                    "Written by exports, to be read. Values are accepted, returned and disputed on the site."
                ),
            ),
        ]

    def clean_values(self, row: Row) -> None:
        parse_in_unit(row, "value")

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Find the newest version of the value, or the version that the row names; a row whose value differs from it is
        a new version, which is not accepted yet."""
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
            if row.recorded and self.is_changed(row):
                seen = row.record
                self.check_outdated_file(row)
                row.record, row.recorded, row.extra["seen"] = None, False, seen
                if row.values.get("accepted_on") == seen.accepted_on:
                    row.values["accepted_on"] = None
                if row.values.get("state") == seen.state:
                    row.values["state"] = None

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
        if row.values.get("state") not in (None, row.record.state):
            message = _("It is “%(state)s” here. Accept, return or dispute it on the site, and leave this empty.")
            row.add_error(self.column("state"), "state", message % {"state": row.record.state.label})
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


class CauseTargetColumn(RecordColumn):
    """A target by its indicator and year, as in AIR_SO2 2026: that of the row's pilot. Or its record number."""

    accepted, width = gettext_lazy("The indicator and the year of the target, for example AIR_SO2 2026."), 26

    def parse(self, cell: SheetCell, lookup: RecordLookup) -> Any:
        """Return the targets of all pilots that it may mean, or the one of this number."""
        text = read_text(cell)
        if text.startswith("#"):
            return lookup.find(Target, text)
        name, _space, year = text.rpartition(" ")
        named = bool(name) and year.isdecimal()
        return self.targets(lookup, lookup.find(Indicator, name if named else text), year if named else "")

    def export(self, record: Any, lookup: RecordLookup) -> str | None:
        target = record.cause_target
        if target is None:
            return None
        year = target.today.target_year
        same = [item for item in self.targets(lookup, target.indicator, year) if item.pilot_id == target.pilot_id]
        return f"{lookup.index(Indicator).name_for(target.indicator)} {year}" if len(same) == 1 else f"#{target.pk}"

    def targets(self, lookup: RecordLookup, indicator: Indicator, year: object) -> list[Target]:
        every = list(lookup.index(Target).records_by_id.values())
        prefetch_related_objects(every, "amendments")
        own = [item for item in every if item.indicator_id == indicator.pk]
        return [item for item in own if str(year) in ("", str(item.today.target_year))]


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
    column_options: Mapping[str, Mapping[str, object]] = {"cause_target": {"column": CauseTargetColumn}}
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

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Choose among the targets of an indicator that of the row's pilot."""
        super().match_rows(rows, library)
        for row in rows:
            if isinstance(fits := row.values.get("cause_target"), list):
                pilot = row.values.get("pilot") or (row.record.pilot if row.recorded else None)
                own = [target for target in fits if pilot and target.pilot_id == pilot.pk]
                row.values["cause_target"] = own[0] if len(own) == 1 else None
                if len(own) != 1:
                    message = _("The pilot has %(count)d such targets. Write the record number, such as #12.")
                    row.add_error(self.column("cause_target"), "unknown_record", message % {"count": len(own)})

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
