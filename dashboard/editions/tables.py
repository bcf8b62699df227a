"""Tables of the data package: one per resource of the API, with the rows that a reader without an account gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict
from django.utils.translation import override
from rest_framework.request import Request

from core.api.viewsets import RecordViewSet, machine_value, table_rows
from core.spreadsheets.writer import csv_lines
from pilots.api.urls import RESOURCES as PILOT_RESOURCES
from policies.api import RESOURCES as POLICY_RESOURCES

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


@dataclass(frozen=True)
class TableInfo:
    """Name, titles and headings of a table. The first heading is that of its key."""

    name: str
    title_en: str
    title_zh: str
    heads: Sequence[str]


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


@cache
def describe_tables() -> tuple[TableInfo, ...]:
    """Return the tables with the fields that a package has of the API's. Only the code determines them."""
    return tuple(describe_table(name, resource) for name, (_model, resource) in RESOURCES.items())


def describe_table(name: str, resource: Any) -> TableInfo:
    """Return the description of a table whose rows the resource's serializer writes."""
    titles = []
    for language in LANGUAGES.values():
        with override(language):
            titles.append(str(resource.heading))
    fields = resource.serializer_class().fields
    return TableInfo(name, titles[0], titles[1], [field for field in fields if is_kept(field, fields)])


def is_kept(name: str, names: Collection[str]) -> bool:
    """Whether a package has a field of the API: not one in the reader's language where both languages are given."""
    return name not in OMITTED and not all(f"{name}_{suffix}" in names for suffix in LANGUAGES)


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
    plain.build_absolute_uri = str  # addresses are left out
    if WITHDRAWN in view.filterset_class.base_filters:
        plain.GET = QueryDict(f"{WITHDRAWN}=include")
    view.request = Request(plain)
    view.request.user = plain.user
    rows = view.rows_in_chunks(view.filter_queryset(view.get_queryset()), ROWS_AT_A_TIME)
    serializer = view.get_serializer()
    for name in set(serializer.fields) - set(heads):
        serializer.fields.pop(name)
    return table_rows(heads, (serializer.to_representation(row) for row in rows))
