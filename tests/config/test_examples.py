"""Every example of the API's description is an exchange that takes place as it is written down."""

import json
import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from config import throttles
from config.openapi.answers import REFUSALS
from config.openapi.examples import EDIT, FILES, kept
from config.urls import RESOURCES
from pilots import api as pilots_api
from tests.config.examples import MADE, TODAY, Program, answers, refusals, shown

pytestmark = pytest.mark.django_db
VIEWS = {name: view for name, (_model, view) in RESOURCES.items()}


@pytest.fixture
def program() -> Program:
    return Program(User.objects.create_superuser("admin", password="a long enough one"))


def compared(name: str, found: Any) -> None:
    """The file holds this. With WRITE_EXAMPLES in the environment it does from now on."""
    if "WRITE_EXAMPLES" in os.environ:
        (FILES / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        kept.cache_clear()
    assert kept(name) == found


def test_what_was_read_is_what_is_answered(program: Program) -> None:
    compared("answers", answers(program, VIEWS))


def test_every_refusal_is_told_as_it_was(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [*refusals(program)]
    reader = Program(User.objects.create_user("reader"))
    found.append(("PATCH /api/v1/agencies/mee/", reader.send("PATCH", "v1/agencies/mee/", {"note": "x"})))
    monkeypatch.setattr(throttles, "counted", lambda rate, _caller: throttles.Standing(rate, 3000, 60, 3001, 37))
    found.append(("GET /api/v1/pilots/", program.send("GET", "v1/pilots/")))
    assert found[-1][1]["Retry-After"] == "37"
    monkeypatch.undo()
    program.client.raise_request_exception = False
    monkeypatch.setattr(pilots_api.Pilots, "get_queryset", down)
    found.append(("GET /api/v1/pilots/", program.send("GET", "v1/pilots/")))
    assert found[-1][1]["Retry-After"] == "2"
    told: dict[str, list[Any]] = {}
    for request, answer in sorted(found, key=lambda pair: pair[1].status_code):
        told.setdefault(str(answer.status_code), []).append({"request": request, "answer": shown(answer)})
    assert set(map(int, told)) == set(REFUSALS) - {304, 431}  # the server itself refuses headers that are too large
    compared("problems", told)


def down(_view: Any) -> Any:
    raise OperationalError("gone")


@pytest.mark.parametrize("name", [name for name in VIEWS if name not in MADE])
def test_the_body_of_a_shipped_record_is_that_record(program: Program, name: str) -> None:
    """Sent back it changes nothing; recorded anew it stands in its own way."""
    view, own = VIEWS[name], kept("answers")[name]
    address = f"v1/{name}/{view.sample}/"
    back = program.send("PUT", address, own["entry"], **{"if-match": '"1-x"'})
    assert (back.status_code, today_apart(shown(back))) == (200, today_apart(own["record"]))
    again = program.send("POST", f"v1/{name}/", own["entry"])
    refused = (400, {"rule"}) if name == "stages" else (409, {"unique"})
    assert (again.status_code, {fault["code"] for fault in shown(again)["errors"]}) == refused
    changed = program.send("PATCH", address, EDIT, **{"if-match": '"1-x"'})
    record = {**own["record"], "note": EDIT["note"], "note_en": EDIT["note"], "revision": 2}
    assert (changed.status_code, today_apart(shown(changed))) == (200, today_apart(record))


def today_apart(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in TODAY}
