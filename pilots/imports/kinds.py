"""What a sheet of pilots, stages, milestones, targets or readings holds, and the rules that go beyond one row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.asof import today
from config.bulk import BATCH, chunks
from config.faults import short
from config.sheets.values import Number
from config.words import labelled, listed
from pilots.actions import MAY_PLACE, OVERTAKEN, WHY_REPLANNED, OnRecord, Value, moves_a_past_day
from pilots.metrics.stages import Entry, problems
from pilots.models import Milestone, Pilot, Reading, StageEntry, Target, TargetStep
from pilots.models.progress import stage_field, stage_message
from policies.imports.columns import Column
from policies.imports.kinds import KINDS as POLICY_KINDS
from policies.imports.kinds import Kind, key_of, own_key, plain_key, take
from policies.imports.plan import NOT_YOURS_CODE
from policies.imports.references import Library
from policies.imports.rows import FieldChange, Row, Written
from policies.imports.write import snapshots
from policies.models import ImportAction

KIND_SYNONYMS = {"园区": "park", "工业园区": "park", "市": "city"}


class Pilots(Kind):
    name = "pilots"
    model = Pilot
    keys = (("slug",), ("batch", "name_zh"))
    usual_words: Mapping[str, tuple[str, ...]] = {
        "name_zh": ("名称", "全称", "试点名称", "城市名称", "园区名称"),
        "kind": ("类别", "试点类型", "试点类别"),
        "batch": ("试点批次",),
        "prefecture_zh": ("地级市", "所在市", "所在城市"),
    }
    related = ("batch", "province", "parent")

    def changed(self, name: str) -> dict[str, Any]:
        return {"synonyms": KIND_SYNONYMS} if name == "kind" else super().changed(name)

    def ready(self, row: Row) -> None:
        row.record.city_held = True  # it may be a row of the same file, and counts as what it is going to be


class OfPilot(Kind):
    """What belongs to a pilot is named with it."""

    related: tuple[str, ...] = ("pilot__batch",)
    usual_words: Mapping[str, tuple[str, ...]] = {
        "pilot": ("试点名称", "试点城市", "试点园区", "城市", "园区"),
        "indicator": ("指标名称", "指标代码"),
        "period": ("年度", "年份", "时期", "期间", "季度"),
        "value": ("指标值", "数据"),
        "entered_on": ("进入时间",),
        "reported_on": ("报送时间", "上报日期", "上报时间"),
    }

    def describe(self, row: Row) -> str:
        return labelled(row.record.pilot, row.record) if row.record.pilot_id else str(row.record)


class Stages(OfPilot):
    """A row without a day of entry is a plan; one with a day fulfils the plan for that stage, if there is one.

    The day for which it was planned then stays, unless the row gives another: only an exported row empties it.
    """

    name = "stages"
    model = StageEntry
    keys = (("pilot", "stage", "entered_on"),)

    def match(self, rows: Sequence[Row], library: Library) -> None:
        super().match(rows, library)
        waiting = [row for row in rows if not row.found and not row.lost and row.values.get("id") is None and both(row)]
        planned = self.by_field("pilot", [row.values["pilot"] for row in waiting])
        for row in waiting:
            for record in planned.get(row.values["pilot"].pk, []):
                if record.entered_on is None and record.stage == row.values["stage"]:
                    take(row, record)
        for row in rows:
            if row.found and row.values.get("id") is None and row.values.get("planned_on") is None:
                row.values.pop("planned_on", None)

    def ready(self, row: Row) -> None:
        row.record.order_checked = True  # judged for all the pilot's rows together, in `judge`

    def judge(self, rows: Sequence[Row], by: Any) -> None:
        """Refuse entries that break the order of a pilot's stages, all its rows and records taken together.

        Where a row does not say which stage is entered when, the order of its pilot's stages is not known yet.
        """
        groups: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if row.record.pilot_id:
                groups[row.record.pilot_id].append(row)
        stored: dict[int, list[StageEntry]] = defaultdict(list)
        for some in chunks(list(groups)):
            for entry in StageEntry.objects.filter(pilot__in=some, entered_on__isnull=False):
                stored[entry.pilot_id].append(entry)
        for pilot, mine in groups.items():
            if not any(row.blamed() & TELLING for row in mine):
                self.judge_pilot(mine, stored[pilot])

    def judge_pilot(self, rows: Sequence[Row], stored: Sequence[StageEntry]) -> None:
        keys = {row.record.pk for row in rows if row.found}
        known = [(found.fault, found.entry) for found in problems([item.as_entry() for item in stored], today())]
        entries: dict[int, Row] = {}
        coming: list[Entry] = [item.as_entry() for item in stored if item.pk not in keys]
        for row in rows:
            if row.record.entered_on:
                coming.append(row.record.as_entry())
                entries[id(coming[-1])] = row
        moving = [row for row in rows if row.action != "unchanged"]
        for problem in problems(coming, today()) if moving else []:
            own = entries.get(id(problem.entry))
            if own in moving or (problem.fault, problem.entry) not in known:
                row = own if own in moving else moving[0]
                row.fault(self.column(stage_field(problem)), "stage_order", stage_message(problem))


TELLING = {"pilot", "stage", "entered_on", "id", ""}
"""The columns without which nobody knows which entry a row is about; without a name, a fault of the row as a whole."""


def both(row: Row) -> bool:
    return bool(row.values.get("pilot") and row.values.get("stage"))


class Milestones(OfPilot):
    """A title that is on record for another day is neither moved nor doubled by guess."""

    name = "milestones"
    model = Milestone
    keys = (("pilot", "title_zh", "planned_on"), ("pilot", "title_en", "planned_on"))

    def needs_reason(self, rows: Sequence[Row]) -> list[str]:
        """A planned day that has passed is moved with a reason."""
        message = _("Row %(row)d: %(what)s")
        return [
            message % {"row": row.number, "what": WHY_REPLANNED}
            for row in rows
            if row.found and moves_a_past_day(row.before["planned_on"], row.record.planned_on)
        ]

    def judge(self, rows: Sequence[Row], by: Any) -> None:
        fresh = [row for row in rows if not row.found and row.good]
        known: dict[tuple[int, str], Milestone] = {}
        for record in Milestone.objects.filter(pilot__in={row.record.pilot_id for row in fresh}):
            for title in filter(None, (record.title_zh, record.title_en)):
                known[record.pilot_id, title] = record
        message = _(
            "A milestone of this title is on record, planned on %(day)s. Write its record number %(number)s to change "
            "it, or give this one a title of its own."
        )
        for row in fresh:
            for name in ("title_zh", "title_en"):
                same = known.get((row.record.pilot_id, getattr(row.record, name)))
                if same:
                    labels = {"day": same.planned_on, "number": same.pk}
                    row.fault(self.column(name), "same_title", message % labels)
                    break


IN_UNIT = {"in_unit": True}


class Targets(OfPilot):
    """Steps stand in one cell, as 2024: 34.4; 2025: 30."""

    name = "targets"
    model = Target
    keys = (("pilot", "indicator"),)
    related = ("pilot__batch", "indicator")

    def records(self) -> Any:
        return super().records().prefetch_related("steps")

    def candidates(self) -> Any:
        return super().candidates().prefetch_related("steps")

    def changed(self, name: str) -> dict[str, Any]:
        return IN_UNIT if name in {"base_value", "target_value"} else super().changed(name)

    def more_columns(self) -> list[Column]:
        return [
            unit_column(),
            Column(
                "steps",
                gettext_lazy("steps"),
                "steps",
                help=gettext_lazy("Values for years before the target year, for example 2024: 34.4; 2025: 30."),
            ),
        ]

    def prepare(self, row: Row, by: Any) -> None:
        for name in ("base_value", "target_value"):
            read_in_unit(row, name)
        row.extra["by"] = by
        steps = row.values.get("steps")
        if steps:
            note_form(row, "steps", steps.values())
            row.values["steps"] = {year: number.value for year, number in steps.items()}

    def after(self, row: Row) -> None:
        """Judge the steps by their own rules, those on record too where the years change, and tell how they change."""
        judge_form(self, row)
        before = {step.year: step.value for step in row.record.steps.all()} if row.found else {}
        if "steps" in row.blamed():
            return
        steps = (row.values["steps"] or {}) if "steps" in row.values else before
        years = {name: getattr(row.record, name) for name in ("base_year", "target_year")}
        if steps == before and years.items() <= row.before.items():
            return
        for year, value in steps.items():
            for text in broken_rules(TargetStep(target=row.record, year=year, value=value)):
                row.fault(self.column("steps"), "invalid", labelled(year, text))
        if row.found and steps != before:
            self.refuse_steps(row)
            heading = self.by_name["steps"].heading
            row.extra["changes"] = [FieldChange(heading, steps_text(before), steps_text(steps), not steps)]

    def refuse_steps(self, row: Row) -> None:
        """Steps of a target on record are part of what was promised: the fields that fix it guard them as well."""
        by = row.extra.get("by")
        if by is not None and not by.has_perm(MAY_PLACE):
            text = _("Your role may not change this. Leave the cell as it is on record, or take out the column.")
            row.fault(self.column("steps"), NOT_YOURS_CODE, text)

    def write_parts(self, rows: Sequence[Row]) -> list[Written]:
        """Bring the targets' steps to what the rows say, each a record of its own."""
        telling = [row for row in rows if "steps" in row.values]
        here: dict[int, dict[int, TargetStep]] = defaultdict(dict)
        for some in chunks([row.record.pk for row in telling if row.found]):
            for step in TargetStep.objects.filter(target__in=some):
                here[step.target_id][step.year] = step
        befores = snapshots([step for steps in here.values() for step in steps.values()], TargetStep)
        written = []
        for row in telling:
            wanted, now = dict(row.values["steps"] or {}), here[row.record.pk]
            for year in sorted({*wanted, *now}):
                if year not in now:
                    step = TargetStep(target_id=row.record.pk, year=year, value=wanted[year])
                    written.append(Written(row.number, step, ImportAction.CREATE, None))
                elif year not in wanted:
                    step = now[year]
                    written.append(Written(row.number, step, ImportAction.DELETE, befores[step.pk]))
                elif wanted[year] != now[year].value:
                    step = now[year]
                    step.value = wanted[year]
                    TargetStep.objects.filter(pk=step.pk).update(value=step.value)
                    written.append(Written(row.number, step, ImportAction.UPDATE, befores[step.pk]))
        fresh = [item.record for item in written if item.action == ImportAction.CREATE]
        TargetStep.objects.bulk_create(fresh, batch_size=BATCH)
        return written


