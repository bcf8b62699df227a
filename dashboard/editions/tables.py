"""Tables of the data package: one per resource of the API, with the rows that a reader without an account gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict
from django.utils.translation import override
from rest_framework import serializers
from rest_framework.request import Request

from core.api.openapi.schema import field_help
from core.api.renderers import machine_value, table_rows
from core.api.serializers import NumberField
from core.api.viewsets import RecordViewSet
from core.spreadsheets.file_responses import csv_lines
from pilots.api.urls import RESOURCES as PILOT_RESOURCES
from policies.api.urls import RESOURCES as POLICY_RESOURCES

RESOURCES: Mapping[str, tuple[str, type[RecordViewSet]]] = {**POLICY_RESOURCES, **PILOT_RESOURCES}
LANGUAGES = {"en": "en", "zh": "zh-hans"}  # suffix of a field in two languages, and the language
OMITTED = frozenset(
    [
        *("url", "page", "content", "revision"),
        *("owner_person", "owner_user", "verifier", "claimed_by", "confirmed_by"),
    ]
)
"""Fields of the API that a package leaves out: addresses on one server, the number of a version, and people."""
ROWS_AT_A_TIME = 2000  # all rows are kept in the end: fewer queries count more than memory
WITHDRAWN = "withdrawn"  # filter of lists that leave out withdrawn pilots unless they are asked for
FIELD_TYPES: Mapping[type[serializers.Field], str] = {
    serializers.BooleanField: "boolean",
    serializers.IntegerField: "integer",
    NumberField: "number",
    serializers.DateField: "date",
}
PYTHON_TYPES: Mapping[object, str] = {bool: "boolean", int: "integer", float: "number", Decimal: "number", date: "date"}


@dataclass(frozen=True)
class FieldInfo:
    """Column of a table: its type by Frictionless Table Schema, and what it means in both languages."""

    name: str
    type: str
    description_en: str
    description_zh: str


@dataclass(frozen=True)
class TableInfo:
    """Description of a table. The first field is its key."""

    name: str
    title_en: str
    title_zh: str
    fields: Sequence[FieldInfo]

    @property
    def heads(self) -> list[str]:
        return [field.name for field in self.fields]


@dataclass(frozen=True)
class DataTable:
    """A table with its rows, as cells in the order of its fields."""

    info: TableInfo
    rows: Sequence[Sequence[object]]

    @property
    def csv(self) -> bytes:
        """The table as CSV: UTF-8, headings and rows."""
        lines = [self.info.heads, *([machine_value(cell) for cell in row] for row in self.rows)]
        return "".join(csv_lines(lines, for_excel=False)).encode()


@lru_cache(maxsize=2)
def describe_tables(*, whole: bool = False) -> tuple[TableInfo, ...]:
    """Return the tables with their fields, as the API describes them. Only the code determines them.

    `whole`: with every field of the API, as its files have them; else those of a package.
    """
    return tuple(
        describe_table(name, resource.heading, serializer_of(resource), whole=whole)
        for name, (_model, resource) in RESOURCES.items()
    )


def serializer_of(resource: Any) -> Any:
    """Return the read serializer of a resource, of no request."""
    return resource.serializer_class()


def describe_table(name: str, heading: object, serializer: Any, *, whole: bool) -> TableInfo:
    """Return the description of a table whose rows the serializer writes."""
    titles, texts = [], []
    fields = {field: item for field, item in serializer.fields.items() if whole or is_kept(field, serializer.fields)}
    for language in LANGUAGES.values():
        with override(language):
            titles.append(str(heading))
            texts.append([str(item.help_text or field_help(item)) for item in fields.values()])
    return TableInfo(
        name,
        titles[0],
        titles[1],
        [
            FieldInfo(field, field_type(item), en, zh)
            for (field, item), en, zh in zip(fields.items(), *texts, strict=True)
        ],
    )


def is_kept(name: str, names: Collection[str]) -> bool:
    """Whether a package has a field of the API: not one in the reader's language where both languages are given."""
    return name not in OMITTED and not all(f"{name}_{suffix}" in names for suffix in LANGUAGES)


def field_type(field: Any) -> str:
    """Return the Table Schema type of a serializer field; lists, links and choices are text in a cell."""
    function: Any = None
    if isinstance(field, serializers.SerializerMethodField):
        function = getattr(field.parent, field.method_name or f"get_{field.field_name}")
    elif isinstance(field, serializers.ReadOnlyField):
        parent: Any = field.parent
        function = getattr(getattr(parent.Meta.model, str(field.field_name), None), "fget", None)
    if function is not None:
        hint = get_type_hints(function).get("return")
        kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not NoneType]
        return PYTHON_TYPES.get(kinds[0], "string") if len(kinds) == 1 else "string"
    return next((kind for field_class, kind in FIELD_TYPES.items() if isinstance(field, field_class)), "string")


def build_tables(as_of: date, *, demonstration: bool) -> list[DataTable]:
    """Return all tables on a day, as a reader without an account gets them on a public site."""
    with override("en"):  # for the few words that a field has in the reader's language alone
        return [
            DataTable(info, list(anonymous_rows(RESOURCES[info.name][1], info.heads, as_of, demonstration)))
            for info in describe_tables()
        ]


def anonymous_rows(
    resource: type[RecordViewSet], heads: Sequence[str], as_of: date, demonstration: bool
) -> Iterable[Sequence[object]]:
    """Return the rows of a list of the API for a reader without an account, withdrawn pilots included."""
    view: Any = resource(action="list", format_kwarg=None, args=(), kwargs={})
    plain: Any = HttpRequest()
    plain.method, plain.user, plain.as_of, plain.demonstration = "GET", AnonymousUser(), as_of, demonstration
    plain.origin = ""  # addresses are left out
    if WITHDRAWN in view.filterset_class.base_filters:
        plain.GET = QueryDict(f"{WITHDRAWN}=include")
    view.request = Request(plain)
    view.request.user = plain.user
    rows = view.rows_for_output(view.filter_queryset(view.get_queryset()), ROWS_AT_A_TIME)
    serializer = view.read_serializer()
    for name in set(serializer.fields) - set(heads):
        serializer.fields.pop(name)
    return table_rows(heads, (serializer.to_representation(row) for row in rows))
