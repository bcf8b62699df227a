"""What a sheet of each kind holds: its model, its columns, how a row finds its record, and the rules of many rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db import models
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.bilingual import translated
from config.bulk import chunks
from config.faults import short
from config.words import listed
from policies.imports.columns import Column, column_of, key_column
from policies.imports.references import Library
from policies.imports.rows import Row, Written
from policies.models import Policy, ProvincialPlan

Key = tuple[str, ...]
GREATEST_KEY = 2**63 - 1


# Headings that ledgers of offices use beside the names of our fields.
USUAL_WORDS: Mapping[str, tuple[str, ...]] = {
    "province": ("省", "地区", "省区市", "所属省份"),
    "doc_number": ("发文字号", "文件编号"),
    "known_issued_by": ("known by",),  # as the heading was until it said what it means
    "issued_on": ("印发时间", "发文日期", "发文时间"),
    "title_zh": ("文件名称", "政策名称", "方案名称", "标题"),
    "agencies": ("发文机关", "发文单位", "印发部门"),
    "planned_on": ("计划时间", "计划完成时间", "计划完成日期"),
    "completed_on": ("完成时间", "实际完成时间", "实际完成日期"),
    "owner": ("牵头单位", "责任部门"),
}


# Texts that are kept in two languages, where a file has them in one column: its heading, and other words for it.
UNDIVIDED: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "note": (gettext_lazy("note"), ("说明",)),
    "reason": (gettext_lazy("reason"), ()),
    "target_text": (gettext_lazy("target in words"), ()),
}


class Kind:
    """One kind of records as sheets hold it. Kinds with rules of their own override `match` and `judge`."""

    name: str
    model: type[models.Model]
    keys: Sequence[Key] = (("slug",),)  # ways to tell a row's record, tried in order
    within: Key = ()  # what has to agree as well, where the file has these columns
    leave_out: tuple[str, ...] = ()
    usual_words: Mapping[str, tuple[str, ...]] = {}  # headings of ledgers that mean a field of this kind
    related: tuple[str, ...] = ()  # relations that an export needs

    @property
    def label(self) -> str:
        return str(self.model._meta.verbose_name_plural)

    @cached_property
    def columns(self) -> list[Column]:
        """The record number first, then the fields in the model's order, lists last."""
        own = [f for f in self.model._meta.concrete_fields if f.editable and not f.primary_key]
        lists = self.model._meta.many_to_many
        fields = [f for f in (*own, *lists) if f.name not in self.leave_out]
        words = {**USUAL_WORDS, **self.usual_words}
        own_columns = (column_of(f, aliases=words.get(f.name, ()), **self.changed(f.name)) for f in fields)
        return [key_column(), *own_columns, *self.more_columns()]

    def changed(self, name: str) -> dict[str, Any]:
        """How a field's column differs from what its model says."""
        if name == "issued_on":
            return {"partner": "issued_precision"}
        return {"required": False} if name == "slug" else {}

    def more_columns(self) -> list[Column]:
        """Columns that are no field of the model."""
        return []

    @cached_property
    def undivided(self) -> list[Column]:
        """Columns of files from before texts were kept in two languages: each fills the field of its language."""
        return [
            Column(text.name, label, "text", aliases=words)
            for text in translated(self.model)
            for label, words in [UNDIVIDED[text.name]]
        ]

    @cached_property
    def readable(self) -> list[Column]:
        """The columns that a file may have; exports and templates have `columns`."""
        return [*self.columns, *self.undivided]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.readable}

    @cached_property
    def required(self) -> set[str]:
        """The columns that a new record needs."""
        return {column.name for column in self.columns if column.required}

    @cached_property
    def relations(self) -> set[str]:
        """The fields that name one other record, found to be there when their cells were read."""
        return {f.name for f in self.model._meta.concrete_fields if f.is_relation}

    def column(self, name: str) -> Column | None:
        """The column of a field; None for a field that files do not hold."""
        return self.by_name.get(name)

    def may_import(self, user: Any) -> bool:
        """Whether this person may both add and change such records; None stands for the command line, which may."""
        opts = self.model._meta
        names = [f"{opts.app_label}.{get_permission_codename(action, opts)}" for action in ("add", "change")]
        return user is None or all(user.has_perm(name) for name in names)

    def needs_reason(self, rows: Sequence[Row]) -> list[str]:
        """Why these rows may not be written without a reason for change; empty where they may."""
        return []

    def records(self) -> models.QuerySet[Any]:
        """All records, with what an export needs of them."""
        lists = [f.name for f in self.model._meta.many_to_many]
        return self.model._base_manager.select_related(*self.related).prefetch_related(*lists)

    def candidates(self) -> models.QuerySet[Any]:
        """The records among which rows find theirs, without what they name: that is shared by many."""
        return self.model._base_manager.all()

    # -- which record a row is about ---------------------------------------------------------------------

    def match(self, rows: Sequence[Row], library: Library) -> None:
        """Find the record of each row: by its number, else by the first key that leads to one."""
        self.match_numbers([row for row in rows if row.values.get("id") is not None])
        for key in self.keys:
            waiting = [row for row in rows if not row.found and not row.lost and key_of(row, key)]
            self.match_key([row for row in waiting if row.values.get("id") is None], key)

    def match_numbers(self, rows: Sequence[Row]) -> None:
        found = self.by_field("pk", [row.values["id"] for row in rows if 0 < row.values["id"] <= GREATEST_KEY])
        for row in rows:
            records = found.get(row.values["id"])
            if records:
                take(row, records[0])
            else:
                message = _("There is no record %(number)s here; it may be deleted. Clear the cell to enter a new one.")
                row.lose(self.column("id"), "unknown_record", message % {"number": row.values["id"]})

    def match_key(self, rows: Sequence[Row], key: Key) -> None:
        """The records that agree in all fields of the key; two that do so are no answer."""
        candidates = self.by_field(key[0], [row.values[key[0]] for row in rows])
        for row in rows:
            fits = [item for item in candidates.get(plain_key(row.values[key[0]]), []) if self.agrees(row, item, key)]
            if len(fits) > 1:
                message = _("Several records agree with this row: give the record number, %(numbers)s.")
                row.lose(None, "ambiguous", message % {"numbers": listed(item.pk for item in fits)})
            elif fits:
                take(row, fits[0])

    def agrees(self, row: Row, item: Any, key: Key) -> bool:
        """Whether a record is the one that these columns tell, and no way that comes first tells it from the row."""
        apart = any(differ(row, item, earlier) for earlier in self.keys[: self.keys.index(key)])
        near = all(
            plain_key(row.values[name]) == own_key(item, (name,))[0] for name in self.within if name in row.values
        )
        return near and not apart and key_of(row, key) == own_key(item, key)

    def by_field(self, name: str, values: Iterable[Any]) -> Mapping[Any, list[Any]]:
        """The records with one of these values in a field, by that value."""
        found: dict[Any, list[Any]] = defaultdict(list)
        wanted = list(dict.fromkeys(plain_key(value) for value in values))
        for some in chunks(wanted):
            for record in self.candidates().filter(**{f"{name}__in": some}):
                found[own_key(record, (name,))[0]].append(record)
        return found

    # -- rules -------------------------------------------------------------------------------------------

    def prepare(self, row: Row, by: Any) -> None:
        """Complete a row before its values go into the record."""

    def ready(self, row: Row) -> None:
        """Tell the record what is judged elsewhere, before its own rules are asked."""

    def judge(self, rows: Sequence[Row], by: Any) -> None:
        """Rules that concern several rows at once, or records beside them."""

    def clean(self, row: Row, exclude: set[str]) -> None:
        """Hold the record against its own rules but those of the database. Raises ValidationError."""
        row.record.full_clean(exclude=exclude, validate_unique=False, validate_constraints=False)

    def after(self, row: Row) -> None:
        """Judge and compare what is part of the record but no field of it."""

    def write_parts(self, rows: Sequence[Row]) -> list[Written]:
        """Write what is part of the records but records of their own, once these are there, but delete nothing yet."""
        return []

    def describe(self, row: Row) -> str:
        """The record that a row is about, by name."""
        return str(row.record)


