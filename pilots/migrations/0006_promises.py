"""The model of promises. What 1.0.0 held is converted in rows and histories, and `migrate` prints what a person should
read; one transaction, so that an upgrade that is killed has changed nothing.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import core.days
import core.records.models
import core.text
import django.db.models.deletion
import pilots.models.pilot
import simple_history.models
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

REASON = "model of 1.0.0"
SHIPPED = "Shipped with the product"
DROPPED = {"reason_en": "as counted by version 1", "reason_zh": "按第1版规则计"}
WITHDRAWN = "withdrawn"
STAGES = {
    "recommended": ("Recommended", "推荐申报"),
    "reviewed": ("Reviewed by experts", "专家评审"),
    "listed": ("Listed", "入选公布"),
    "tasked": ("Task list received", "任务交办"),
    "plan_draft": ("Plan drafted", "方案编制"),
    "plan_issued": ("Plan issued", "方案印发"),
    "implementing": ("Implementing", "建设实施"),
    "midterm": ("Mid-term evaluation", "中期评估"),
    "final_eval": ("Final evaluation", "总结评估"),
    "promoted": ("Results promoted", "成果推广"),
}
ORDER = {stage: place for place, stage in enumerate(STAGES)}
FORMER_COLUMNS = {"targets": ("target_text_en", "target_text_zh"), "stages": ("planned_on",)}
"""Columns of shipped files that are no more: what was shipped before is compared without them."""


def upgrade(apps: Any, schema_editor: Any) -> None:
    """Convert the records; print what came of them."""
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    if on_postgresql:
        schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")
    work = Upgrade(apps, schema_editor.connection)
    work.run()
    if work.lines:
        sys.stdout.write("\n" + "".join(f"  {line}\n" for line in work.lines))
    if on_postgresql:  # it alters no table whose rows wait to be checked
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


def versions_of(entries: Iterable[Any], values: Callable[[Any], Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield what the history of one record says of another that came out of it: sign, values and entry, for each change
    of what `values` returns of an entry. None: there is none then.
    """
    before = None
    for entry in entries:
        now = None if entry.history_type == "-" else values(entry)
        if now != before:
            yield "-" if now is None else "+" if before is None else "~", now or before, entry
        before = now


def is_kept(row: Any) -> bool:
    """Whether a stage was entered: what was only planned, or a withdrawal, is no stage any more."""
    return row.entered_on is not None and row.stage != WITHDRAWN


def add_to_note(record: Any, en: str, zh: str) -> None:
    """Add a sentence to the note, in the languages that it is in."""
    in_english, in_chinese = bool(record.note_en or not record.note_zh), bool(record.note_zh or not record.note_en)
    if in_english:
        record.note_en = f"{record.note_en} {en}".strip()
    if in_chinese:
        record.note_zh = f"{record.note_zh}{zh}"


