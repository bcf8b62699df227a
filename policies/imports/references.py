"""A record named in a cell: by code, full or short name, in either language. A near miss is an error, never a guess."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from config.faults import nearest, short
from config.sheets.values import Unclear
from config.words import listed

CODES = ("slug", "code", "gb_code", "iso_code")
NAMES = (
    *(
        "short_zh",
        "short_en",
        "short_name_zh",
        "short_name_en",
        "name_zh",
        "name_en",
        "title_zh",
        "title_en",
        "doc_number",
    ),
    *("title", "url", "with_unit_zh", "with_unit_en", "label_zh", "label_en"),
)
# Traditional forms in the names of provinces: a name written with them is offered in the usual form.
SIMPLIFIED = str.maketrans(
    "陝廣東遼寧龍蘇貴雲慶內維爾肅團產設兵臺灣澳門",
    "陕广东辽宁龙苏贵云庆内维尔肃团产设兵台湾澳门",
)
MOST_HINTS, MOST_COMPARED = 200, 100_000  # looking for the nearest name takes time: a file of nonsense gets no more
SEPARATORS = (";；", "、")  # of a list on one line: what no known name is cut at first


def folded(text: str) -> str:
    """The form in which names are compared: full-width as plain, capitals as small, spaces as one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Names:
    """Every name of every record of a model, and the records it stands for. One query when first asked."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.hints: dict[str, str] = {}
        self.by_key: dict[int, Any] = {}
        self.codes: dict[str, Any] = {}  # to the letter
        self.words: dict[str, list[Any]] = defaultdict(list)  # codes and names, folded
        related = getattr(model, "NAMED_WITH", (None,))  # None: no other table
        for record in self.model._base_manager.select_related(*related).order_by("pk"):
            self.add(record)

    def add(self, record: Any) -> None:
        """Know a record by all its names."""
        self.by_key[record.pk] = record
        codes = [*(getattr(record, name, "") for name in CODES), f"#{record.pk}"]
        self.codes.update({code: record for code in codes if code})
        names = [getattr(record, name, "") for name in NAMES]
        for word in {folded(text) for text in [*codes, *names] if text}:
            self.words[word].append(record)

    def record(self, key: int) -> Any:
        """The record of a key, one object for all who name it."""
        if key not in self.by_key:  # entered since the names were read
            self.add(self.model._base_manager.get(pk=key))
        return self.by_key[key]

    def fits(self, text: str) -> list[Any]:
        """All records that a word may mean. A code to the letter means its own record, whoever else has that name."""
        code = text.strip()
        return [self.codes[code]] if code in self.codes else self.words.get(folded(text), [])

    def find(self, text: str) -> Any:
        """The one record of this name. Raises Unclear, with the nearest name or the codes to choose from."""
        word, found = folded(text), self.fits(text)
        if len(found) == 1:
            return found[0]
        kind = str(self.model._meta.verbose_name)
        if found:
            message = _("“%(word)s” stands for several: write the code, %(codes)s.")
            raise Unclear("ambiguous", message % {"word": short(text), "codes": listed(map(self.code_of, found))})
        hint = self.hint(word)
        if hint:
            message = _("There is no %(kind)s “%(word)s”. Did you mean “%(near)s”?")
        else:
            message = _("There is no %(kind)s “%(word)s”. Write its code or its name as it stands in the records.")
        raise Unclear("unknown_record", message % {"kind": kind, "word": short(text), "near": hint})

    def hint(self, word: str) -> str:
        """The nearest name there is, as it is written; empty when nothing is near."""
        if word not in self.hints and len(self.hints) < self.most_hints:
            plain = word.translate(SIMPLIFIED)
            near = plain if plain in self.words else nearest(plain, self.known)
            self.hints[word] = self.as_written(self.words[near][0], near) if near else ""
        return self.hints.get(word, "")

    @cached_property
    def known(self) -> list[str]:
        """The words that a hint may offer: no record numbers, which nobody mistypes by a letter."""
        return [word for word in self.words if not word.startswith("#")]

    @property
    def most_hints(self) -> int:
        return min(MOST_HINTS, MOST_COMPARED // max(1, len(self.known)) + 1)

    def as_written(self, record: Any, word: str) -> str:
        """The record's own spelling of a compared name."""
        texts = [getattr(record, name, "") or "" for name in (*NAMES, *CODES)]
        return next(text for text in texts if folded(text) == word)

    def code_of(self, record: Any) -> str:
        return next((text for name in CODES if (text := getattr(record, name, ""))), f"#{record.pk}")

    def write(self, record: Any) -> str:
        """The name by which a file names the record: in the reader's language where it leads back to it alone."""
        wanted = [getattr(record, name, "") or "" for name in ("with_unit", "short", "name", "title", "label")]
        return next((text for text in [*wanted, self.code_of(record)] if self.leads_to(text, record)), f"#{record.pk}")

    def leads_to(self, text: str, record: Any) -> bool:
        """Whether the name, alone in a cell or on a line of it, is read as this record."""
        return bool(text) and tidy_name(text) and self.fits(text) == [record]


def tidy_name(text: str) -> bool:
    """Whether it can stand in a list of names: nothing in it parts one name from the next."""
    return not any(char in text for char in "\n\r") and text == text.strip()


class Library:
    """The names of all kinds, each read once an import."""

    def __init__(self, *, epoch1904: bool = False) -> None:
        self.epoch1904 = epoch1904  # whether the workbook counts its days from 1904
        self.shelves: dict[type[models.Model], Names] = {}

    def names(self, model: type[models.Model]) -> Names:
        if model not in self.shelves:
            self.shelves[model] = Names(model)
        return self.shelves[model]

    def find(self, model: type[models.Model], text: str) -> Any:
        return self.names(model).find(text)

    def find_all(self, model: type[models.Model], text: str) -> list[Any]:
        """The records of a list: one a line, or parted by semicolons or the Chinese comma. Raises Unclear."""
        found = []
        for line in text.split("\n"):
            for part in self.parts(model, line.strip()):
                record = self.find(model, part)
                if record in found:
                    raise Unclear("twice", _("“%(word)s” stands in the list twice. Keep one.") % {"word": short(part)})
                found.append(record)
        return found

    def parts(self, model: type[models.Model], line: str, separators: Sequence[str] = SEPARATORS) -> list[str]:
        """The names on a line; what is one name as a whole is not taken apart, whatever signs it holds."""
        if not line.strip():
            return []
        if not separators or self.names(model).fits(line):
            return [line.strip()]
        marks, *rest = separators
        pieces = line.translate(dict.fromkeys(map(ord, marks), "\n")).split("\n")
        return [part for piece in pieces for part in self.parts(model, piece, rest)]

    def write_all(self, model: type[models.Model], records: Iterable[Any]) -> str:
        return "\n".join(self.names(model).write(record) for record in records)