def take(row: Row, record: Any) -> None:
    row.record, row.found = record, True


def plain_key(value: Any) -> Any:
    """A value as keys are compared: a record by its key."""
    return value.pk if isinstance(value, models.Model) else value


def key_of(row: Row, key: Key) -> tuple[Any, ...] | None:
    """What the row says in these columns; None where one of them is empty."""
    values = tuple(plain_key(row.values.get(name)) for name in key)
    return None if any(value in (None, "") for value in values) else values


def own_key(record: Any, key: Key) -> tuple[Any, ...]:
    """What the record says in these fields, a relation by its key."""
    return tuple(record.pk if name == "pk" else getattr(record, record._meta.get_field(name).attname) for name in key)


def differ(row: Row, item: Any, key: Key) -> bool:
    """Whether row and record both say who they are in these columns, and not the same."""
    says, own = key_of(row, key), own_key(item, key)
    return says is not None and says != own and not any(value in (None, "") for value in own)


def refuse_twins(rows: Sequence[Row], kind: Kind) -> None:
    """Two rows about one record contradict each other: both are named."""
    groups: dict[tuple[Key, Any], list[Row]] = defaultdict(list)
    told: set[tuple[Key, Any]] = set()  # by what a row is told: the record it found, or the first key that it fills
    for row in rows:
        ways: list[tuple[Key, Any]] = [(("id",), row.record.pk)] if row.found else filled_keys(row, kind)
        told.update(ways[:1])
        for way in ways:
            groups[way].append(row)
    for way, twins in groups.items():
        for row in twins if len(twins) > 1 and way in told else []:
            key = way[0]
            blamed = next((name for name in (*reversed(key), *reversed(kind.keys[0])) if name in row.places), "")
            others = [str(twin.number) for twin in twins if twin is not row]
            message = ngettext(
                "Row %(rows)s is about the same record. Keep one.",
                "Rows %(rows)s are about the same record. Keep one.",
                len(others),
            )
            row.fault(kind.column(blamed), "twice", message % {"rows": short(listed(others))})


