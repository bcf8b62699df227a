"""Snapshots: whole answers of the API and what pages say, kept as JSON in tests/snapshots/ and compared exactly.

With UPDATE_SNAPSHOTS=1 the answers of today are written in their place, and `git diff` shows what differs.
"""

import json
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Model

from core.days import today

FOLDER = Path(__file__).parents[1] / "snapshots"
ADDRESS = re.compile(r"/(?P<resource>\w+)/(?P<key>\d+)(?=/)|#(?P<kind>\w+)-(?P<own>\d+)$")
Keys = Mapping[tuple[str, int], str]


def assert_snapshot(name: str, answer: Any, **records: Model | list[Any]) -> None:
    """Compare an answer, or several by day, with their file. Primary keys differ from run to run: of each resource the
    records that the answer holds are given, and stand in the file by their names; so does today where it is `as_of` or
    `known`.
    """
    keys = {
        (resource, record.pk): f"<{resource} {place}>"
        for resource, found in records.items()
        for place, record in enumerate(found if isinstance(found, list) else [found], 1)
    }
    path, found = FOLDER / f"{name}.json", with_names(plain(answer), keys)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(path.read_text(encoding="utf-8"))


def plain(answer: Any) -> Any:
    """Return what JSON holds of a value: a decimal as a number, however many zeros the database gives it."""
    return json.loads(json.dumps(answer, default=lambda item: float(item) if isinstance(item, Decimal) else str(item)))


def with_names(value: Any, keys: Keys) -> Any:
    """Return a part of an answer with names in place of the primary keys that are known."""
    if isinstance(value, str):
        return ADDRESS.sub(lambda match: name_in_address(match, keys), value)
    if isinstance(value, list):
        return [with_names(item, keys) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: with_names(item, keys) for name, item in value.items()}
    if "id" in value:
        resource = value["url"].rstrip("/").split("/")[-2]
        found["id"] = keys.get((resource, value["id"]), value["id"])
    days = {name: "<today>" for name in ("as_of", "known") if found.get(name) == str(today())}
    return found | days


def name_in_address(match: re.Match[str], keys: Keys) -> str:
    resource = match["resource"] or f"{match['kind']}s"
    key = match["key"] or match["own"]
    return match[0].replace(key, keys.get((resource, int(key)), key))


# -- pages -----------------------------------------------------------------------------------------------


def chart_content(chart: Any) -> dict[str, Any]:
    """Return what a chart says and the points that it draws, whatever they look like."""
    texts = {name: getattr(chart, name) for name in ("title", "subtitle", "note", "legend", "flags")}
    drawing = chart.data
    if chart.is_canvas:
        drawing = [[own["label"], *map(point_content, own["data"])] for own in drawing["data"]["datasets"]]
    return {**texts, "drawing": drawing, "table": table_content(chart.table)}


def point_content(point: dict[str, Any]) -> list[Any]:
    words = [point.get("title"), point.get("text"), point.get("footer"), point.get("label", {}).get("text")]
    return [point["x"], point["y"], *filter(None, [*words, point.get("url")])]


def table_content(table: Any) -> list[list[Any]]:
    return [[column.label for column in table.columns], *([cell.value for cell in row] for row in table.rows)]
