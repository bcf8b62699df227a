"""Lists read as plain rows: a face draws stand-ins that hold just the columns it writes, never the records themselves.

Making Django's objects costs more than all else of a list. A face stays declared once, in its serializer, and draws a
stand-in as it draws a record. Whatever of a record is no column says by `reads` which columns it looks at; a face with
a field that does not say so is drawn from the records.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from rest_framework.fields import SerializerMethodField
from rest_framework.serializers import ListSerializer, Serializer

KEYS = ("pk", "slug", "code")  # whatever a record has of these is always read: by them it is addressed
MOST_REMEMBERED = 500


class StandIn:
    """What a face sees of a record: the columns that were read, and what its model says can be told from them."""


class Unreadable(Exception):
    """Something of which nobody says which columns it is made of."""


@dataclass(frozen=True)
class Part:
    """What is read of a kind of record: its columns, and those of the records that it is related to."""

    model: Any
    columns: tuple[str, ...]  # the key first
    one: Mapping[str, "Part"]
    many: Mapping[str, "Part"]


def part_of(face: Serializer[Any], rows: QuerySet[Any]) -> Part | None:
    """What to read for the fields left in a face; None where only the records will do."""
    model: Any = rows.model
    return part_for(type(face), tuple(face.fields), model, frozenset(rows.query.annotations))


@lru_cache(MOST_REMEMBERED)
def part_for(face: type[Serializer[Any]], names: tuple[str, ...], model: Any, computed: frozenset[str]) -> Part | None:
    """The same for any answer with the same fields."""
    try:
        return needed(face(), names, model, computed)
    except Unreadable:
        return None


def needed(face: Any, names: Iterable[str], model: Any, computed: frozenset[str] = frozenset()) -> Part:
    """What these fields of a face look at; `computed` are names that the query gives each row. Raises Unreadable."""
    known = plain_names(model) | computed
    columns = looked_at(type(face).to_representation, type(face), model, known)
    one: dict[str, Part] = {}
    many: dict[str, Part] = {}
    for name in names:
        field: Any = face.fields[name]
        inner: Any = field.child if isinstance(field, ListSerializer) else field
        if isinstance(inner, Serializer):
            other = needed(inner, inner.fields, related_of(model, field.source, to_one=inner is field).related_model)
            if other.one or other.many:
                raise Unreadable(field.source)
            (one if inner is field else many)[field.source] = other
        elif isinstance(field, SerializerMethodField):
            columns |= looked_at(getattr(type(face), str(field.method_name)), type(face), model, known)
        else:
            columns |= columns_of(model, field.source, known)
    keys = [name for name in KEYS if name in known]
    return Part(model, tuple(dict.fromkeys([*keys, *sorted(columns)])), one, many)


@cache
def plain_names(model: Any) -> frozenset[str]:
    """The names by which a record's own columns are read."""
    return frozenset({"pk", *(field.name for field in model._meta.concrete_fields if not field.is_relation)})


def related_of(model: Any, name: str, *, to_one: bool) -> Any:
    """The relation behind a nested face. Raises Unreadable where there is none."""
    for field in model._meta.get_fields():
        if field.name == name and (field.many_to_one if to_one else field.many_to_many or field.one_to_many):
            return field
    raise Unreadable(name)


def columns_of(model: Any, name: str, known: frozenset[str]) -> set[str]:
    """The columns that something of a record is made of. Raises Unreadable."""
    if name in known:
        return {name}
    found = getattr(model, name, None)
    return looked_at(getattr(found, "fget", found), model, model, known)


def looked_at(function: Any, owner: Any, model: Any, known: frozenset[str]) -> set[str]:
    """The columns that a function written in the class `owner` looks at. Raises Unreadable."""
    if function is Serializer.to_representation:
        return set()
    if not hasattr(function, "reads"):
        raise Unreadable(function)
    held = {name: getattr(owner, name, None) for name in function.reads}
    names = [text if isinstance(text, str) else name for name, text in held.items()]
    return {column for name in names for column in columns_of(model, name, known)}


@cache
def kind_of(model: Any) -> type[StandIn]:
    """The class of a model's stand-ins. It has whatever of the model says what it reads, and the model's texts."""
    own = {name: value for base in reversed(model.__mro__) for name, value in vars(base).items()}
    told = {
        name: value
        for name, value in own.items()
        if hasattr(getattr(value, "fget", value), "reads") or (isinstance(value, str) and not name.startswith("__"))
    }
    return type(model.__name__, (StandIn,), {**told, "_meta": model._meta})


# -- reading -----------------------------------------------------------------------------------------------


def stand_ins(part: Part, rows: QuerySet[Any], chunk: int | None = None) -> Iterator[Any]:
    """The stand-ins of the rows, in their order: one query, and one more for each relation to many and each chunk."""
    joined = [f"{name}__{column}" for name, other in part.one.items() for column in other.columns]
    found = rows.prefetch_related(None).values_list(*part.columns, *joined)
    lines = iter(found if chunk is None else found.iterator(chunk))
    make, makers = maker(part), {name: remembering(other) for name, other in part.many.items()}
    while read := [make(line) for line in islice(lines, chunk)]:
        for name, make_other in makers.items():
            bring(part, name, read, make_other, rows.db)
        yield from read


def maker(part: Part) -> Callable[[Sequence[Any]], Any]:
    """What makes stand-ins of lines: of the record's own columns, then those of each record it is related to."""
    kind, columns, begin = kind_of(part.model), part.columns, len(part.columns)
    related = []
    for name, other in part.one.items():
        related.append((name, begin, begin + len(other.columns), remembering(other)))
        begin += len(other.columns)

    def made(line: Sequence[Any]) -> Any:
        record = kind()
        held = record.__dict__
        held.update(zip(columns, line, strict=False))
        for name, start, end, make in related:
            held[name] = None if line[start] is None else make(line[start:end])
        return record

    return made


def remembering(part: Part) -> Callable[[Sequence[Any]], Any]:
    """A maker that makes one stand-in of a record, however often it is named."""
    return lru_cache(MOST_REMEMBERED)(maker(part))


def bring(part: Part, name: str, read: Sequence[Any], make: Callable[[Sequence[Any]], Any], database: str) -> None:
    """Give each stand-in the list of those related to it, in the order of their own model, as a prefetch does."""
    relation, other = related_of(part.model, name, to_one=False), part.many[name]
    lists: dict[Any, list[Any]] = {record.pk: [] for record in read}
    way = relation.remote_field.name
    rows = other.model._default_manager.using(database).filter(**{f"{way}__in": list(lists)})
    for owner, *line in rows.values_list(f"{way}__pk", *other.columns):
        lists[owner].append(make(tuple(line)))
    for record in read:
        record.__dict__[name] = lists[record.pk]