def broken_rules(step: TargetStep) -> list[str]:
    """What a step's own rules say against it."""
    try:
        step.full_clean(exclude=["target"], validate_unique=False, validate_constraints=False)
    except ValidationError as exc:
        return exc.messages
    return [] if step.value >= 0 else [_("The value is 0 or more.")]


def steps_text(steps: dict[int, Any]) -> str:
    return listed(f"{year}: {value.normalize():f}" for year, value in sorted(steps.items()))


def read_in_unit(row: Row, name: str) -> None:
    """A number in the unit of the row's indicator: written with % only where that unit is %."""
    number = row.values.get(name)
    if not isinstance(number, Number):
        return
    row.values[name] = number.value
    note_form(row, name, [number])


def note_form(row: Row, name: str, numbers: Iterable[Number]) -> None:
    """Keep which numbers are written with % or a unit: whether they may be is known when the row's indicator is."""
    if any(number.percent for number in numbers):
        row.extra.setdefault("percent", []).append(name)
    for unit in {number.unit for number in numbers if number.unit}:
        row.extra.setdefault("units", []).append((name, unit))


def judge_form(kind: Kind, row: Row) -> None:
    """A number may be written with % only where that is the unit of its indicator, and with no unit but that one."""
    if not row.record.indicator_id:
        return
    indicator = row.record.indicator
    labels = {"indicator": indicator.code, "unit": indicator.unit_text}
    for name in row.extra.get("percent", []) if indicator.unit != "%" else []:
        message = _("The unit of %(indicator)s is %(unit)s, not %%. Write the number in that unit.")
        row.fault(kind.column(name), "percent", message % labels)
    written = [("unit", row.values["unit"])] if row.values.get("unit") else []
    for name, unit in [*written, *row.extra.get("units", [])]:
        if not indicator.is_unit(unit):
            message = _("The unit of %(indicator)s is %(unit)s, not “%(word)s”. Write the value in that unit.")
            row.fault(kind.column(name), "unit", message % {**labels, "word": short(unit)})


