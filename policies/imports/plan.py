"""The dry run: every row read, matched, judged by the records' own rules, and compared with what is on record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.bilingual import translated
from config.bulk import chunks, links_of
from config.charts import PartialDate
from config.reach import NOT_YOURS, belongs_by, guarded
from config.rules import holds
from config.sheets.grid import Sheet
from config.sheets.values import Unclear
from config.words import labelled
from policies.imports.columns import Column
from policies.imports.faults import CellFault, shown
from policies.imports.headings import Headings, find_headings
from policies.imports.kinds import Kind, proposed_code, refuse_twins
from policies.imports.references import Library, folded
from policies.imports.rows import FieldChange, Row, is_blank, line_is_empty
from policies.models import Precision, reaches
from policies.models.base import tidy

Result = TypeVar("Result")
Work = Generator[tuple[int, int], None, Result]
"""Something long: it tells on the way how many rows of how many are done, and hands back its result at the end."""
OWN_NAMES = ("slug", "name_zh", "name_en", "title_zh", "title_en")
NOT_YOURS_CODE = "not_yours"
EVERY = 100  # rows from one word of progress to the next


def finish(work: Work[Result]) -> Result:
    """Do the whole of it, where nobody waits for progress."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


@dataclass
class Plan:
    """What a file would do, row by row. Nothing of it may be written while there are faults."""

    kind: Kind
    sheet: Sheet
    headings: Headings
    rows: list[Row] = field(default_factory=list)
    general: list[CellFault] = field(default_factory=list)  # of the headings, or of the file as a whole

    @property
    def faults(self) -> list[CellFault]:
        """Everything that is wrong, in the order of the sheet."""
        every = [*self.general, *(fault for row in self.rows for fault in row.faults)]
        return sorted(every, key=lambda fault: (fault.row, fault.column or 0))

    def count(self, action: str) -> int:
        """How many good rows would do this: create, update or unchanged."""
        return sum(row.action == action for row in self.rows if row.good)


def make_plan(kind: Kind, sheet: Sheet, *, by: Any) -> Work[Plan]:
    """Read and judge every row of the sheet for somebody; None stands for the command line, which may do everything."""
    headings = find_headings(sheet, kind.readable, kind.keys)
    plan = Plan(kind, sheet, headings, general=list(headings.faults))
    if not headings.columns or any(fault.code in {"no_headings", "missing_column"} for fault in headings.faults):
        return plan
    library = Library(epoch1904=sheet.epoch1904)
    places = {column.name: place for place, column in headings.columns.items()}
    lines = [line for line in sheet.lines if line.number > headings.row and not line_is_empty(line, headings)]
    for done, line in enumerate(lines):
        row = Row(line, places)
        read_cells(row, headings, library, kind)
        kind.prepare(row, by)
        plan.rows.append(row)
        if done % EVERY == 0:
            yield done, 3 * len(lines)
    if not plan.rows:
        plan.general.append(no_rows(headings))
    kind.match(plan.rows, library)
    refuse_twins(plan.rows, kind)
    fill_records(plan, library)
    for done, row in enumerate(plan.rows):
        check(row, kind, library)
        if done % EVERY == 0:
            yield len(lines) + 2 * done, 3 * len(lines)
    refuse_circles(plan.rows, kind)
    refuse_foreign(plan.rows, kind, library, by)
    kind.judge(plan.rows, by)
    check_unique(plan.rows, kind)
    note_versions(plan.rows, kind)
    return plan


def no_rows(headings: Headings) -> CellFault:
    message = _("No rows stand below the headings. Enter at least one.")
    return CellFault(headings.row, None, "", "", "no_rows", message)


# -- reading -------------------------------------------------------------------------------------------


def read_cells(row: Row, headings: Headings, library: Library, kind: Kind) -> None:
    """Every cell of the row as a value, or a fault; a name that may stand for another row of the file waits."""
    for place, column in headings.columns.items():
        entry = row.line.entries.get(place)
        if entry is None or is_blank(entry):
            row.values[column.name] = None
            continue
        try:
            row.values[column.name] = column.read(entry, library)
        except Unclear as exc:
            if column.model is kind.model and exc.code == "unknown_record":
                row.extra.setdefault("waiting", {})[column.name] = (str(entry.value), exc)
            else:
                row.fault(column, exc.code, str(exc.message))
                row.lost = row.lost or column.form == "key"
    separate_texts(row, kind)
    complete_days(row, headings.columns.values())
    refuse_strays(row, headings)


