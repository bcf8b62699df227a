"""Lookup of records by code, full or short name, in either language. A near miss is an error, never a guess."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Model
from django.utils.translation import gettext as _

from core.http.errors import closest_match, truncate
from core.spreadsheets.cells import AmbiguousCell
from core.text.formatting import join_short

# Traditional forms in the names of provinces: a name written with them is offered in the usual form.
SIMPLIFIED = str.maketrans(
    "陝廣東遼寧龍蘇貴雲慶內維爾肅團產設兵臺灣澳門",
    "陕广东辽宁龙苏贵云庆内维尔肃团产设兵台湾澳门",
)
MAX_SUGGESTIONS, MAX_COMPARISONS = (
    200,
    100_000,
)  # looking for the nearest name takes time: a file of nonsense gets no more
SEPARATORS = (";；", "、")  # of a list on one line: what no known name is cut at first


def fold_name(text: str) -> str:
    """Normalize a name for comparison: full-width to half-width, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class NameIndex:
    """Index of all names of a model's records. One query, when first used."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.suggestions: dict[str, str] = {}
        self.records_by_id: dict[int, Any] = {}
        self.records_by_code: dict[str, Any] = {}  # to the letter
        self.records_by_name: dict[str, list[Any]] = defaultdict(list)  # codes and names, folded
        for record in self.records():
            self.add(record)

    def records(self) -> models.QuerySet[Any]:
        """Return the records that can be named."""
        named: models.QuerySet[Any] = self.model._base_manager.select_related(*self.model.NAME_RELATIONS)
        return named.order_by("pk")

    def add(self, record: Any) -> None:
        """Index a record under all its names."""
        self.records_by_id[record.pk] = record
        codes = [*(getattr(record, name, "") for name in self.model.LOOKUP_CODES), f"#{record.pk}"]
        self.records_by_code.update({code: record for code in codes if code})
        names = [getattr(record, name, "") for name in self.model.LOOKUP_NAMES]
        for word in {fold_name(text) for text in [*codes, *names] if text}:
            self.records_by_name[word].append(record)

    def record_by_id(self, key: int) -> Any:
        """Return the record with this primary key; one shared object for all rows."""
        if key not in self.records_by_id:  # entered since the names were read
            self.add(self.model._base_manager.get(pk=key))
        return self.records_by_id[key]

    def matching_records(self, text: str) -> list[object]:
        """Return all records that a word may mean. An exact code means its own record, even if another has the name."""
        code = text.strip()
        return (
            [self.records_by_code[code]]
            if code in self.records_by_code
            else self.records_by_name.get(fold_name(text), [])
        )

    def find(self, text: str) -> Any:
        """Return the record with this name. Raises AmbiguousCell with the closest name, or the codes to choose from."""
        word, found = fold_name(text), self.matching_records(text)
        if len(found) == 1:
            return found[0]
        kind = str(self.model._meta.verbose_name)
        if found:
            message = _("“%(word)s” stands for several: write the code, %(codes)s.")
            labels = {"word": truncate(text), "codes": join_short(map(self.code_of, found))}
            raise AmbiguousCell("ambiguous", message % labels)
        hint = self.suggest(word)
        if hint:
            message = _("There is no %(kind)s “%(word)s”. Did you mean “%(near)s”?")
        else:
            message = _("There is no %(kind)s “%(word)s”. Write its code or its name as it stands in the records.")
        raise AmbiguousCell("unknown_record", message % {"kind": kind, "word": truncate(text), "near": hint})

    def suggest(self, word: str) -> str:
        """Return the closest name as it is written; empty if none is close."""
        if word not in self.suggestions and len(self.suggestions) < self.max_suggestions:
            plain = word.translate(SIMPLIFIED)
            near = plain if plain in self.records_by_name else closest_match(plain, self.suggested_names)
            self.suggestions[word] = self.as_written(self.records_by_name[near][0], near) if near else ""
        return self.suggestions.get(word, "")

    @cached_property
    def suggested_names(self) -> list[str]:
        """The words that may be suggested: no record numbers, which are not mistyped by a letter."""
        return [word for word in self.records_by_name if not word.startswith("#")]

    @property
    def max_suggestions(self) -> int:
        return min(MAX_SUGGESTIONS, MAX_COMPARISONS // max(1, len(self.suggested_names)) + 1)

    def as_written(self, record: Any, word: str) -> str:
        """Return the record's own spelling of a normalized name."""
        texts = [getattr(record, name, "") or "" for name in (*self.model.LOOKUP_NAMES, *self.model.LOOKUP_CODES)]
        return next(text for text in texts if fold_name(text) == word)

    def code_of(self, record: Any) -> str:
        return next((text for name in self.model.LOOKUP_CODES if (text := getattr(record, name, ""))), f"#{record.pk}")

    def name_for(self, record: Any) -> str:
        """Return the name by which an export names the record: in the current language if it is unambiguous, else its
        code."""
        wanted = [getattr(record, name, "") or "" for name in self.model.EXPORT_NAMES]
        return next(
            (text for text in [*wanted, self.code_of(record)] if self.identifies(text, record)), f"#{record.pk}"
        )

    def identifies(self, text: str, record: Model) -> bool:
        """Whether the name, alone in a cell or on a line of it, finds this record only."""
        plain = "\n" not in text and "\r" not in text and text == text.strip()  # else it cannot stand in a list
        return bool(text) and plain and self.matching_records(text) == [record]


class RecordLookup:
    """Name indexes of all models, each built once per import."""

    def __init__(self, *, epoch1904: bool = False) -> None:
        self.epoch1904 = epoch1904  # whether the workbook counts its days from 1904
        self.indexes: dict[type[models.Model], NameIndex] = {}

    def index(self, model: type[models.Model]) -> NameIndex:
        if model not in self.indexes:
            self.indexes[model] = NameIndex(model)
        return self.indexes[model]

    def find(self, model: type[models.Model], text: str) -> Any:
        return self.index(model).find(text)

    def find_list(self, model: type[models.Model], text: str) -> list[object]:
        """Return the records of a list: one a line, or separated by semicolons or 、. Raises AmbiguousCell."""
        found = []
        for line in text.split("\n"):
            for part in self.split_names(model, line.strip()):
                record = self.find(model, part)
                if record in found:
                    message = _("“%(word)s” stands in the list twice. Keep one.")
                    raise AmbiguousCell("twice", message % {"word": truncate(part)})
                found.append(record)
        return found

    def split_names(self, model: type[models.Model], line: str, separators: Sequence[str] = SEPARATORS) -> list[str]:
        """Split a line into names; a line that is itself a known name is not split."""
        if not line.strip():
            return []
        if not separators or self.index(model).matching_records(line):
            return [line.strip()]
        marks, *rest = separators
        pieces = line.translate(dict.fromkeys(map(ord, marks), "\n")).split("\n")
        return [part for piece in pieces for part in self.split_names(model, piece, rest)]

    def names_for(self, model: type[models.Model], records: Iterable[Any]) -> str:
        return "\n".join(self.index(model).name_for(record) for record in records)