def filled_keys(row: Row, kind: Kind) -> list[tuple[Key, Any]]:
    return [(key, says) for key in kind.keys if (says := key_of(row, key)) is not None]


def proposed_code(record: Any, taken: set[str]) -> str:
    """A code for a record that came without one: its English name, else its Chinese name in pinyin."""
    english, chinese = getattr(record, record.EN, "") or "", getattr(record, record.ZH, "") or ""
    stem = (code_like(english) or code_like(pinyin(chinese)) or record._meta.model_name)[:70].strip("-")
    number, code = 2, stem
    while code in taken:
        number, code = number + 1, f"{stem}-{number}"
    taken.add(code)
    return code


def code_like(text: str) -> str:
    return slugify(text.replace("_", "-"))


def pinyin(text: str) -> str:
    """Chinese text in Latin letters: one syllable a character, with hyphens between."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  # 57 MB of dictionaries, needed by few processes

    return "-".join(lazy_pinyin(text))


class Policies(Kind):
    name = "policies"
    model = Policy
    keys = (("slug",), ("doc_number",), ("title_zh",), ("title_en",))
    within = ("province",)  # provinces give their documents the same titles
    related = ("province", "parent")

    def clean(self, row: Row, exclude: set[str]) -> None:
        """A parent of the same file has no key to be told by: circles are looked for in all rows together."""
        parent, row.record.parent = row.record.parent, None
        try:
            super().clean(row, exclude)
        finally:
            row.record.parent = parent


class Plans(Kind):
    name = "plans"
    model = ProvincialPlan
    keys = (("policy", "province"),)
    related = ("policy", "province")


KINDS: list[Kind] = [Plans(), Policies()]