def separate_texts(row: Row, kind: Kind) -> None:
    """A text without its language fills the field of the language it is written in; an empty cell empties both."""
    for text in translated(kind.model):
        if text.name in row.values:
            parts = text.parts(row.values.pop(text.name))
            row.values.update({name: value or None for name, value in parts.items()})
            places = dict(row.places)
            place = places.pop(text.name)
            row.places = places | dict.fromkeys(parts, place)


def complete_days(row: Row, columns: Iterable[Column]) -> None:
    """A day written as a month or year says by itself how exactly it is known."""
    for column in columns:
        day = row.values.get(column.name)
        if not isinstance(day, PartialDate):
            continue
        row.values[column.name] = day.on
        if not column.partner:
            continue
        said = row.values.get(column.partner)
        if said and day.precision not in {Precision.DAY, said}:
            message = _("“%(day)s” is known to the %(known)s, but the precision says %(said)s. Make them agree.")
            labels = {"day": day.iso(), "known": Precision(day.precision).label, "said": Precision(said).label}
            row.fault(column, "precision", message % labels)
        elif not said:
            row.values[column.partner] = day.precision


def refuse_strays(row: Row, headings: Headings) -> None:
    """What stands under no heading would be lost without a word."""
    for place, entry in row.line.entries.items():
        if place not in headings.places and not is_blank(entry):
            message = _("This cell stands under no heading. Give its column a heading, or clear the cell.")
            row.faults.append(CellFault(row.number, place, "", shown(entry.value), "no_heading", message))


# -- records -------------------------------------------------------------------------------------------


def fill_records(plan: Plan, library: Library) -> None:
    """Put the rows' values into records: those on record, or new ones; then let rows name each other."""
    kind = plan.kind
    taken = codes_of(kind.model) | {row.values["slug"] for row in plan.rows if row.values.get("slug")}
    lists = lists_now(plan, library)
    for row in plan.rows:
        if not row.found:
            row.record = kind.model()
        row.before = snapshot(row.record) if row.found else {}
        share_named(row.record, library)
        put_values(row, kind)
        if row.found:
            row.lists_before = {name: lists[name].get(row.record.pk, []) for name in row.lists}
        if not row.found and hasattr(row.record, "slug") and not row.record.slug:
            row.record.slug = proposed_code(row.record, taken)
    resolve_waiting(plan)
    name_each_other(plan)
    ask_for_missing_columns(plan)


def lists_now(plan: Plan, library: Library) -> dict[str, dict[int, list[Any]]]:
    """By list that the file holds, and by record, whom it names now."""
    keys = [row.record.pk for row in plan.rows if row.found]
    found = {}
    for column in plan.headings.columns.values():
        if column.form == "records":
            links, names = links_of(plan.kind.model._meta.get_field(column.name), keys), library.names(column.named)
            found[column.name] = {key: [names.record(named) for _row, named in rows] for key, rows in links.items()}
    return found


def share_named(record: Any, library: Library) -> None:
    """Let the record name others by the objects that all rows share, where it does not hold them yet."""
    for f in record._meta.concrete_fields:
        key = getattr(record, f.attname)
        if f.is_relation and key is not None:
            setattr(record, f.name, library.names(f.related_model).record(key))


def codes_of(model: Any) -> set[str]:
    """Every code there is or ever was: one that is gone is not given to another record."""
    if not hasattr(model, "slug"):
        return set()
    return {*model._base_manager.values_list("slug", flat=True), *model.history.values_list("slug", flat=True)}


def snapshot(record: Any) -> dict[str, Any]:
    """The values of a record's own fields."""
    return {f.attname: getattr(record, f.attname) for f in record._meta.concrete_fields}


def put_values(row: Row, kind: Kind) -> None:
    """The row's values into its record. An empty cell empties what may be empty; a default stands in for a new one."""
    faulty = row.blamed()
    for name, value in row.values.items():
        column = kind.by_name[name]
        if name in faulty or not column.field:
            continue
        target: Any = kind.model._meta.get_field(name)
        if column.form == "records":
            row.lists[column.name] = value or []
        elif value is not None:
            setattr(row.record, column.name, value)
        elif column.required:
            row.fault(column, "required", _("Empty. This needs a value."))
        elif row.found and target.blank and not target.has_default():
            setattr(row.record, column.name, None if target.null else "")


