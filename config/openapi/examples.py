"""The examples of the description: exchanges that took place with the shipped records, kept in docs/examples.

The suite repeats every one of them and holds it equal to what the API answers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

FILES = Path(settings.BASE_DIR) / "docs" / "examples"
EDIT = {"note": "Checked against the gazette.", "change_reason": "Yearly check"}


@dataclass(frozen=True)
class Example:
    """A value as it was sent or answered."""

    summary: str
    value: Any

    def part(self) -> dict[str, Any]:
        return {"summary": self.summary, "value": self.value}


@cache
def kept(name: str) -> Mapping[str, Any]:
    """What a file of examples holds."""
    found: dict[str, Any] = json.loads((FILES / f"{name}.json").read_text())
    return found


def problem_examples(status: int) -> dict[str, Any]:
    """Refusals of this status, by number."""
    found = enumerate(kept("problems").get(str(status), []), start=1)
    return {f"refusal-{number}": Example(told["request"], told["answer"]).part() for number, told in found}


def answer_example(name: str, action: str) -> Example | None:
    """What an operation of this resource answers; None where nothing is kept, or nothing is answered."""
    own = kept("answers").get(name, {})
    if action in own:
        return Example(own[action]["request"], own[action]["answer"])
    if "record" not in own or action in {"list", "destroy", "bulk_destroy"}:
        return None
    record, changed = own["record"], edited(own["record"])
    value = {"bulk_update": [record], "partial_update": changed, "bulk_partial_update": [changed]}.get(action, record)
    return Example(name, value)


def edited(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record after the change of the example."""
    return {**record, "note": EDIT["note"], "note_en": EDIT["note"], "revision": record["revision"] + 1}


def body_example(name: str, action: str, key: str) -> Example | None:
    """What an operation of this resource is sent; None where nothing is."""
    own = kept("answers").get(name, {})
    if "record" not in own:
        return None
    entry = own["entry"]
    named = {key: own["record"][key], "revision": own["record"]["revision"]}
    sent = {
        "create": entry,
        "update": entry,
        "partial_update": EDIT,
        "bulk_update": [{**named, **entry}],
        "bulk_partial_update": [{**named, **EDIT}],
        "bulk_destroy": [{**named, "change_reason": EDIT["change_reason"]}],
    }
    return Example(name, sent[action]) if action in sent else None
