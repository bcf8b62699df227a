"""Bring shipped records from CSV into the database: all checked before any is written, no edit ever overwritten."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from config.faults import nearest, short
from config.history import one_entry
from policies.models import (
    Agency,
    Division,
    Figure,
    Industry,
    Measure,
    Policy,
    Province,
    ProvincialPlan,
    Shipment,
    Source,
)
from policies.models.base import Recorded, tidy

RECORDS = Path(__file__).parent / "records"
REASON = gettext_noop("Shipped with the product")
YES_NO = {"yes": True, "no": False}


@dataclass(frozen=True)
class Kind:
    """One file of records: its model, and the columns that name a record.

    `key` are the columns whose text is the record's name in other files; `finds` are the model fields by which
    a record that an editor entered first is recognised.
    """

    name: str
    model: type[Recorded]
    path: Path
    key: tuple[str, ...] = ("slug",)
    finds: tuple[str, ...] = ("slug",)


KINDS = [
    Kind("sources", Source, RECORDS / "sources.csv", key=("key",), finds=("title", "url")),
    Kind("provinces", Province, RECORDS / "provinces.csv"),
    Kind("agencies", Agency, RECORDS / "agencies.csv"),
    Kind("divisions", Division, RECORDS / "divisions.csv", key=("code",), finds=("code",)),
    Kind("industries", Industry, RECORDS / "industries.csv"),
    Kind("policies", Policy, RECORDS / "policies.csv"),
    Kind("measures", Measure, RECORDS / "measures.csv"),
    Kind(
        "plans",
        ProvincialPlan,
        RECORDS / "provincial_plans.csv",
        key=("policy", "province"),
        finds=("policy", "province"),
    ),
    Kind("figures", Figure, RECORDS / "figures.csv"),
]


@dataclass(frozen=True)
class Complaint:
    """One thing wrong with a row: where it stands, and what to do."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where} [{self.column}] {self.message}" if self.column else f"{where} {self.message}"


class Refused(Exception):
    """The files hold bad rows; nothing was written."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = complaints
        super().__init__("\n".join(str(complaint) for complaint in complaints))


@dataclass
class Row:
    """One line of a file: its texts as written, and its values once read."""

    kind: Kind
    line: int
    texts: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    bad: bool = False

    @property
    def key(self) -> str:
        return "|".join(self.texts.get(column, "") for column in self.kind.key)


@dataclass
class Tally:
    """What a load did with one file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0  # edited or deleted here since: left alone


@dataclass
class Load:
    """The state of one load: complaints so far, and which record each shipped key stands for."""

    complaints: list[Complaint] = field(default_factory=list)
    records: dict[tuple[type[models.Model], str], models.Model] = field(default_factory=dict)
    keys: dict[tuple[type[models.Model], int], str] = field(default_factory=dict)
    shipped: dict[tuple[str, str], Shipment] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def complain(self, row: Row, column: str, message: str) -> None:
        row.bad = True
        self.complaints.append(Complaint(row.kind.path.name, row.line, column, message))

    def remember(self, row: Row, record: models.Model) -> None:
        self.records[type(record), row.key] = record
        self.keys[type(record), record.pk] = row.key


def load(kinds: Iterable[Kind]) -> dict[str, Tally]:
    """Load every file in order; return what was done by file.

    Raises Refused with every bad row of every file, and then nothing at all has been written.
    A field edited since it was shipped keeps the edit; a record deleted since stays deleted.
    """
    state = Load()
    state.shipped = {(item.kind, item.key): item for item in Shipment.objects.all()}
    with transaction.atomic():
        for kind in kinds:
            tally = state.tallies[kind.name] = Tally()
            for row in read_file(kind, state):
                load_row(row, state, tally)
        if state.complaints:
            raise Refused(sorted(state.complaints, key=lambda item: (item.file, item.line)))
    return state.tallies


# -- reading -------------------------------------------------------------------------------------------


def read_file(kind: Kind, state: Load) -> list[Row]:
    """The rows of a file as text. A heading that is no field, or a missing one, is a complaint about line 1."""
    with kind.path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle, strict=True)
        heads = list(reader.fieldnames or [])
        head_row = Row(kind, 1, {})
        for head in heads:
            if head not in allowed_columns(kind):
                near = nearest(head, allowed_columns(kind))
                hint = f" Did you mean {near}?" if near else ""
                state.complain(head_row, head, f"No such column.{hint}")
        for column in kind.key:
            if column not in heads:
                state.complain(head_row, column, "This column is missing. Add it: it names the record.")
        if head_row.bad:
            return []
        rows = [read_row(kind, reader.line_num, texts, state) for texts in reader]
    refuse_twins(rows, state)
    return rows