def resolve_waiting(plan: Plan) -> None:
    """A name that is not on record yet may be that of another row of the same file."""
    names: dict[str, list[Any]] = defaultdict(list)
    for row in plan.rows:
        if not row.found:
            for text in {folded(getattr(row.record, name, "") or "") for name in OWN_NAMES}:
                names[text].append(row.record)
    for row in plan.rows:
        for name, (text, exc) in row.extra.pop("waiting", {}).items():
            fits = names.get(folded(text), [])
            if len(fits) == 1:
                setattr(row.record, name, fits[0])
            else:
                row.fault(plan.kind.column(name), exc.code, str(exc.message))


def name_each_other(plan: Plan) -> None:
    """A row that names the record of another row names it as it would stand."""
    rows = {row.record.pk: row.record for row in plan.rows if row.found}
    for f in own_relations(plan.kind.model):
        for row in plan.rows:
            named = rows.get(getattr(row.record, f.attname))
            if named is not None:
                setattr(row.record, f.name, named)


def own_relations(model: type[models.Model]) -> list[Any]:
    """The fields by which a record names another of its own kind."""
    return [f for f in model._meta.concrete_fields if f.related_model is model]


def ask_for_missing_columns(plan: Plan) -> None:
    """A new record needs columns that an old one can do without."""
    fresh = [row for row in plan.rows if not row.found and not row.lost]
    present = {column.name for column in plan.headings.columns.values()}
    for column in plan.kind.columns if fresh else []:
        if column.required and column.name not in present:
            for row in fresh:
                row.missing.add(column.name)
            message = ngettext(
                "Row %(row)d is new and needs the column “%(name)s”. Add it.",
                "%(count)d rows are new (the first is row %(row)d) and need the column “%(name)s”. Add it.",
                len(fresh),
            )
            labels = {"count": len(fresh), "row": fresh[0].number, "name": column.heading}
            plan.general.append(
                CellFault(plan.headings.row, None, column.heading, "", "missing_column", message % labels)
            )


# -- judging -------------------------------------------------------------------------------------------


def check(row: Row, kind: Kind, library: Library) -> None:
    """Hold the record against its own rules, and note what the row changes; one that changes nothing is no fault."""
    if row.lost:
        return
    kind.after(row)
    if row.found and not changes_of(row, kind, library):
        return
    blamed = row.blamed()
    kind.ready(row)
    try:
        kind.clean(row, blamed | kind.relations)
    except ValidationError as exc:
        blame(row, kind, {name: texts for name, texts in exc.message_dict.items() if name not in blamed})
        blamed |= set(exc.message_dict)
    for name, message in broken_checks(row.record, blamed):
        blame(row, kind, {name: [message]})
    if row.good:
        refuse_overruled(row, kind)
    row.changes = changes_of(row, kind, library) if row.found else []


def refuse_overruled(row: Row, kind: Kind) -> None:
    """What a cell says is not silently replaced by what follows from other cells, unless it only repeats the record."""
    for name in row.places:
        column, value = kind.by_name[name], row.values.get(name)
        if value is None or not column.field or column.form == "records":
            continue
        now = getattr(row.record, name)
        if now != value and row.before.get(name) != value:
            message = _("The record would hold “%(value)s” here: it follows from other cells. Write that or nothing.")
            row.fault(column, "overruled", message % {"value": column.show(now)})


def refuse_circles(rows: Sequence[Row], kind: Kind) -> None:
    """No record may come to stand above itself, by way of other rows or of records that the file leaves alone."""
    mine = {row.record.pk: row.record for row in rows if row.found}
    for f in own_relations(kind.model):
        stored = dict(kind.model._base_manager.exclude(**{f.name: None}).values_list("pk", f.attname))

        def above(node: Any, f: Any = f, stored: Mapping[int, int] = stored) -> Any:
            """The record of the file, or the key of one beside it, that a node names."""
            key = stored.get(node) if isinstance(node, int) else getattr(node, f.attname)
            return mine.get(key, key) if key else None if isinstance(node, int) else f.get_cached_value(node, None)

        circled = in_circles([row.record for row in rows], above)
        for row in rows:
            if id(row.record) in circled:
                message = _("This leads back to the record itself in a circle. Name another.")
                row.fault(kind.column(f.name), "circle", message)