class Upgrade:
    """The conversion: what it knows of pilots, what it has made, and the lines that are printed."""

    def __init__(self, apps: Any, connection: Any) -> None:
        self.apps, self.now, self.lines = apps, timezone.now(), list[str]()
        self.events = apps.get_model("core", "ChangeEvent").objects
        self.transaction = 0
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id()::text::bigint")
                [self.transaction] = cursor.fetchone()
        self.links: dict[tuple[str, int, int], int] = {}  # rows of lists, by model, record and what it names
        self.tasks: dict[tuple[int, int], int] = {}  # milestones by pilot and indicator of a task in words
        starts: dict[int, Any] = {}
        self.starts, self.provinces, self.slugs = dict[int, Any](), dict[int, int](), dict[int, str]()
        for name in ("HistoricalBatch", "Batch"):  # the rows last: they are newer
            starts |= {row.id: row.term_start or row.known_by for row in self.rows(name).order_by("pk")}
        for name in ("HistoricalPilot", "Pilot"):
            for row in self.rows(name).order_by("pk"):
                self.starts[row.id] = row.term_start or starts.get(row.batch_id)
                self.provinces[row.id], self.slugs[row.id] = row.province_id, row.slug

    def run(self) -> None:
        self.events.filter(model="pilots.replan").update(model="pilots.amendment")
        self.promise()
        self.ask()
        self.date_readings()
        self.convert_completions()
        self.convert_tasks()
        self.convert_stages()
        self.convert_amendments()
        self.convert_causes()
        self.convert_shipments()
        self.convert_imports()

    # -- rows, entries and events

    def rows(self, name: str) -> Any:
        return self.apps.get_model("pilots", name).objects

    def histories(self, name: str, which: Q) -> dict[int, list[Any]]:
        """Return the entries of each record that is, or ever was, as the condition says, in their order."""
        past, rows = self.rows(f"Historical{name}"), self.rows(name).filter(which).order_by("pk")
        found: dict[int, list[Any]] = {key: [] for key in rows.values_list("pk", flat=True)}
        for entry in past.filter(id__in=past.filter(which).values("id")).order_by("history_id"):
            found.setdefault(entry.id, []).append(entry)
        return dict(sorted(found.items()))

    def sources_of(self, name: str, entry: Any) -> tuple[int, ...]:
        rows = self.rows(f"Historical{name}_sources").filter(history_id=entry.pk)
        return tuple(sorted(rows.values_list("source_id", flat=True)))

    def tell(self, name: str, values: dict[str, Any], sign: str, entry_id: int, like: Any, **other: Any) -> None:
        """Write the event of an entry: of the system and of now, or `like` one of 1.0.0."""
        pilot = values.get("pilot_id")
        event = {
            "key": str(values["id"]),
            "owner_model": "pilots.pilot" if pilot else "",
            "owner_id": pilot,
            "province_id": self.provinces.get(pilot) if pilot else values.get("province_id"),
            "at": like.history_date if like else self.now,
            "user_id": like.history_user_id if like else None,
            "reason": (like.history_change_reason or "") if like else REASON,
        }
        model = f"pilots.{name.lower()}"
        self.events.create(
            model=model, record_id=values["id"], entry_id=entry_id, action=sign, transaction=self.transaction,
            **event | other,
        )

    def enter(self, name: str, values: dict[str, Any], sign: str, like: Any = None, **other: Any) -> None:
        """Write an entry of a history, with its lists and its event. Lists are the values of `sources` and the like."""
        fields = {field.attname for field in self.apps.get_model("pilots", f"Historical{name}")._meta.concrete_fields}
        entry = self.rows(f"Historical{name}").create(
            **{key: value for key, value in values.items() if key in fields},
            history_type=sign,
            history_date=like.history_date if like else self.now,
            history_user_id=like.history_user_id if like else None,
            history_change_reason=like.history_change_reason if like else REASON,
        )
        for field in self.apps.get_model("pilots", name)._meta.many_to_many:
            owner, target = field.m2m_field_name(), field.m2m_reverse_field_name()
            for key in values.get(field.name, ()):
                link = self.links.setdefault((f"{name}.{field.name}", values["id"], key), -1 - len(self.links))
                self.rows(f"Historical{name}_{field.name}").create(
                    history_id=entry.pk, id=link, **{f"{owner}_id": values["id"], f"{target}_id": key}
                )
        self.tell(name, values, sign, entry.pk, like, **other)

    def note(self, name: str, record: Any, sign: str = "~", **other: Any) -> None:
        """Write the system's own entry of a record as it is."""
        values = {field.attname: getattr(record, field.attname) for field in record._meta.concrete_fields}
        for field in record._meta.many_to_many:
            values[field.name] = self.load_links(name, record, field)
        self.enter(name, values, sign, **other)

    def load_links(self, name: str, record: Any, field: Any) -> list[int]:
        owner, target = field.m2m_column_name(), field.m2m_reverse_name()
        rows = field.remote_field.through.objects.filter(**{owner: record.pk}).order_by("pk").values_list("pk", target)
        self.links |= {(f"{name}.{field.name}", record.pk, key): link for link, key in rows}
        return [key for _link, key in rows]

    def make(self, name: str, values: dict[str, Any] | None, versions: list[tuple[str, Any, Any]]) -> Any:
        """Make a record with these values and the history of these versions, then the system's entry; without values one
        that was deleted. Return it, None where there never was one.
        """
        if values is None and not versions:
            return None
        given = dict(values or versions[-1][1])
        sources = given.pop("sources", ())
        record = self.rows(name).create(**given)
        key = record.pk
        if values is None:
            self.rows(name).filter(pk=key)._raw_delete(self.rows(name).db)  # noqa: SLF001
        elif sources:
            record.sources.set(sources)
        for field in record._meta.many_to_many:
            self.load_links(name, record, field)
        for sign, then, entry in versions:
            self.enter(name, {**then, "id": key}, sign, entry)
        if values is not None:
            there = versions and versions[-1][0] != "-"
            self.note(name, record, "~" if there else "+")
        return record

    def prune(self, name: str, entries: list[Any], keep: Callable[[Any], bool]) -> None:
        """Take the versions out of a history that are another record's now. What is left begins with +, and ends with -
        where the next version is none of it.
        """
        model, before = f"pilots.{name.lower()}", None
        if all(keep(entry) for entry in entries):
            return
        for entry in entries:
            stays = entry.history_type != "-" and keep(entry)
            sign = ("+" if before is None else entry.history_type) if stays else "-" if before else ""
            event = self.events.filter(model=model, entry_id=entry.pk)
            if not sign:
                self.rows(f"Historical{name}_sources").filter(history_id=entry.pk).delete()
                event.delete()
                entry.delete()
            elif sign != entry.history_type:
                if sign == "-":
                    for field in self.apps.get_model("pilots", name)._meta.concrete_fields:
                        setattr(entry, field.attname, getattr(before, field.attname))
                entry.history_type = sign
                entry.save()
                event.update(action=sign)
            before = entry if stays else None

    def remove(self, name: str, record: Any) -> None:
        """Delete a record that has become another; its event has no entry, since no version of it is left."""
        key = record.pk
        self.tell(name, {"id": key, "province_id": self.provinces.get(record.pilot_id)}, "-", -key, None)
        record.delete()

    def count(self, number: int, text: str) -> None:
        if number:
            self.lines.append(f"{number} {text}")

    # -- columns that are filled in

    def promise(self) -> None:
        """What was promised counts from the start of the term, or the day by which the batch is known."""
        for name in ("Target", "HistoricalTarget", "Milestone", "HistoricalMilestone"):
            for pilot, day in self.starts.items():
                self.rows(name).filter(pilot_id=pilot).update(promised_on=day)

    def ask(self) -> None:
        """Batches with accepted values are asked for reports from the year of the upgrade on."""
        year = timezone.localdate().year
        accepted = self.rows("Reading").filter(state="accepted").values("pilot__batch")
        for batch in self.rows("Batch").filter(pk__in=accepted).order_by("pk"):
            self.rows("Batch").filter(pk=batch.pk).update(asked_from=year)
            self.rows("HistoricalBatch").filter(id=batch.pk).update(asked_from=year)
            self.lines.append(f"Batch {batch.slug}: reports are asked for from {year} on")

    def date_readings(self) -> None:
        """Give the states of readings their days, in every version; a value that was accepted again gets a next version."""
        withheld = Q(state="reported", accepted_on__isnull=False)
        again = returned = disputed = unaccepted = 0
        for key, entries in self.histories("Reading", Q(state="disputed") | withheld).items():
            kind, since, was_disputed = "", None, False
            for entry in entries:
                kind, since, was_disputed = self.date_reading(entry, kind, since, was_disputed)
            row = self.rows("Reading").filter(pk=key).first()
            if row is None:
                continue
            if self.kind_of(row) != kind:  # no entry says so
                kind, since, was_disputed = self.kind_of(row), row.accepted_on or row.reported_on, False
            self.set_days(row, kind, since)
            if kind == "withheld":
                self.note("Reading", row)
            returned, disputed = returned + (kind == "returned"), disputed + (kind == "disputed")
            unaccepted += kind == "withheld"
            if kind == "accepted" and was_disputed:
                again += self.accept_again(row, since)
        self.count(returned, "disputed values that were never accepted: returned")
        self.count(disputed, "accepted values that were disputed since: they count until another one is accepted")
        self.count(again, "values that were disputed and accepted again: a next version with the same value")
        self.count(unaccepted, "values that were taken back to “reported” keep no day of acceptance")

    def date_reading(self, entry: Any, kind: str, since: Any, was_disputed: bool) -> tuple[str, Any, bool]:
        now = self.kind_of(entry)
        if now != kind:
            kind, since, was_disputed = now, timezone.localdate(entry.history_date), was_disputed or kind == "disputed"
        self.set_days(entry, kind, since)
        return kind, since, was_disputed

    @staticmethod
    def kind_of(row: Any) -> str:
        """Return what the state of 1.0.0 means, with the day of acceptance; only an accepted value counted."""
        if row.state == "disputed":
            return "disputed" if row.accepted_on else "returned"
        if row.state == "reported" and row.accepted_on:
            return "withheld"
        return str(row.state)

    @staticmethod
    def set_days(row: Any, kind: str, since: Any) -> None:
        if kind == "returned":
            row.returned_on = since
        elif kind == "disputed":
            row.disputed_on = max(since, row.accepted_on)
        elif kind == "withheld":
            row.accepted_on = None
        else:
            return
        row.save(update_fields=["returned_on", "disputed_on", "accepted_on"])

    def accept_again(self, row: Any, on: date) -> bool:
        """Add a version with the same value, accepted on the day of the second acceptance, if there is none since."""
        same = {name: getattr(row, name) for name in ("pilot_id", "indicator_id", "period")}
        if self.rows("Reading").filter(**same, version__gt=row.version).exists():
            return False
        sources, version = list(row.sources.values_list("pk", flat=True)), row.version
        for used in self.rows("HistoricalReading").filter(**same).values_list("version", flat=True):
            version = max(version, used)
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.name != "id"}
        values |= {"version": version + 1, "accepted_on": max(on, row.reported_on), "sources": sources}
        self.make("Reading", values, [])
        return True

    # -- completions

    def convert_completions(self) -> None:
        rows, made = self.rows("Milestone").filter(completed_on__isnull=False).in_bulk(), 0
        for key, entries in self.histories("Milestone", Q(completed_on__isnull=False)).items():
            made += self.complete(key, rows.get(key), entries, "completed_on")
        self.count(made, "milestones were completed: the day of the entry is that of their history")
        for row in self.rows("Milestone").filter(completed_on=None).exclude(evidence="").order_by("pk"):
            add_to_note(row, f"Evidence: {row.evidence}", f"依据：{row.evidence}")
            row.save(update_fields=["note_en", "note_zh"])
            self.note("Milestone", row)
            self.lines.append(f"Milestone {row.pk} is not completed: its evidence is in its note")

    def complete(self, milestone: int, row: Any, entries: list[Any], field: str) -> bool:
        """Make the completion of a milestone, with the history of its day and its evidence; return whether it is one."""
        day = by = entered = None

        def values(entry: Any) -> Any:
            nonlocal day, by, entered
            if getattr(entry, field) != day:
                day, by = getattr(entry, field), entry.history_user_id
                entered = day and max(day, timezone.localdate(entry.history_date))
            evidence = getattr(entry, "evidence", "")
            return day and completion(entry.pilot_id, evidence)

        def completion(pilot: int, evidence: str) -> dict[str, Any]:
            return {
                "pilot_id": pilot, "milestone_id": milestone, "completed_on": day, "entered_on": entered,
                "entered_by_id": by, "evidence": evidence,
            }

        versions = list(versions_of(entries, values))
        if row is None or getattr(row, field) is None:
            self.make("Completion", None, versions)
            return False
        if getattr(row, field) != day:  # no entry says so
            day, by, entered = getattr(row, field), None, getattr(row, field)
        self.make("Completion", completion(row.pilot_id, getattr(row, "evidence", "")), versions)
        return True

    # -- tasks in words

    def convert_tasks(self) -> None:
        """Make milestones of the targets in words; those that were shipped, and nobody touched, are gone: they are
        shipped anew in their new form."""
        rows = self.rows("Target").filter(kind="text").in_bulk()
        causes = set(self.rows("FollowUp").filter(cause="indicator").values_list("pilot_id", "cause_indicator_id"))
        shipments = self.apps.get_model("core", "SeedRecord").objects.filter(kind="targets")
        shipped = set(shipments.values_list("record_id", flat=True))
        gone = 0
        for key, entries in self.histories("Target", Q(kind="text")).items():
            row = rows.get(key)
            untouched = entries and all(entry.history_change_reason == SHIPPED for entry in entries)
            if row and key in shipped and untouched and (row.pilot_id, row.indicator_id) not in causes:
                shipments.filter(record_id=key).delete()
                gone += 1
            else:
                values = self.task_values(row, row.sources.values_list("pk", flat=True)) if row else None
                versions = list(versions_of(entries, self.task_version))
                milestone = self.make("Milestone", values, versions)
                self.complete(milestone.pk, row, entries, "done_on")
                if row:
                    self.tasks[row.pilot_id, row.indicator_id] = milestone.pk
            self.prune("Target", entries, lambda entry: entry.kind != "text")
            if row:
                lost = [str(item) for item in (row.base_year, row.base_value, row.target_value) if item is not None]
                if lost or row.steps:
                    numbers = ", ".join([*lost, *(f"{year}: {value}" for year, value in row.steps.items())])
                    self.lines.append(f"Target {key} of {self.slugs[row.pilot_id]} was a task with numbers: {numbers}")
                self.remove("Target", row)
        self.count(len(self.tasks), "tasks in words became milestones")
        self.count(gone, "shipped tasks in words that nobody changed were deleted: load_records brings them as targets")

    def task_version(self, entry: Any) -> Any:
        return self.task_values(entry, self.sources_of("Target", entry)) if entry.kind == "text" else None

    def task_values(self, row: Any, sources: Iterable[int]) -> dict[str, Any]:
        return {
            "pilot_id": row.pilot_id, "indicator_id": row.indicator_id, "facet": "goal",
            "title_en": row.target_text_en, "title_zh": row.target_text_zh,
            "planned_on": date(row.target_year, 12, 31), "is_key": row.binding,
            "promised_on": self.starts.get(row.pilot_id), "confidence": row.confidence,
            "note_en": row.note_en, "note_zh": row.note_zh, "sources": sorted(sources),
        }

    # -- planned stages

    def convert_stages(self) -> None:
        """Make key milestones of the stages that were planned. Entries keep the day on which they were entered; those
        that never were, are gone.
        """
        rows, entered, made = self.rows("StageEntry").in_bulk(), defaultdict(list), 0
        for row in rows.values():
            if row.entered_on:
                entered[row.pilot_id].append(row)
        which = Q(planned_on__isnull=False) | Q(entered_on__isnull=True) | Q(stage=WITHDRAWN)
        asked = self.rows("Amendment").filter(stage_entry_id__isnull=False).values_list("stage_entry_id", flat=True)
        histories = self.histories("StageEntry", which)
        for key in sorted({*histories, *asked}):
            row, entries = rows.get(key), histories.get(key, [])
            planned = row and row.stage in STAGES and (row.planned_on or self.accepted_day(row))
            values, others = None, entered[row.pilot_id] if row else []
            if planned:
                values = self.stage_values(row, planned, row.sources.values_list("pk", flat=True))
                values["promised_on"] = self.promised(row, planned, others)
            versions = list(versions_of(entries, self.stage_version(values)))
            milestone = self.make("Milestone", values, versions)
            if planned:
                made += 1
                if row.entered_on is None:
                    self.drop(row, milestone, others)
            self.follow_amendments(key, milestone, planned)
            self.prune("StageEntry", entries, is_kept)
            if row and not is_kept(row):
                self.take_off(row, milestone if planned else None)
        self.count(made, "planned stages became key milestones")

    def accepted_day(self, row: Any) -> Any:
        accepted = self.rows("Amendment").filter(stage_entry_id=row.pk, accepted=True).order_by("decided_on", "pk")
        return accepted.values_list("day", flat=True).first()

    def stage_version(self, values: Any) -> Callable[[Any], Any]:
        """Return the function of an entry that says what was planned then."""

        def version(entry: Any) -> Any:
            if entry.planned_on is None or entry.stage not in STAGES:
                return None
            then = self.stage_values(entry, entry.planned_on, self.sources_of("StageEntry", entry))
            days = (then["promised_on"], entry.planned_on, values and values["promised_on"])
            return then | {"promised_on": min(day for day in days if day)}

        return version

    def stage_values(self, row: Any, planned: date, sources: Iterable[int]) -> dict[str, Any]:
        title_en, title_zh = STAGES[row.stage]
        values = {
            "pilot_id": row.pilot_id, "stage": row.stage, "facet": "management", "title_en": title_en,
            "title_zh": title_zh, "planned_on": planned, "is_key": True, "promised_on": self.starts.get(row.pilot_id),
            "confidence": row.confidence, "note_en": row.note_en, "note_zh": row.note_zh, "sources": sorted(sources),
        }
        if row.entered_on is None:  # the entry goes: what it said stays
            values["note_en"] = " ".join(filter(None, [row.note_en, row.reason_en, row.evidence]))
            in_chinese = row.note_zh or row.reason_zh
            values["note_zh"] = in_chinese and "".join(filter(None, [row.note_zh, row.reason_zh, row.evidence]))
        return values

    def promised(self, row: Any, planned: date, others: list[Any]) -> date:
        """Return from when on a planned stage is promised: never after the day for which it was planned, nor after the
        entry that answers it. A return after rectifying is promised from after the entry before: that does not answer it.
        """
        start = self.starts.get(row.pilot_id) or planned
        answers = [row.entered_on] if row.entered_on else []
        before = self.entered_before_rectifying(row, planned, others)
        if before:
            start = max(start, before + timedelta(1))
        else:
            answers += [item.entered_on for item in others if item.stage == row.stage]
        return min([start, planned, *answers])

    @staticmethod
    def entered_before_rectifying(row: Any, planned: date, others: list[Any]) -> Any:
        """Return the last entry into the stage from which the pilot was ordered to rectify, if the plan is to return."""
        until = row.entered_on or date.max
        days = [item.entered_on for item in others if item.stage == row.stage and item.entered_on < until]
        last = max(days, default=None)
        orders = [item for item in others if item.stage == "rectifying" and last and last <= item.entered_on <= until]
        return last if orders and last < planned else None

    def drop(self, row: Any, milestone: Any, others: list[Any]) -> None:
        """Drop the milestone of a stage that a later one had passed over: it did not count any more."""
        before = self.entered_before_rectifying(row, milestone.planned_on, others) or date.min
        if any(item.stage == row.stage and item.entered_on > before for item in others):
            return  # it was entered, as another entry
        place = ORDER[row.stage]
        later = [item for item in others if ORDER.get(item.stage, 0) > place and item.entered_on > before]
        if not later:
            return
        first = min(later, key=lambda item: (item.entered_on, item.pk))
        asked = self.rows("Amendment").filter(stage_entry_id=row.pk, accepted=True)
        on = max([first.entered_on, *asked.values_list("decided_on", flat=True)])  # the last amendment holds
        values = {
            "pilot_id": row.pilot_id, "milestone_id": milestone.pk, "drop": True, "accepted": True, "asked_on": on,
            "decided_on": on, **DROPPED,
        }
        past = self.rows("HistoricalStageEntry").filter(id=first.pk, entered_on__isnull=False).order_by("history_id")
        since = past.first()  # from then on it was known
        if since:
            since.history_user_id, since.history_change_reason = None, REASON
        self.make("Amendment", values, [("+", values, since)] if since else [])
        self.lines.append(
            f"{self.slugs[row.pilot_id]}: stage “{STAGES[row.stage][0]}”, planned for {milestone.planned_on}, was passed "
            f"over on {on}: dropped, {DROPPED['reason_en']}"
        )

    def take_off(self, row: Any, milestone: Any) -> None:
        """Delete an entry that was never entered, or a withdrawal. Files go to the milestone, else off the record."""
        for item in self.rows("Attachment").filter(stage_entry_id=row.pk).order_by("pk"):
            owner = {"owner_model": "pilots.document", "owner_id": item.document_id, "province_id": item.province_id}
            if milestone:
                self.rows("HistoricalAttachment").filter(id=item.pk).update(stage_entry_id=None, milestone_id=milestone.pk)
                item.stage_entry_id, item.milestone_id = None, milestone.pk
                item.save()
            else:
                self.lines.append(f"Attachment {item.pk} of document {item.document_id} is taken off: its record is gone")
            self.note("Attachment", item, "~" if milestone else "-", **owner)
            if not milestone:
                item.delete()
        if row.stage not in (*STAGES, WITHDRAWN):
            self.lines.append(f"{self.slugs[row.pilot_id]}: “{row.stage}”, planned for {row.planned_on}, is removed")
        if row.stage == WITHDRAWN:
            self.withdraw(row)
        self.remove("StageEntry", row)

    def follow_amendments(self, stage: int, milestone: Any, planned: Any) -> None:
        """Let what was asked for a planned stage follow its milestone; without one it goes."""
        past = self.rows("HistoricalAmendment").filter(stage_entry_id=stage)
        past.update(stage_entry_id=None, milestone_id=milestone and milestone.pk)
        asked = self.rows("Amendment").filter(stage_entry_id=stage)
        if planned:
            asked.update(stage_entry_id=None, milestone_id=milestone.pk)
            return
        for row in asked.order_by("pk"):
            self.lines.append(f"{self.slugs[row.pilot_id]}: the day {row.day}, asked for a stage that is not planned, goes")
            row.stage_entry_id = None
            self.note("Amendment", row, "-")
            row.delete()

    def withdraw(self, row: Any) -> None:
        """Keep the last stage “withdrawn” as the day of withdrawal of its pilot, with what it says."""
        pilot = self.rows("Pilot").get(pk=row.pilot_id)
        others = self.rows("StageEntry").filter(pilot_id=row.pilot_id, entered_on__isnull=False).exclude(pk=row.pk)
        said = " ".join(filter(None, [row.evidence, row.reason_en, row.note_en]))
        said_zh = "".join(filter(None, [row.evidence, row.reason_zh, row.note_zh]))
        line = f"{pilot.slug}: stage “withdrawn” of {row.entered_on or row.planned_on}"
        if pilot.withdrawn_on or not row.entered_on or others.filter(entered_on__gt=row.entered_on).exists():
            why = f"withdrawn on {pilot.withdrawn_on}" if pilot.withdrawn_on else "not its last stage"
            self.lines.append(f"{line} is removed ({why}){f': {said or said_zh}' if said or said_zh else ''}")
            return
        pilot.withdrawn_on = row.entered_on
        if said or said_zh:
            add_to_note(pilot, f"Withdrawn: {said or said_zh}", f"退出：{said_zh or said}")
        pilot.save(update_fields=["withdrawn_on", "note_en", "note_zh"])
        pilot.sources.add(*row.sources.all())
        owner = {"owner_model": "", "owner_id": None, "key": pilot.slug, "province_id": pilot.province_id}
        self.note("Pilot", pilot, **owner)
        self.lines.append(f"{line} is the day of its withdrawal now")

    # -- what names another model

    def convert_amendments(self) -> None:
        """Replans are amendments: each is told of under its new name."""
        for row in self.rows("Amendment").filter(drop=False).order_by("pk"):
            self.note("Amendment", row)

    def convert_causes(self) -> None:
        """Name the target in the place of its indicator, or the milestone that a task in words has become."""
        targets = {(row.pilot_id, row.indicator_id): row.pk for row in self.rows("Target").order_by("pk")}
        for row in self.rows("FollowUp").filter(cause="indicator").order_by("pk"):
            key = (row.pilot_id, row.cause_indicator_id)
            target, milestone = targets.get(key), self.tasks.get(key)
            cause = {
                "cause": "indicator" if target else "milestone" if milestone else "pilot",
                "cause_target_id": target,
                "cause_milestone_id": None if target else milestone,
            }
            for name in ("FollowUp", "HistoricalFollowUp"):
                self.rows(name).filter(id=row.pk, cause="indicator").update(**cause)
            row.refresh_from_db()
            if not target:
                owner = {"owner_model": "", "owner_id": None, "key": row.number, "province_id": row.province_id}
                self.note("FollowUp", row, **owner)
                what = "a task in words, a milestone now" if milestone else "a target that is gone: the pilot’s light"
                self.lines.append(f"Follow-up {row.number} was caused by {what}")

    def convert_shipments(self) -> None:
        """Compare what was shipped without the columns that are gone; a target is known by its kind and year, too. One in
        words that was edited keeps its mark, so that it does not come as a target beside its milestone."""
        for kind, columns in FORMER_COLUMNS.items():
            for item in self.apps.get_model("core", "SeedRecord").objects.filter(kind=kind):
                item.values = {name: text for name, text in item.values.items() if name not in columns}
                if kind == "targets":
                    of_kind = item.values["kind"].replace("text", "") or "reach"
                    item.key = f"{item.key}|{of_kind}|{item.values['target_year']}"
                item.save(update_fields=["key", "values"])

    def convert_imports(self) -> None:
        """What was checked and not confirmed is checked again, and what was confirmed is not undone: rows of a file mean
        something else now."""
        checked = self.apps.get_model("core", "ImportFile").objects.filter(record__state="checked")
        for item in checked.only("report"):
            item.report["fingerprints"] = []  # of what the rows would do
            item.save(update_fields=["report"])
        self.count(checked.count(), "imports that were checked have to be checked again")
        kept = self.apps.get_model("core", "Import").objects.filter(state="confirmed").update(undo_reason=REASON)
        self.count(kept, "confirmed imports are not undone any more")


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0001_initial'),
        ('pilots', '0005_practices_as_a_plain_library'),
        ('policies', '0006_industry_gb_codes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel(
            old_name='Replan',
            new_name='Amendment',
        ),
        migrations.RenameModel(
            old_name='HistoricalReplan',
            new_name='HistoricalAmendment',
        ),
        migrations.CreateModel(
            name='Completion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('completed_on', models.DateField(help_text='The day on which it was done.', validators=[core.records.models.check_not_ahead], verbose_name='completed on')),
                ('entered_on', models.DateField(default=core.days.today, editable=False, help_text='Entered more than 30 days late, it counts from this day on.', verbose_name='entered on')),
                ('evidence', models.CharField(blank=True, help_text='What shows that it is done: a document’s title and number, or an address; or attach a file.', max_length=300, validators=[core.text.check_text], verbose_name='evidence')),
                ('objected_on', models.DateField(blank=True, editable=False, help_text='From this day on it does not count.', null=True, verbose_name='objected on')),
                ('objection', models.CharField(blank=True, help_text='Why it does not count: it is shown beside the light.', max_length=300, validators=[core.text.check_text], verbose_name='objection')),
            ],
            options={
                'verbose_name': 'completion',
                'verbose_name_plural': 'completions',
                'ordering': ['entered_on', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Deadline',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(help_text='The year of the values, for example 2025.', verbose_name='year')),
                ('due_on', models.DateField(blank=True, help_text='Not before today. Empty: the values are not asked for.', null=True, verbose_name='due on')),
                ('reason', models.CharField(help_text='Shown where the day is shown.', max_length=300, validators=[core.text.check_text], verbose_name='reason')),
                ('decided_on', models.DateField(default=core.days.today, editable=False, validators=[core.records.models.check_not_ahead], verbose_name='decided on')),
            ],
            options={
                'verbose_name': 'deadline',
                'verbose_name_plural': 'deadlines',
                'ordering': ['decided_on', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalCompletion',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('completed_on', models.DateField(help_text='The day on which it was done.', validators=[core.records.models.check_not_ahead], verbose_name='completed on')),
                ('entered_on', models.DateField(default=core.days.today, editable=False, help_text='Entered more than 30 days late, it counts from this day on.', verbose_name='entered on')),
                ('evidence', models.CharField(blank=True, help_text='What shows that it is done: a document’s title and number, or an address; or attach a file.', max_length=300, validators=[core.text.check_text], verbose_name='evidence')),
                ('objected_on', models.DateField(blank=True, editable=False, help_text='From this day on it does not count.', null=True, verbose_name='objected on')),
                ('objection', models.CharField(blank=True, help_text='Why it does not count: it is shown beside the light.', max_length=300, validators=[core.text.check_text], verbose_name='objection')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical completion',
                'verbose_name_plural': 'historical completions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalDeadline',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(help_text='The year of the values, for example 2025.', verbose_name='year')),
                ('due_on', models.DateField(blank=True, help_text='Not before today. Empty: the values are not asked for.', null=True, verbose_name='due on')),
                ('reason', models.CharField(help_text='Shown where the day is shown.', max_length=300, validators=[core.text.check_text], verbose_name='reason')),
                ('decided_on', models.DateField(default=core.days.today, editable=False, validators=[core.records.models.check_not_ahead], verbose_name='decided on')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical deadline',
                'verbose_name_plural': 'historical deadlines',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalNotGiven',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('returned_on', models.DateField(blank=True, editable=False, help_text='Sent back by the ministry, with a reason.', null=True, verbose_name='returned on')),
                ('answer_by', models.DateField(blank=True, help_text='Until when what was returned is to be answered.', null=True, verbose_name='answer by')),
                ('year', models.PositiveSmallIntegerField(help_text='The year without a value, for example 2025.', verbose_name='year')),
                ('text', models.CharField(help_text='Why there is none. It is never published.', max_length=500, validators=[core.text.check_text], verbose_name='reason')),
                ('reported_on', models.DateField(default=core.days.today, editable=False, help_text='Handed in on.', validators=[core.records.models.check_not_ahead], verbose_name='reported on')),
                ('accepted_on', models.DateField(blank=True, editable=False, help_text='From this day on it is not overdue.', null=True, verbose_name='accepted on')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical value not given',
                'verbose_name_plural': 'historical values not given',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='NotGiven',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('returned_on', models.DateField(blank=True, editable=False, help_text='Sent back by the ministry, with a reason.', null=True, verbose_name='returned on')),
                ('answer_by', models.DateField(blank=True, help_text='Until when what was returned is to be answered.', null=True, verbose_name='answer by')),
                ('year', models.PositiveSmallIntegerField(help_text='The year without a value, for example 2025.', verbose_name='year')),
                ('text', models.CharField(help_text='Why there is none. It is never published.', max_length=500, validators=[core.text.check_text], verbose_name='reason')),
                ('reported_on', models.DateField(default=core.days.today, editable=False, help_text='Handed in on.', validators=[core.records.models.check_not_ahead], verbose_name='reported on')),
                ('accepted_on', models.DateField(blank=True, editable=False, help_text='From this day on it is not overdue.', null=True, verbose_name='accepted on')),
            ],
            options={
                'verbose_name': 'value not given',
                'verbose_name_plural': 'values not given',
                'ordering': ['pilot', 'indicator', 'year', 'pk'],
            },
        ),
        migrations.AlterModelOptions(
            name='amendment',
            options={'ordering': ['pk'], 'verbose_name': 'amendment', 'verbose_name_plural': 'amendments'},
        ),
        migrations.AlterModelOptions(
            name='historicalamendment',
            options={'get_latest_by': ('history_date', 'history_id'), 'ordering': ('-history_date', '-history_id'), 'verbose_name': 'historical amendment', 'verbose_name_plural': 'historical amendments'},
        ),
        migrations.AlterModelOptions(
            name='target',
            options={'ordering': ['pilot', 'indicator', 'target_year', 'pk'], 'verbose_name': 'target', 'verbose_name_plural': 'targets'},
        ),
        migrations.RemoveConstraint(
            model_name='amendment',
            name='replan_one_item',
        ),
        migrations.RemoveConstraint(
            model_name='amendment',
            name='replan_has_reason',
        ),
        migrations.RemoveConstraint(
            model_name='amendment',
            name='replan_decided_on_a_day',
        ),
        migrations.RemoveConstraint(
            model_name='amendment',
            name='replan_refusal_has_remark',
        ),
        migrations.RemoveConstraint(
            model_name='amendment',
            name='replan_milestone_waits_once',
        ),
        migrations.RemoveConstraint(
            model_name='amendment',
            name='replan_stage_waits_once',
        ),
        migrations.RemoveConstraint(
            model_name='followup',
            name='followup_cause_fits',
        ),
        migrations.RemoveConstraint(
            model_name='reading',
            name='reading_value_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='reading',
            name='reading_accepted_has_a_day',
        ),
        migrations.RemoveConstraint(
            model_name='reading',
            name='reading_state_known',
        ),
        migrations.RemoveConstraint(
            model_name='stageentry',
            name='stageentry_planned_once',
        ),
        migrations.RemoveConstraint(
            model_name='stageentry',
            name='stageentry_has_a_day',
        ),
        migrations.RemoveConstraint(
            model_name='stageentry',
            name='stageentry_stage_known',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_one_per_indicator',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_has_value',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_base_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_value_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_text_has_words',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_done_only_for_text',
        ),
        migrations.RemoveConstraint(
            model_name='target',
            name='target_kind_known',
        ),
        migrations.AddField(
            model_name='amendment',
            name='base_value',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Of a target: another base value, for example after a census; with its year.', max_digits=20, null=True, verbose_name='base value'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='base_year',
            field=models.PositiveSmallIntegerField(blank=True, help_text='The year of this base value.', null=True, verbose_name='base year'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='drop',
            field=models.BooleanField(default=False, help_text='From the decision on it is judged no more.', verbose_name='drop it'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='steps',
            field=models.JSONField(blank=True, help_text='Values for years before the target year. Another value or base without them clears them.', null=True, verbose_name='steps'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='target',
            field=models.ForeignKey(blank=True, help_text='The target that is to be amended; or name a milestone.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='amendments', to='pilots.target', verbose_name='target'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='value',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Of a target: the value instead of the one that was promised.', max_digits=20, null=True, verbose_name='value'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='year',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Of a target: the year by whose end it is to be reached.', null=True, verbose_name='target year'),
        ),
        migrations.AddField(
            model_name='batch',
            name='asked_from',
            field=models.PositiveSmallIntegerField(blank=True, help_text='First year for which this installation asks its pilots for values. Empty: none is ever overdue.', null=True, verbose_name='reports asked from'),
        ),
        migrations.AddField(
            model_name='batch',
            name='report_due',
            field=models.CharField(default='03-31', help_text='Month and day of the next year, for example 03-31. A single year is moved by a deadline.', max_length=5, validators=[pilots.models.pilot.check_month_day], verbose_name='values due by'),
        ),
        migrations.AddField(
            model_name='followup',
            name='cause_target',
            field=models.ForeignKey(blank=True, help_text='Only where the light of a target caused it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='pilots.target', verbose_name='target of the cause'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='base_value',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Of a target: another base value, for example after a census; with its year.', max_digits=20, null=True, verbose_name='base value'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='base_year',
            field=models.PositiveSmallIntegerField(blank=True, help_text='The year of this base value.', null=True, verbose_name='base year'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='drop',
            field=models.BooleanField(default=False, help_text='From the decision on it is judged no more.', verbose_name='drop it'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='steps',
            field=models.JSONField(blank=True, help_text='Values for years before the target year. Another value or base without them clears them.', null=True, verbose_name='steps'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='target',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The target that is to be amended; or name a milestone.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.target', verbose_name='target'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='value',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Of a target: the value instead of the one that was promised.', max_digits=20, null=True, verbose_name='value'),
        ),
        migrations.AddField(
            model_name='historicalamendment',
            name='year',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Of a target: the year by whose end it is to be reached.', null=True, verbose_name='target year'),
        ),
        migrations.AddField(
            model_name='historicalbatch',
            name='asked_from',
            field=models.PositiveSmallIntegerField(blank=True, help_text='First year for which this installation asks its pilots for values. Empty: none is ever overdue.', null=True, verbose_name='reports asked from'),
        ),
        migrations.AddField(
            model_name='historicalbatch',
            name='report_due',
            field=models.CharField(default='03-31', help_text='Month and day of the next year, for example 03-31. A single year is moved by a deadline.', max_length=5, validators=[pilots.models.pilot.check_month_day], verbose_name='values due by'),
        ),
        migrations.AddField(
            model_name='historicalfollowup',
            name='cause_target',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='Only where the light of a target caused it.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.target', verbose_name='target of the cause'),
        ),
        migrations.AddField(
            model_name='historicalindicator',
            name='replaces',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The indicator that it follows, where the definition or the unit had to change.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.indicator', verbose_name='replaces'),
        ),
        migrations.AddField(
            model_name='historicalindicator',
            name='report_due',
            field=models.CharField(blank=True, help_text='Month and day of the next year, for example 10-31. Empty: that of the batch.', max_length=5, validators=[pilots.models.pilot.check_month_day], verbose_name='values due by'),
        ),
        migrations.AddField(
            model_name='historicalindicator',
            name='signed',
            field=models.BooleanField(default=False, help_text='For example a reduction, which is negative where it rose.', verbose_name='may be negative'),
        ),
        migrations.AddField(
            model_name='historicalmilestone',
            name='indicator',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The indicator that it serves, if there is one.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.indicator', verbose_name='indicator'),
        ),
        migrations.AddField(
            model_name='historicalmilestone',
            name='promised_on',
            field=models.DateField(blank=True, editable=False, help_text='From this day on it is judged. Empty: the ministry has not accepted it yet.', null=True, verbose_name='promised on'),
        ),
        migrations.AddField(
            model_name='historicalmilestone',
            name='stage',
            field=models.CharField(blank=True, choices=[('recommended', 'Recommended'), ('reviewed', 'Reviewed by experts'), ('listed', 'Listed'), ('tasked', 'Task list received'), ('plan_draft', 'Plan drafted'), ('plan_issued', 'Plan issued'), ('implementing', 'Implementing'), ('midterm', 'Mid-term evaluation'), ('final_eval', 'Final evaluation'), ('promoted', 'Results promoted')], help_text='The stage by whose entry it is completed. Empty: completions are entered.', max_length=12, verbose_name='stage'),
        ),
        migrations.AddField(
            model_name='historicalpilot',
            name='withdrawn_recorded_on',
            field=models.DateField(blank=True, editable=False, help_text='Entered more than 30 days late, a withdrawal counts from this day on.', null=True, verbose_name='withdrawal recorded on'),
        ),
        migrations.AddField(
            model_name='historicalreading',
            name='answer_by',
            field=models.DateField(blank=True, help_text='Until when what was returned is to be answered.', null=True, verbose_name='answer by'),
        ),
        migrations.AddField(
            model_name='historicalreading',
            name='disputed_on',
            field=models.DateField(blank=True, editable=False, help_text='Accepted before: it counts until another one is accepted.', null=True, verbose_name='disputed on'),
        ),
        migrations.AddField(
            model_name='historicalreading',
            name='returned_on',
            field=models.DateField(blank=True, editable=False, help_text='Sent back by the ministry, with a reason.', null=True, verbose_name='returned on'),
        ),
        migrations.AddField(
            model_name='historicalstageentry',
            name='recorded_on',
            field=models.DateField(blank=True, editable=False, help_text='Entered more than 30 days late, it counts from this day on. Empty: always from its own day.', null=True, verbose_name='recorded on'),
        ),
        migrations.AddField(
            model_name='historicalstageentry',
            name='result',
            field=models.CharField(blank=True, choices=[('passed', 'passed'), ('conditions', 'passed with conditions'), ('failed', 'failed')], help_text='Only of the mid-term and the final evaluation.', max_length=10, verbose_name='result'),
        ),
        migrations.AddField(
            model_name='historicaltarget',
            name='promised_on',
            field=models.DateField(blank=True, editable=False, help_text='From this day on it is judged. Empty: the ministry has not accepted it yet.', null=True, verbose_name='promised on'),
        ),
        migrations.AddField(
            model_name='indicator',
            name='replaces',
            field=models.ForeignKey(blank=True, help_text='The indicator that it follows, where the definition or the unit had to change.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='pilots.indicator', verbose_name='replaces'),
        ),
        migrations.AddField(
            model_name='indicator',
            name='report_due',
            field=models.CharField(blank=True, help_text='Month and day of the next year, for example 10-31. Empty: that of the batch.', max_length=5, validators=[pilots.models.pilot.check_month_day], verbose_name='values due by'),
        ),
        migrations.AddField(
            model_name='indicator',
            name='signed',
            field=models.BooleanField(default=False, help_text='For example a reduction, which is negative where it rose.', verbose_name='may be negative'),
        ),
        migrations.AddField(
            model_name='milestone',
            name='indicator',
            field=models.ForeignKey(blank=True, help_text='The indicator that it serves, if there is one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='milestones', to='pilots.indicator', verbose_name='indicator'),
        ),
        migrations.AddField(
            model_name='milestone',
            name='promised_on',
            field=models.DateField(blank=True, editable=False, help_text='From this day on it is judged. Empty: the ministry has not accepted it yet.', null=True, verbose_name='promised on'),
        ),
        migrations.AddField(
            model_name='milestone',
            name='stage',
            field=models.CharField(blank=True, choices=[('recommended', 'Recommended'), ('reviewed', 'Reviewed by experts'), ('listed', 'Listed'), ('tasked', 'Task list received'), ('plan_draft', 'Plan drafted'), ('plan_issued', 'Plan issued'), ('implementing', 'Implementing'), ('midterm', 'Mid-term evaluation'), ('final_eval', 'Final evaluation'), ('promoted', 'Results promoted')], help_text='The stage by whose entry it is completed. Empty: completions are entered.', max_length=12, verbose_name='stage'),
        ),
        migrations.AddField(
            model_name='pilot',
            name='withdrawn_recorded_on',
            field=models.DateField(blank=True, editable=False, help_text='Entered more than 30 days late, a withdrawal counts from this day on.', null=True, verbose_name='withdrawal recorded on'),
        ),
        migrations.AddField(
            model_name='reading',
            name='answer_by',
            field=models.DateField(blank=True, help_text='Until when what was returned is to be answered.', null=True, verbose_name='answer by'),
        ),
        migrations.AddField(
            model_name='reading',
            name='disputed_on',
            field=models.DateField(blank=True, editable=False, help_text='Accepted before: it counts until another one is accepted.', null=True, verbose_name='disputed on'),
        ),
        migrations.AddField(
            model_name='reading',
            name='returned_on',
            field=models.DateField(blank=True, editable=False, help_text='Sent back by the ministry, with a reason.', null=True, verbose_name='returned on'),
        ),
        migrations.AddField(
            model_name='stageentry',
            name='recorded_on',
            field=models.DateField(blank=True, editable=False, help_text='Entered more than 30 days late, it counts from this day on. Empty: always from its own day.', null=True, verbose_name='recorded on'),
        ),
        migrations.AddField(
            model_name='stageentry',
            name='result',
            field=models.CharField(blank=True, choices=[('passed', 'passed'), ('conditions', 'passed with conditions'), ('failed', 'failed')], help_text='Only of the mid-term and the final evaluation.', max_length=10, verbose_name='result'),
        ),
        migrations.AddField(
            model_name='target',
            name='promised_on',
            field=models.DateField(blank=True, editable=False, help_text='From this day on it is judged. Empty: the ministry has not accepted it yet.', null=True, verbose_name='promised on'),
        ),
        migrations.AlterField(
            model_name='amendment',
            name='day',
            field=models.DateField(blank=True, help_text='Of a milestone: the day by which it is to be done instead.', null=True, verbose_name='day'),
        ),
        migrations.AlterField(
            model_name='amendment',
            name='decided_on',
            field=models.DateField(blank=True, editable=False, help_text='An accepted amendment holds from then on.', null=True, verbose_name='decided on'),
        ),
        migrations.AlterField(
            model_name='amendment',
            name='milestone',
            field=models.ForeignKey(blank=True, help_text='The milestone that is to be amended; or name a target.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='amendments', to='pilots.milestone', verbose_name='milestone'),
        ),
        migrations.AlterField(
            model_name='amendment',
            name='pilot',
            field=models.ForeignKey(editable=False, help_text='The pilot that promised it.', on_delete=django.db.models.deletion.PROTECT, related_name='amendments', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AlterField(
            model_name='historicalamendment',
            name='day',
            field=models.DateField(blank=True, help_text='Of a milestone: the day by which it is to be done instead.', null=True, verbose_name='day'),
        ),
        migrations.AlterField(
            model_name='historicalamendment',
            name='decided_on',
            field=models.DateField(blank=True, editable=False, help_text='An accepted amendment holds from then on.', null=True, verbose_name='decided on'),
        ),
        migrations.AlterField(
            model_name='historicalamendment',
            name='milestone',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The milestone that is to be amended; or name a target.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.milestone', verbose_name='milestone'),
        ),
        migrations.AlterField(
            model_name='historicalamendment',
            name='pilot',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, help_text='The pilot that promised it.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AddField(
            model_name='completion',
            name='entered_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='entered by'),
        ),
        migrations.AddField(
            model_name='completion',
            name='milestone',
            field=models.ForeignKey(help_text='The milestone that is done.', on_delete=django.db.models.deletion.CASCADE, related_name='completions', to='pilots.milestone', verbose_name='milestone'),
        ),
        migrations.AddField(
            model_name='completion',
            name='objected_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='objected by'),
        ),
        migrations.AddField(
            model_name='completion',
            name='pilot',
            field=models.ForeignKey(editable=False, help_text='The pilot of the milestone.', on_delete=django.db.models.deletion.PROTECT, related_name='completions', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AddField(
            model_name='deadline',
            name='batch',
            field=models.ForeignKey(blank=True, help_text='For all its pilots; or name one pilot.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deadlines', to='pilots.batch', verbose_name='batch'),
        ),
        migrations.AddField(
            model_name='deadline',
            name='decided_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='deadline',
            name='indicator',
            field=models.ForeignKey(blank=True, help_text='Empty: for all of them.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deadlines', to='pilots.indicator', verbose_name='indicator'),
        ),
        migrations.AddField(
            model_name='deadline',
            name='pilot',
            field=models.ForeignKey(blank=True, help_text='For it alone; or name a batch.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deadlines', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AddField(
            model_name='historicalcompletion',
            name='entered_by',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='entered by'),
        ),
        migrations.AddField(
            model_name='historicalcompletion',
            name='history_user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalcompletion',
            name='milestone',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The milestone that is done.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.milestone', verbose_name='milestone'),
        ),
        migrations.AddField(
            model_name='historicalcompletion',
            name='objected_by',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='objected by'),
        ),
        migrations.AddField(
            model_name='historicalcompletion',
            name='pilot',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, help_text='The pilot of the milestone.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AddField(
            model_name='historicaldeadline',
            name='batch',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='For all its pilots; or name one pilot.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.batch', verbose_name='batch'),
        ),
        migrations.AddField(
            model_name='historicaldeadline',
            name='decided_by',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='historicaldeadline',
            name='history_user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicaldeadline',
            name='indicator',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='Empty: for all of them.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.indicator', verbose_name='indicator'),
        ),
        migrations.AddField(
            model_name='historicaldeadline',
            name='pilot',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='For it alone; or name a batch.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AddField(
            model_name='historicalnotgiven',
            name='history_user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalnotgiven',
            name='indicator',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The indicator without a value.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.indicator', verbose_name='indicator'),
        ),
        migrations.AddField(
            model_name='historicalnotgiven',
            name='pilot',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text='The pilot that gives the reason.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.AddField(
            model_name='notgiven',
            name='indicator',
            field=models.ForeignKey(help_text='The indicator without a value.', on_delete=django.db.models.deletion.PROTECT, related_name='not_given', to='pilots.indicator', verbose_name='indicator'),
        ),
        migrations.AddField(
            model_name='notgiven',
            name='pilot',
            field=models.ForeignKey(help_text='The pilot that gives the reason.', on_delete=django.db.models.deletion.PROTECT, related_name='not_given', to='pilots.pilot', verbose_name='pilot'),
        ),
        migrations.RunPython(upgrade),
        migrations.RemoveField(
            model_name='amendment',
            name='stage_entry',
        ),
        migrations.RemoveField(
            model_name='followup',
            name='cause_indicator',
        ),
        migrations.RemoveField(
            model_name='historicalamendment',
            name='stage_entry',
        ),
        migrations.RemoveField(
            model_name='historicalfollowup',
            name='cause_indicator',
        ),
        migrations.RemoveField(
            model_name='historicalmilestone',
            name='completed_on',
        ),
        migrations.RemoveField(
            model_name='historicalmilestone',
            name='evidence',
        ),
        migrations.RemoveField(
            model_name='historicalreading',
            name='state',
        ),
        migrations.RemoveField(
            model_name='historicalstageentry',
            name='planned_on',
        ),
        migrations.RemoveField(
            model_name='historicaltarget',
            name='done_on',
        ),
        migrations.RemoveField(
            model_name='historicaltarget',
            name='target_text_en',
        ),
        migrations.RemoveField(
            model_name='historicaltarget',
            name='target_text_zh',
        ),
        migrations.RemoveField(
            model_name='milestone',
            name='completed_on',
        ),
        migrations.RemoveField(
            model_name='milestone',
            name='evidence',
        ),
        migrations.RemoveField(
            model_name='reading',
            name='state',
        ),
        migrations.RemoveField(
            model_name='stageentry',
            name='planned_on',
        ),
        migrations.RemoveField(
            model_name='target',
            name='done_on',
        ),
        migrations.RemoveField(
            model_name='target',
            name='target_text_en',
        ),
        migrations.RemoveField(
            model_name='target',
            name='target_text_zh',
        ),
        migrations.AlterField(
            model_name='batch',
            name='policy',
            field=models.ForeignKey(help_text='The document that announced it.', on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='policies.policy', verbose_name='policy'),
        ),
        migrations.AlterField(
            model_name='followup',
            name='cause',
            field=models.CharField(blank=True, choices=[('pilot', 'the pilot’s light'), ('indicator', 'the light of a target'), ('milestone', 'the light of a milestone')], help_text='The light that caused it. Empty where no light did.', max_length=9, verbose_name='cause'),
        ),
        migrations.AlterField(
            model_name='historicalfollowup',
            name='cause',
            field=models.CharField(blank=True, choices=[('pilot', 'the pilot’s light'), ('indicator', 'the light of a target'), ('milestone', 'the light of a milestone')], help_text='The light that caused it. Empty where no light did.', max_length=9, verbose_name='cause'),
        ),
        migrations.AlterField(
            model_name='historicalindicator',
            name='code',
            field=models.CharField(db_index=True, help_text='Capital letters, digits and _, for example AIR_SO2.', max_length=20, verbose_name='code'),
        ),
        migrations.AlterField(
            model_name='historicallightoverride',
            name='colour',
            field=models.CharField(choices=[('red', 'Red'), ('yellow', 'Yellow'), ('green', 'Green')], help_text='Shown in place of the computed one, which stays visible beside it.', max_length=6, verbose_name='light'),
        ),
        migrations.AlterField(
            model_name='historicallightoverride',
            name='set_on',
            field=models.DateField(default=core.days.today, editable=False, validators=[core.records.models.check_not_ahead], verbose_name='set on'),
        ),
        migrations.AlterField(
            model_name='historicalreading',
            name='accepted_on',
            field=models.DateField(blank=True, help_text='From this day on it feeds the numbers. Only an import of old records gives it.', null=True, validators=[core.records.models.check_not_ahead], verbose_name='accepted on'),
        ),
        migrations.AlterField(
            model_name='historicalstageentry',
            name='entered_on',
            field=models.DateField(help_text='Day on which it happened.', validators=[core.records.models.check_not_ahead], verbose_name='entered on'),
        ),
        migrations.AlterField(
            model_name='historicalstageentry',
            name='stage',
            field=models.CharField(choices=[('recommended', 'Recommended'), ('reviewed', 'Reviewed by experts'), ('listed', 'Listed'), ('tasked', 'Task list received'), ('plan_draft', 'Plan drafted'), ('plan_issued', 'Plan issued'), ('implementing', 'Implementing'), ('midterm', 'Mid-term evaluation'), ('final_eval', 'Final evaluation'), ('promoted', 'Results promoted'), ('rectifying', 'Rectifying')], help_text='In their order. After rectifying, enter once more the stage that the pilot returns to.', max_length=12, verbose_name='stage'),
        ),
        migrations.AlterField(
            model_name='historicaltarget',
            name='kind',
            field=models.CharField(choices=[('reach', 'Reach a value'), ('limit', 'Stay within a limit'), ('keep', 'Get no worse')], default='reach', help_text='Reach a value by a year, stay within a limit, or keep what there is.', max_length=5, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='historicaltarget',
            name='target_value',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='In the indicator’s unit. Empty: not set yet.', max_digits=20, null=True, verbose_name='target value'),
        ),
        migrations.AlterField(
            model_name='indicator',
            name='code',
            field=models.CharField(help_text='Capital letters, digits and _, for example AIR_SO2.', max_length=20, unique=True, verbose_name='code'),
        ),
        migrations.AlterField(
            model_name='lightoverride',
            name='colour',
            field=models.CharField(choices=[('red', 'Red'), ('yellow', 'Yellow'), ('green', 'Green')], help_text='Shown in place of the computed one, which stays visible beside it.', max_length=6, verbose_name='light'),
        ),
        migrations.AlterField(
            model_name='lightoverride',
            name='set_on',
            field=models.DateField(default=core.days.today, editable=False, validators=[core.records.models.check_not_ahead], verbose_name='set on'),
        ),
        migrations.AlterField(
            model_name='reading',
            name='accepted_on',
            field=models.DateField(blank=True, help_text='From this day on it feeds the numbers. Only an import of old records gives it.', null=True, validators=[core.records.models.check_not_ahead], verbose_name='accepted on'),
        ),
        migrations.AlterField(
            model_name='stageentry',
            name='entered_on',
            field=models.DateField(help_text='Day on which it happened.', validators=[core.records.models.check_not_ahead], verbose_name='entered on'),
        ),
        migrations.AlterField(
            model_name='stageentry',
            name='stage',
            field=models.CharField(choices=[('recommended', 'Recommended'), ('reviewed', 'Reviewed by experts'), ('listed', 'Listed'), ('tasked', 'Task list received'), ('plan_draft', 'Plan drafted'), ('plan_issued', 'Plan issued'), ('implementing', 'Implementing'), ('midterm', 'Mid-term evaluation'), ('final_eval', 'Final evaluation'), ('promoted', 'Results promoted'), ('rectifying', 'Rectifying')], help_text='In their order. After rectifying, enter once more the stage that the pilot returns to.', max_length=12, verbose_name='stage'),
        ),
        migrations.AlterField(
            model_name='target',
            name='kind',
            field=models.CharField(choices=[('reach', 'Reach a value'), ('limit', 'Stay within a limit'), ('keep', 'Get no worse')], default='reach', help_text='Reach a value by a year, stay within a limit, or keep what there is.', max_length=5, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='target',
            name='target_value',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='In the indicator’s unit. Empty: not set yet.', max_digits=20, null=True, verbose_name='target value'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('milestone__isnull', False), ('target__isnull', True)), models.Q(('milestone__isnull', True), ('target__isnull', False)), _connector='OR'), name='amendment_one_item', violation_error_message='Name a milestone or a target, and not both.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(('day__isnull', True), ('milestone__isnull', False), _connector='OR'), name='amendment_day_of_milestones', violation_error_message='Only a milestone has a day.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(('target__isnull', False), models.Q(('base_value__isnull', True), ('base_year__isnull', True), ('steps__isnull', True), ('value__isnull', True), ('year__isnull', True)), _connector='OR'), name='amendment_value_of_targets', violation_error_message='Only a target has a value, a base, steps and a year.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('base_value__isnull', True), ('base_year__isnull', True)), models.Q(('base_value__isnull', False), ('base_year__isnull', False)), _connector='OR'), name='amendment_base_whole', violation_error_message='Give base value and base year, or neither.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(('drop', True), ('day__isnull', False), ('value__isnull', False), ('base_value__isnull', False), ('steps__isnull', False), ('year__isnull', False), _connector='OR'), name='amendment_changes_something', violation_error_message='Say what is to be amended.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reason_en', ''), _negated=True), models.Q(('reason_zh', ''), _negated=True), _connector='OR'), name='amendment_has_reason', violation_error_message='Say why it is amended: it is shown beside the light.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('accepted__isnull', True), ('decided_on__isnull', True)), models.Q(('accepted__isnull', False), ('decided_on__isnull', False)), _connector='OR'), name='amendment_decided_on_a_day'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.CheckConstraint(condition=models.Q(('accepted__isnull', True), ('accepted', True), models.Q(('remark', ''), _negated=True), _connector='OR'), name='amendment_refusal_has_remark', violation_error_message='Say why it is refused: the remark is shown beside the light.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted__isnull', True)), fields=('milestone',), name='amendment_milestone_waits_once', violation_error_message='A request for this milestone waits already.'),
        ),
        migrations.AddConstraint(
            model_name='amendment',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted__isnull', True)), fields=('target',), name='amendment_target_waits_once', violation_error_message='A request for this target waits already.'),
        ),
        migrations.AddConstraint(
            model_name='followup',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cause', ''), ('cause_milestone__isnull', True), ('cause_target__isnull', True)), models.Q(('cause', 'pilot'), ('cause_milestone__isnull', True), ('cause_target__isnull', True), ('pilot__isnull', False)), models.Q(('cause', 'indicator'), ('cause_milestone__isnull', True), ('cause_target__isnull', False), ('pilot__isnull', False)), models.Q(('cause', 'milestone'), ('cause_milestone__isnull', False), ('cause_target__isnull', True), ('pilot__isnull', False)), _connector='OR'), name='followup_cause_fits', violation_error_message='The cause is a light of its pilot: name the target or the milestone.'),
        ),
        migrations.AddConstraint(
            model_name='milestone',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['', 'recommended', 'reviewed', 'listed', 'tasked', 'plan_draft', 'plan_issued', 'implementing', 'midterm', 'final_eval', 'promoted'])), name='milestone_stage_known'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.CheckConstraint(condition=models.Q(('accepted_on__isnull', True), ('returned_on__isnull', True), _connector='OR'), name='reading_accepted_or_returned', violation_error_message='A value is accepted or returned, not both.'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.CheckConstraint(condition=models.Q(('disputed_on__isnull', True), ('accepted_on__lte', models.F('disputed_on')), _connector='OR'), name='reading_disputed_after_acceptance', violation_error_message='Only an accepted value is disputed.'),
        ),
        migrations.AddConstraint(
            model_name='stageentry',
            constraint=models.CheckConstraint(condition=models.Q(('result__in', ['passed', 'conditions', 'failed', ''])), name='stageentry_result_known'),
        ),
        migrations.AddConstraint(
            model_name='stageentry',
            constraint=models.CheckConstraint(condition=models.Q(('result', ''), ('stage__in', ['midterm', 'final_eval']), _connector='OR'), name='stageentry_result_of_evaluations', violation_error_message='Only an evaluation has a result.'),
        ),
        migrations.AddConstraint(
            model_name='stageentry',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['recommended', 'reviewed', 'listed', 'tasked', 'plan_draft', 'plan_issued', 'implementing', 'midterm', 'final_eval', 'promoted', 'rectifying'])), name='stageentry_stage_known'),
        ),
        migrations.AddConstraint(
            model_name='target',
            constraint=models.UniqueConstraint(fields=('pilot', 'indicator', 'kind', 'target_year'), name='target_one_per_year', violation_error_message='This pilot already has such a target for this indicator and year.'),
        ),
        migrations.AddConstraint(
            model_name='target',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['reach', 'limit', 'keep'])), name='target_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='completion',
            constraint=models.CheckConstraint(condition=models.Q(('objected_on__isnull', True), models.Q(('objection', ''), _negated=True), _connector='OR'), name='completion_objection_has_reason', violation_error_message='Say why it does not count.'),
        ),
        migrations.AddConstraint(
            model_name='completion',
            constraint=models.CheckConstraint(condition=models.Q(('entered_on__gte', models.F('completed_on'))), name='completion_entered_after', violation_error_message='It was completed after it was entered. Check both days.'),
        ),
        migrations.AddConstraint(
            model_name='deadline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('batch__isnull', False), ('pilot__isnull', True)), models.Q(('batch__isnull', True), ('pilot__isnull', False)), _connector='OR'), name='deadline_one_subject', violation_error_message='Name a batch or a pilot, and not both.'),
        ),
        migrations.AddConstraint(
            model_name='deadline',
            constraint=models.CheckConstraint(condition=models.Q(('due_on__isnull', True), ('due_on__gte', models.F('decided_on')), _connector='OR'), name='deadline_not_before_decision', violation_error_message='A deadline does not lie before the day of the decision.'),
        ),
        migrations.AddConstraint(
            model_name='deadline',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='deadline_has_reason', violation_error_message='Say why.'),
        ),
        migrations.AddConstraint(
            model_name='notgiven',
            constraint=models.CheckConstraint(condition=models.Q(('accepted_on__isnull', True), ('returned_on__isnull', True), _connector='OR'), name='notgiven_accepted_or_returned', violation_error_message='A reason is accepted or returned, not both.'),
        ),
        migrations.AddConstraint(
            model_name='notgiven',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='notgiven_has_text', violation_error_message='Say why there is no value.'),
        ),
    ]
