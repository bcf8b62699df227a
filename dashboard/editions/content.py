"""What an approved edition says: its frozen JSON in the reader's language, and the difference to the edition before."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from core.files.store import open_blob
from core.text.bilingual import is_chinese_active
from core.text.formatting import format_number, format_part, join_clauses, label_value
from dashboard.models import Edition

LANGUAGES = {"en": "en", "zh": "zh-hans"}  # suffix of a text, and the language
DAY_COUNTS = {"days_in_stage", "days_late", "delay_days"}  # they grow each day, whatever happens to the record
Item = dict[str, Any]


def content_of(edition: Edition) -> Item:
    """Return the content of an approved edition, whose texts are also there in the active language: `label`.

    `files` (path, media_type, size in bytes, sha256), the package with all others first; `figures` (code, label, scope,
    value, of; value None is no data); `previous`, the quarter of the edition before, empty for the first;
    `previous_figures`; `changes` of tables (table, title, records before and now, added, removed, changed); `warnings`
    that were acknowledged at the approval (code, label, count, of).
    """
    return localized_content(edition.content)


def localized_content(content: Item) -> Item:
    """Return the content with the texts of its items in the active language, else in the other."""
    first, second = ("_zh", "_en") if is_chinese_active() else ("_en", "_zh")

    def localized(item: Item) -> Item:
        names = [name.removesuffix("_en") for name in item if name.endswith("_en")]
        return {**item, **{name: item[name + first] or item[name + second] for name in names}}

    return {
        name: [localized(item) for item in value] if isinstance(value, list) else value
        for name, value in content.items()
    }


def in_both_languages(build: Callable[[], Iterable[Item]], *texts: str) -> list[Item]:
    """Return the items that are built, with these texts in both languages instead of the active one."""
    found: list[Item] = []
    for suffix, language in LANGUAGES.items():
        with override(language):
            items = list(build())
            found = found or [{name: value for name, value in item.items() if name not in texts} for item in items]
            for kept, item in zip(found, items, strict=True):
                kept |= {f"{text}_{suffix}": str(item[text]) for text in texts}
    return found


# -- the difference to the edition before --------------------------------------------------------------


def previous_edition(quarter: str) -> Edition | None:
    """Return the last approved edition before a quarter."""
    return Edition.objects.filter(state=Edition.FROZEN_STATE, quarter__lt=quarter).order_by("-quarter").first()


def compare_tables(previous: Edition | None, tables: Mapping[str, bytes], titles: Sequence[Item]) -> list[Item]:
    """Return how many rows of each table, given as CSV, were added, removed and changed since the edition before.

    A column that only one of them has changes no row; a table that only one has is left out.
    """
    stored = {file["path"]: file["sha256"] for file in previous.files} if previous else {}
    changes = []
    for title in titles:
        path = f"data/{title['table']}.csv"
        if path not in stored:
            continue
        with open_blob(stored[path]) as file:
            before, now = read_rows(file.read()), read_rows(tables[path])
        both = before.keys() & now.keys()
        columns = (set(next(iter(rows.values()), {})) for rows in (before, now))
        shared = set.intersection(*columns) - DAY_COUNTS
        numbers = {
            "before": len(before),
            "now": len(now),
            "added": len(now.keys() - before.keys()),
            "removed": len(before.keys() - now.keys()),
            "changed": sum(any(before[key][name] != now[key][name] for name in shared) for key in both),
        }
        changes.append({**title, **numbers})
    return changes


def read_rows(content: bytes) -> dict[str, dict[str, str]]:
    """Return the rows of a CSV by the value of its first column."""
    reader = csv.DictReader(io.StringIO(content.decode(), newline=""))
    key = (reader.fieldnames or [""])[0]
    return {row[key]: row for row in reader}


def difference_sentences(content: Item) -> list[str]:
    """Return the difference to the edition before, a sentence for each number and each table that differs."""
    found, before = [], {figure["code"]: figure for figure in content["previous_figures"]}
    for new in content["figures"]:
        old = before.get(new["code"])
        if old and (old["value"], old["of"]) != (new["value"], new["of"]):
            found.append(label_value(new["label"], f"{figure_text(old)} → {figure_text(new)}"))
    for change in content["changes"]:
        added, removed, changed = change["added"], change["removed"], change["changed"]
        parts = [
            ngettext("%(n)d added", "%(n)d added", added) % {"n": added} if added else "",
            ngettext("%(n)d removed", "%(n)d removed", removed) % {"n": removed} if removed else "",
            ngettext("%(n)d changed", "%(n)d changed", changed) % {"n": changed} if changed else "",
        ]
        if any(parts):
            total = ngettext("%(n)d record now", "%(n)d records now", change["now"]) % {"n": change["now"]}
            found.append(label_value(change["title"], join_clauses([*filter(None, parts), total])))
    return found


def figure_text(figure: Item) -> str:
    """Return value and whole of a key number."""
    if figure["value"] is None:
        return _("no data")
    return format_number(figure["value"]) if figure["of"] is None else format_part(figure["value"], figure["of"])