def in_circles(nodes: Iterable[Any], above: Callable[[Any], Any]) -> set[int]:
    """Of what is reached by climbing from the nodes, that which leads back to itself: keys, and ids of records."""
    known: set[int] = set()
    circled: set[int] = set()
    for start in nodes:
        path: dict[int, None] = {}  # in the order of climbing
        node = start
        while node is not None and (mark := node if isinstance(node, int) else id(node)) not in known:
            known.add(mark)
            path[mark] = None
            node = above(node)
        if node is not None and mark in path:
            climbed = list(path)
            circled.update(climbed[climbed.index(mark) :])
    return circled


def refuse_foreign(rows: Sequence[Row], kind: Kind, library: Library, by: Any) -> None:
    """Refuse what lies beyond the person's reach, before or after, and fields that take a permission of their own.

    Whether the person may import the kind at all was asked before. A row that changes nothing may be anybody's: an
    export of all records can be edited and imported again.
    """
    if by is None:
        return
    name = belongs_by(kind.model)
    closed = {recorded: guarded(by, kind.model, recorded=recorded) for recorded in (False, True)}
    for row in rows:
        if row.lost or row.action == "unchanged":
            continue
        stored = as_stored(row, kind, library) if row.found else None
        known = name not in row.blamed()
        if (stored and not reaches(by, stored)) or (known and not reaches(by, row.record)):
            row.fault(kind.column(name), NOT_YOURS_CODE, str(NOT_YOURS))
        for guarded_name in closed[row.found]:
            refuse_guarded(row, kind, guarded_name, stored)


def as_stored(row: Row, kind: Kind, library: Library) -> Any:
    """The record as it is on record, whatever the row makes of it."""
    stored = kind.model(**row.before)
    share_named(stored, library)
    return stored


def refuse_guarded(row: Row, kind: Kind, name: str, stored: Any) -> None:
    """A field that the person may not change says what it said; of a new record, what it says by itself."""
    f: Any = kind.model._meta.get_field(name)
    usual, column = getattr(stored or kind.model(), f.attname), kind.column(name)
    if name in row.blamed() or (getattr(row.record, f.attname) == usual and not unsaved(row.record, f)):
        return
    if stored:
        message = _("Your role may not change this. Leave the cell as it is on record, or take out the column.")
    elif column and column.required:
        message = _("Your role may change such records, but not enter new ones.")
    elif usual in (None, ""):
        message = _("Your role may not enter this. Leave the cell empty.")
    else:
        message = _("Your role may not enter this. Write “%(usual)s”, or leave the cell empty.")
    row.fault(column, NOT_YOURS_CODE, message % {"usual": column.show(usual) if column else usual})


def blame(row: Row, kind: Kind, messages: Mapping[str, Iterable[str]]) -> None:
    """The model's objections as faults of cells; of a field that the file has no column for, of the row."""
    for name, texts in messages.items():
        column = kind.column(name)
        for text in texts:
            if column and column.name in row.places:
                row.fault(column, "invalid", text)
            else:
                label = labelled(column.heading, text) if column else text
                row.fault(None, "invalid", label)


def broken_checks(record: Any, blamed: set[str]) -> Iterable[tuple[str, str]]:
    """The check constraints that the record breaks: the field to mend, and what to do."""
    for constraint in record._meta.constraints:
        if not isinstance(constraint, models.CheckConstraint) or not isinstance(constraint.condition, models.Q):
            continue
        if constraint.condition.referenced_base_fields & blamed:
            continue
        if holds(constraint.condition, record) is False:
            names = record.mended_at(constraint, set())
            for name in names if not blamed.intersection(names) else []:
                yield name, str(constraint.get_violation_error_message())


def check_unique(rows: Sequence[Row], kind: Kind) -> None:
    """No two records agree in what is to be unique, in the file or beside it."""
    good = [row for row in rows if row.good]
    written = {row.record.pk for row in good if row.found}
    for names, condition, message, mended in unique_rules(kind.model):
        held = [row for row in good if condition is None or holds(condition, row.record)]
        keys = {id(row): said(row.record, names) for row in held}
        twice = Counter(key for key in keys.values() if key)
        stored = stored_keys(kind.model, names, condition, [key for key in keys.values() if key])
        for row in held:
            key = keys[id(row)]
            holder = stored.get(key) if key else None
            if (key and twice[key] > 1) or (holder is not None and holder not in written):
                blame(row, kind, {mended: [message]})
            elif holder is not None and holder != row.record.pk:
                text = _(
                    "Record %(number)d holds this until this file changes it. Change that one first, in its own file."
                )
                blame(row, kind, {mended: [text % {"number": holder}]})