def allowed_columns(kind: Kind) -> list[str]:
    names = [f.name for f in kind.model._meta.concrete_fields if not f.primary_key]
    return [*dict.fromkeys([*kind.key, *names, *(f.name for f in kind.model._meta.many_to_many)])]


def read_row(kind: Kind, line: int, texts: Mapping[Any, Any], state: Load) -> Row:
    """One line as a row; a line with more or fewer cells than headings is a complaint."""
    row = Row(kind, line, {column: tidy(text or "") for column, text in texts.items() if column is not None})
    if None in texts or None in texts.values():
        state.complain(row, "", "The line has more or fewer cells than the heading. Check its commas and quotes.")
    for column in kind.key:
        if not row.texts.get(column):
            state.complain(row, column, "Empty. Give the code that names the record.")
    return row


def refuse_twins(rows: Sequence[Row], state: Load) -> None:
    """Two lines with one key contradict each other: both are named."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row.key, []).append(row)
    for key, twins in lines.items():
        for row in twins if len(twins) > 1 else []:
            others = ", ".join(str(twin.line) for twin in twins if twin is not row)
            state.complain(row, row.kind.key[0], f"“{short(key)}” stands on line {others} as well. Keep one.")


def read_values(row: Row, state: Load) -> bool:
    """Turn a row's texts into values, complaining about each that cannot be read; whether all could be."""
    for column, text in row.texts.items():
        if column == "key":
            continue
        try:
            row.values[column] = read_value(row.kind.model._meta.get_field(column), text, state)
        except ValueError as exc:
            state.complain(row, column, str(exc))
    return not row.bad


def read_value(target: Any, text: str, state: Load) -> Any:
    """The value of one cell. Raises ValueError with what to write instead."""
    if target.many_to_many:
        return [find(target.related_model, part.strip(), state) for part in text.split(";") if part.strip()]
    if target.is_relation:
        return find(target.related_model, text, state) if text else None
    if target.choices and text and text not in dict(target.flatchoices):
        raise ValueError(f"“{short(text)}” is not allowed. Use one of: {', '.join(dict(target.flatchoices))}.")
    if isinstance(target, models.BooleanField):
        if text not in YES_NO:
            raise ValueError(f"“{short(text)}” is neither yes nor no.")
        return YES_NO[text]
    if isinstance(target, models.CharField | models.TextField):
        return text
    return read_number_or_day(target, text) if text else None


def read_number_or_day(target: Any, text: str) -> Any:
    """A date, a whole number or a decimal. Raises ValueError with the form to write."""
    if isinstance(target, models.DateField):
        try:
            return date.fromisoformat(text) if len(text) == 10 else date.fromisoformat("")
        except ValueError:
            raise ValueError(f"“{short(text)}” is not a day. Write it as 2024-01-15.") from None
    if isinstance(target, models.DecimalField):
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ValueError(f"“{short(text)}” is not a number. Write it as 34.4.") from None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"“{short(text)}” is not a whole number.")
    return int(text)


def find(model: Any, key: str, state: Load) -> models.Model:
    """The record a cell names by its key. Raises ValueError with the nearest key there is."""
    record = state.records.get((model, key))
    name = code_field(model)
    if record is None and hasattr(model, name):
        record = model._default_manager.filter(**{name: key}).first()
    if record is None:
        known = [known for kind, known in state.records if kind is model]
        if hasattr(model, name):
            known += model._default_manager.values_list(name, flat=True)
        near = nearest(key, known)
        hint = f" Did you mean “{near}”?" if near else ""
        raise ValueError(f"There is no {model._meta.verbose_name} “{short(key)}”.{hint}")
    return record


# -- writing -------------------------------------------------------------------------------------------