def unit_column() -> Column:
    """The unit of a row's values. It may be left out; where it is given it has to be the indicator's."""
    return Column(
        "unit",
        gettext_lazy("unit"),
        "text",
        stored=False,
        attribute="indicator.unit_text",
        aliases=("单位", "计量单位"),
        help=gettext_lazy("The unit of the values, to be checked against the indicator’s, for example t or 万吨."),
    )


class Readings(OfPilot):
    """A value that differs from the newest version is entered as the next one; no version is ever overwritten."""

    name = "readings"
    model = Reading
    keys = (("pilot", "indicator", "period"),)
    related = ("pilot__batch", "indicator")

    def changed(self, name: str) -> dict[str, Any]:
        return IN_UNIT if name == "value" else super().changed(name)

    def more_columns(self) -> list[Column]:
        return [
            Column(
                "version",
                gettext_lazy("version"),
                "whole",
                stored=False,
                help=gettext_lazy(
                    "Written by exports: the version that you saw. Change the value, and the row is entered as the "
                    "next version. Leave it empty for a new value."
                ),
            ),
            unit_column(),
        ]

    def prepare(self, row: Row, by: Any) -> None:
        read_in_unit(row, "value")

    def match_key(self, rows: Sequence[Row], key: tuple[str, ...]) -> None:
        """The newest version of the value, or the version that the row names."""
        found: dict[Any, list[Reading]] = defaultdict(list)
        for readings in self.by_field("pilot", [row.values["pilot"] for row in rows]).values():
            for reading in readings:
                found[reading.pilot_id, reading.indicator_id, reading.period].append(reading)
        for row in rows:
            versions = sorted(found.get(key_of(row, key), []), key=lambda reading: reading.version)
            row.extra["versions"] = versions
            asked = row.values.get("version")
            fits = [reading for reading in versions if asked in (None, reading.version)]
            if fits:
                take(row, fits[-1])
            elif asked is not None and asked != 1:
                message = _("There is no version %(version)s. Clear the cell to enter the value.")
                row.lose(self.column("version"), "unknown_record", message % {"version": asked})

    def match(self, rows: Sequence[Row], library: Library) -> None:
        """A row whose value differs from the record it names becomes the next version."""
        super().match(rows, library)
        for row in rows:
            if row.found and self.differs(row):
                seen = row.record
                self.refuse_old_value(row)
                row.record, row.found, row.extra["seen"] = None, False, seen
                if row.values.get("accepted_on") == seen.accepted_on and seen.accepted_on:
                    row.values["accepted_on"] = today()

    def refuse_old_value(self, row: Row) -> None:
        """A row that names no version and says what has been corrected may come from an old file: nobody can tell."""
        newest = row.record
        for old in row.extra.get("versions", [])[:-1] if row.values.get("version") is None else []:
            if old.value == row.values.get("value") and row.values.get("value_status") in (None, old.value_status):
                message = _(
                    "This is version %(old)d, which version %(version)d (%(value)s) corrected. To go back to it, write "
                    "the number of that version."
                )
                labels = {"old": old.version, "version": newest.version, "value": newest.value_text}
                row.fault(self.column("value"), OVERTAKEN, message % labels)
                return

    def after(self, row: Row) -> None:
        judge_form(self, row)

    def ready(self, row: Row) -> None:
        if row.found and not self.moved(row):
            row.record.fixed_checked = True

    def moved(self, row: Row) -> bool:
        """Whether the row puts a version in another place."""
        return any(row.before[name] != getattr(row.record, name) for name in Reading.FIXED)

    def differs(self, row: Row) -> bool:
        """Whether the row says another value, at the same place, than the record it names."""
        record = row.record
        place = all(
            name not in row.values or plain_key(row.values[name]) == own_key(record, (name,))[0]
            for name in self.keys[0]
        )
        same = all(row.values.get(name) in (None, getattr(record, name)) for name in ("value", "value_status"))
        return place and not same

    def judge(self, rows: Sequence[Row], by: Any) -> None:
        """Number the versions; refuse what was overtaken, and what jumps without a note."""
        groups: dict[int, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            if row.good:
                groups[row.record.pilot_id][row.record.indicator_id].append(row)
        for mine in groups.values():
            if any(not row.found for same in mine.values() for row in same):
                record = OnRecord(next(iter(mine.values()))[0].record.pilot)
                for indicator, same in mine.items():
                    self.judge_indicator(about(record, indicator), same)

    def judge_indicator(self, record: OnRecord, rows: Sequence[Row]) -> None:
        """Number and judge the new values of one pilot and indicator."""
        values = {id(row): value_of(row) for row in rows}
        for row in rows:
            if row.found:
                continue
            value = values[id(row)]
            row.record.version = record.next_version(value.place)
            newest = record.newest.get(value.place)
            if newest and newest.pk != value.known:
                message = _(
                    "Version %(version)d (%(value)s) was entered since. Write that version to follow it with yours."
                )
                row.fault(
                    self.column("version"),
                    OVERTAKEN,
                    message % {"version": newest.version, "value": newest.value_text},
                )
            elif fault := record.fault(value, values.values()):
                row.fault(self.column("value"), str(fault.code), " ".join(fault.messages))

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


def about(record: OnRecord, indicator: int) -> OnRecord:
    """What is on record of one indicator alone, so that a long file is not held against everything else."""
    part = copy(record)
    part.newest = {place: item for place, item in record.newest.items() if place[0] == indicator}
    part.bases = {place: item for place, item in record.bases.items() if place[0] == indicator}
    return part


def value_of(row: Row) -> Value:
    reading, seen = row.record, row.extra.get("seen")
    known = row.record.pk if row.found else seen and seen.pk
    return Value(reading.indicator, reading.period, reading.value, reading.value_status, known, reading.note)


KINDS: dict[str, Kind] = {
    kind.name: kind for kind in [*POLICY_KINDS, Pilots(), Stages(), Milestones(), Targets(), Readings()]
}
