"""Which version of a record somebody has seen: the number of entries in its history, its rows' own included.

Every change is an entry and none is ever taken back, so the number only grows and says which edit was the last.
"""

import re
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import F, Func, IntegerField, QuerySet
from django.utils.translation import gettext as _

from config.faults import BadRequest, Fault
from config.history import row_kinds

IF_MATCH = "If-Match"
TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def with_revision(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Each record with its `revision`."""
    model: Any = rows.model
    found: QuerySet[Any] = rows.annotate(revision=counted(model))
    return found


def revision_of(record: Any) -> int:
    """The revision of a record as it stands."""
    kinds: Any = [(type(record), "id"), *row_kinds(type(record))]
    return sum(model.history.filter(**{field: record.pk}).count() for model, field in kinds)


@cache
def counted(model: Any) -> Any:
    """The number as a part of a query.

    Written as SQL: for Django to build and compile it cost more than to read and write the rows of a page.
    """
    quoted = connection.ops.quote_name
    parts = []
    for kind, field in [(model, "id"), *row_kinds(model)]:
        meta = kind.history.model._meta
        table, column = quoted(meta.db_table), quoted(meta.get_field(field).column)
        parts.append(f"(SELECT COUNT(*) FROM {table} WHERE {table}.{column} = %(expressions)s)")  # noqa: S608  # names of the code alone
    return Func(F("pk"), template=f"({' + '.join(parts)})", output_field=IntegerField())


def wanted_revisions(header: str) -> set[int] | None:
    """The revisions that an If-Match header allows, None for any. Raises BadRequest for what is no such header.

    A weak tag allows nothing: it may stand for several versions (RFC 9110, 13.1.1).
    """
    if header.strip() == "*":
        return None
    tags = [part.strip() for part in split_tags(header)]
    found = [TAG.fullmatch(tag) for tag in tags]
    if not tags or not all(found):
        text = _("If-Match: send the ETag of the version that you have read, with its quotes.")
        raise BadRequest(Fault(IF_MATCH, "invalid_header", text))
    words = [match[2].partition("-")[0] for match in found if match and not match[1]]
    return {int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 10}


def split_tags(header: str) -> list[str]:
    """The tags of a list; a comma inside quotes is a part of the tag."""
    return [part for part in re.findall(r'(?:[^,"]|"[^"]*"?)+', header) if part.strip()]