def unique_rules(model: Any) -> Iterable[tuple[tuple[str, ...], models.Q | None, str, str]]:
    """What is to be unique: the fields, under which condition, what to say, and the field to mend."""
    for f in model._meta.concrete_fields:
        if f.unique and not f.primary_key:
            labels = {"model_name": capfirst(model._meta.verbose_name), "field_label": capfirst(f.verbose_name)}
            yield (f.name,), None, str(f.error_messages["unique"]) % labels, f.name
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            message = str(constraint.get_violation_error_message())
            yield tuple(constraint.fields), constraint.condition, message, model().mended_at(constraint, set())[0]


def said(record: Any, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    """What the record says in these fields; None where one is empty, which agrees with nothing."""
    values = tuple(getattr(record, record._meta.get_field(name).attname) for name in names)
    return None if any(value is None for value in values) else values


def stored_keys(
    model: Any, names: tuple[str, ...], condition: models.Q | None, keys: Iterable[tuple[Any, ...]]
) -> dict[tuple[Any, ...], int]:
    """Of the keys, those that a record has now, with the number of that record."""
    wanted = set(keys)
    attnames = [model._meta.get_field(name).attname for name in names]
    found: dict[tuple[Any, ...], int] = {}
    for some in chunks(sorted({key[0] for key in wanted})):
        rows = model._base_manager.filter(condition or models.Q(), **{f"{attnames[0]}__in": some})
        found.update(
            (tuple(values), pk) for pk, *values in rows.values_list("pk", *attnames) if tuple(values) in wanted
        )
    return found


# -- what changes --------------------------------------------------------------------------------------


def changes_of(row: Row, kind: Kind, library: Library) -> list[FieldChange]:
    """Field by field, old and new, of a record that is on record already."""
    changed = [
        f
        for f in row.record._meta.concrete_fields
        if differs(row.before.get(f.attname), getattr(row.record, f.attname)) or unsaved(row.record, f)
    ]
    changes = [
        FieldChange(label_of(f), show_before(row, f, kind, library), show(row.record, f, kind), is_empty(row.record, f))
        for f in changed
    ]
    for name, items in row.lists.items():
        before = row.lists_before[name]
        if {item.pk for item in items} != {item.pk for item in before}:
            column = kind.by_name[name]
            changes.append(FieldChange(column.heading, column.show(before), column.show(items), not items))
    return [*changes, *row.extra.get("changes", [])]


def differs(before: Any, after: Any) -> bool:
    """Whether a value is another one; text that was stored before its form was settled is not."""
    return bool((tidy(before) if isinstance(before, str) else before) != after)


def is_empty(record: Any, f: Any) -> bool:
    return getattr(record, f.attname) in {None, ""} and not unsaved(record, f)


def unsaved(record: Any, f: Any) -> bool:
    """Whether the field names a record that the same file creates."""
    return bool(f.is_relation and getattr(record, f.attname) is None and f.get_cached_value(record, None) is not None)


def label_of(f: Any) -> str:
    return str(capfirst(f.verbose_name))


def show(record: Any, f: Any, kind: Kind) -> str:
    """A field's value in words."""
    column = kind.column(f.name)
    value = getattr(record, f.name)
    return column.show(value) if column else str(value)


def show_before(row: Row, f: Any, kind: Kind, library: Library) -> str:
    """A field's value in words as it stands on record."""
    value = row.before.get(f.attname)
    if f.is_relation and value is not None:
        value = library.names(f.related_model).record(value)
    column = kind.column(f.name)
    return column.show(value) if column else str(value)


def note_versions(rows: Sequence[Row], kind: Kind) -> None:
    """The newest entry in the history of each record that a row is about."""
    newest = newest_entries(kind.model, [row.record.pk for row in rows if row.found])
    for row in rows:
        row.version = newest.get(row.record.pk, 0) if row.found else 0


def newest_entries(model: Any, keys: Sequence[int]) -> dict[int, int]:
    """The key of each record's newest entry."""
    found: dict[int, int] = {}
    for some in chunks(keys):
        rows = model.history.filter(id__in=some).order_by().values_list("id").annotate(models.Max("history_id"))
        found.update(dict(rows))
    return found
