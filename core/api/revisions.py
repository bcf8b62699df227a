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
TAG_LIST = re.compile(r'[\s,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,[\s,]*|$))+')


def annotate_revision(rows: QuerySet[Model]) -> QuerySet[Model]:
    """Annotate each record with its `revision`."""
    found: QuerySet[Model] = rows.annotate(revision=revision_expression(rows.model))
    return found


@cache
def revision_expression(model: Any) -> Any:
    """Return the revision as a query expression.

    Written as SQL: for Django to build and compile it cost more than to read and write the rows of a page.
    """
    appended = [
        (relation.related_model, relation.field.attname)
        for relation in model._meta.related_objects
        if is_append_only(relation.related_model)
    ]
    quoted, parts = connection.ops.quote_name, []
    for counted, field in [(model, "id"), *cascading_models(model), *appended]:
        meta = counted.history.model._meta
        table, column = quoted(meta.db_table), quoted(meta.get_field(field).column)
        parts.append(f"(SELECT COUNT(*) FROM {table} WHERE {table}.{column} = %(expressions)s)")  # noqa: S608  # names from the code only
    return Func(F("pk"), template=f"({' + '.join(parts)})", output_field=IntegerField())


def if_match_allows(header: str, revision: int) -> bool:
    """Return whether an If-Match header names a revision. Raises BadRequest for an invalid header.

    A weak tag allows nothing: it may stand for several versions (RFC 9110, 13.1.1).
    """
    if header.strip() == "*":
        return True
    if not TAG_LIST.fullmatch(header):
        text = _("If-Match: send the ETag of the version that you have read, with its quotes.")
        raise BadRequest(ErrorDetail(IF_MATCH, "invalid_header", text))
    tags = re.findall(r'((?:W/)?)"([^"]*)"', header)
    return any(not weak and tag.partition("-")[0] == str(revision) for weak, tag in tags)
