"""Optimistic locking: the revision of a record is the number of entries in its history, those of its rows included.

Its rows are those that are deleted with it, and those that are only ever added to it.

Every change is an entry and no entry is ever removed, so the number only grows and identifies the last edit.
"""

import re
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import F, Func, IntegerField, Model, QuerySet
from django.utils.translation import gettext as _

from core.history.append_only import is_append_only
from core.history.recording import cascading_models
from core.http.errors import BadRequest, ErrorDetail

IF_MATCH = "If-Match"
ETAG_PATTERN = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def annotate_revision(rows: QuerySet[Model]) -> QuerySet[Model]:
    """Annotate each record with its `revision`."""
    model: Any = rows.model
    found: QuerySet[Model] = rows.annotate(revision=revision_expression(model))
    return found


def current_revision(record: Model) -> int:
    """Return the current revision of a record."""
    kinds: Any = revision_models(type(record))
    return sum(model.history.filter(**{field: record.pk}).count() for model, field in kinds)


def revision_models(model: Any) -> list[tuple[Any, str]]:
    """Return the models whose entries count, each with the column that names the record."""
    appended = [
        (relation.related_model, relation.field.attname)
        for relation in model._meta.related_objects
        if is_append_only(relation.related_model)
    ]
    return [(model, "id"), *cascading_models(model), *appended]


@cache
def revision_expression(model: Any) -> Any:
    """Return the revision as a query expression.

    Written as SQL: for Django to build and compile it cost more than to read and write the rows of a page.
    """
    quoted = connection.ops.quote_name
    parts = []
    for kind, field in revision_models(model):
        meta = kind.history.model._meta
        table, column = quoted(meta.db_table), quoted(meta.get_field(field).column)
        parts.append(f"(SELECT COUNT(*) FROM {table} WHERE {table}.{column} = %(expressions)s)")  # noqa: S608  # names from the code only
    return Func(F("pk"), template=f"({' + '.join(parts)})", output_field=IntegerField())


def parse_if_match(header: str) -> set[int] | None:
    """Return the revisions that an If-Match header allows, None for any. Raises BadRequest for an invalid header.

    A weak tag allows nothing: it may stand for several versions (RFC 9110, 13.1.1).
    """
    if header.strip() == "*":
        return None
    parts = re.findall(r'(?:[^,"]|"[^"]*"?)+', header)  # a comma inside quotes is part of the tag
    tags = [part.strip() for part in parts if part.strip()]
    found = [ETAG_PATTERN.fullmatch(tag) for tag in tags]
    if not tags or not all(found):
        text = _("If-Match: send the ETag of the version that you have read, with its quotes.")
        raise BadRequest(ErrorDetail(IF_MATCH, "invalid_header", text))
    words = [match[2].partition("-")[0] for match in found if match and not match[1]]
    return {int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 10}