def load_row(row: Row, state: Load, tally: Tally) -> None:
    """Bring one row in, or leave it alone where the reader's own record stands."""
    if row.bad:
        return
    shipment = state.shipped.get((row.kind.name, row.key))
    record = existing(row, shipment)
    if shipment is not None and record is None:
        tally.kept += 1
        return
    if shipment is not None and record is not None and shipment.values == row.texts:
        state.remember(row, record)
        tally.unchanged += 1
        return
    if not read_values(row, state):
        return
    if record is None:
        record = create(row, state, tally)
    elif shipment is None:
        tally.kept += 1  # an editor entered it before it was shipped
    elif not merge(row, record, shipment, state, tally):
        return
    if record is not None:
        state.remember(row, record)
        values = {"values": row.texts, "record_id": record.pk}
        Shipment.objects.update_or_create(kind=row.kind.name, key=row.key, defaults=values)


def existing(row: Row, shipment: Shipment | None) -> Recorded | None:
    """The record a row stands for: the one it was shipped as, else one an editor entered under the same name."""
    manager = row.kind.model._default_manager
    if shipment is not None:
        return manager.filter(pk=shipment.record_id).first()
    wanted = {lookup(row.kind.model._meta.get_field(name)): row.texts.get(name, "") for name in row.kind.finds}
    return manager.filter(**wanted).first() if wanted else None


def lookup(target: Any) -> str:
    """How a file's text finds a field's value: a related record by its code."""
    if not target.is_relation:
        return str(target.name)
    return f"{target.name}__{code_field(target.related_model)}"


def code_field(model: Any) -> str:
    """The field that holds a record's code."""
    return "slug" if hasattr(model, "slug") else "code"


def split(row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row's values: those of the table itself, and those of its relations."""
    many = {f.name for f in row.kind.model._meta.many_to_many}
    own = {name: value for name, value in row.values.items() if name not in many}
    return own, {name: value for name, value in row.values.items() if name in many}


def create(row: Row, state: Load, tally: Tally) -> Recorded | None:
    own, many = split(row)
    if own.get("is_lead") and Policy.objects.filter(is_lead=True).exists():
        own["is_lead"] = False  # which policy leads was decided here
    record = row.kind.model(**own)
    if not checked(row, record, state):
        return None
    with one_entry(record, created=True, reason=REASON):
        record.save()
        for name, items in many.items():
            getattr(record, name).set(items)
    tally.created += 1
    return record


def merge(row: Row, record: Recorded, shipment: Shipment, state: Load, tally: Tally) -> bool:
    """Follow a newer shipped value in each field that still stands as shipped before; whether the rules accept it."""
    own, many = split(row)
    changed = [
        name
        for name in row.values
        if row.texts[name] != shipment.values.get(name, "")
        and as_text(record, name, state) != canonical(row.texts[name])
    ]
    follow = [name for name in changed if as_text(record, name, state) == canonical(shipment.values.get(name, ""))]
    if not follow:
        tally.kept += 1 if changed else 0
        tally.unchanged += 0 if changed else 1
        return True
    for name in follow:
        if name in own:
            setattr(record, name, own[name])
    if not checked(row, record, state):
        return False
    with one_entry(record, created=False, reason=REASON):
        record.save()
        for name in follow:
            if name in many:
                getattr(record, name).set(many[name])
    tally.updated += 1
    return True


def checked(row: Row, record: Recorded, state: Load) -> bool:
    """Whether the model's own rules accept the record; what they do not accept becomes complaints."""
    try:
        record.full_clean()
    except ValidationError as exc:
        for column, messages in exc.message_dict.items():
            for message in messages:
                state.complain(row, "" if column == "__all__" else column, message)
        return False
    return True


def canonical(text: str) -> str:
    """A cell's text in a form that does not depend on the order of a list."""
    return ";".join(sorted(part.strip() for part in text.split(";")))


def as_text(record: Recorded, name: str, state: Load) -> str:
    """A field's present value as a cell would hold it."""
    target = record._meta.get_field(name)
    value = getattr(record, name)
    if target.many_to_many:
        return ";".join(sorted(key_of(item, state) for item in value.all()))
    if target.is_relation:
        return key_of(value, state) if value is not None else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return canonical("" if value is None else str(value))


def key_of(record: models.Model, state: Load) -> str:
    """The key by which files name a record; one that was never shipped goes by its number."""
    return state.keys.get((type(record), record.pk)) or str(getattr(record, code_field(record), f"#{record.pk}"))


def summary(tallies: Mapping[str, Tally]) -> list[str]:
    """One line a file: what was created, updated, unchanged, and left as edited."""
    line = _("%(name)s: %(created)d created, %(updated)d updated, %(unchanged)d unchanged, %(kept)d kept as edited")
    return [line % {"name": name, **vars(tally)} for name, tally in tallies.items()]
