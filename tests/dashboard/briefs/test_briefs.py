"""Briefs of each kind through their pages: texts, numbers, parameters, permissions and queries."""

import json
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.days import today
from core.snapshots import record_models
from dashboard.apps import check_fonts
from dashboard.briefs.build import Brief
from pilots.models import Pilot, Reading
from policies.models import ProvincialPlan
from tests.support.briefs import text_lines
from tests.support.histories import rewrite_entries

pytestmark = pytest.mark.django_db
DAYS = {"as_of": "2026-08-31", "since": "2026-03-31"}
PATHS = ["nation", "batch/first", "province/hebei", "pilot/turned", "pilot/silent"]
EXPECTED = json.loads((Path(__file__).parent / "expected_texts.json").read_text())
"""The texts of each brief by language and path, without those of the day and the host that a test runs on."""
VARIABLE = ("Made on", "生成时间", "As known on", "按此日已知情况", "http://testserver")


def fetch_brief(client: Client, path: str, lang: str = "en", **params: str) -> Brief:
    """Return the brief that the JSON file of the page holds."""
    response = client.get(f"/brief/{path}/", {**DAYS, **params, "lang": lang, "export": "json"})
    assert response.status_code == 200, response.content
    brief: Brief = json.loads(response.content)
    return brief


def article_text(client: Client, path: str, lang: str) -> str:
    """Return the text of the brief on its page, without white space and the shapes beside words of status."""
    page = client.get(f"/brief/{path}/", {**DAYS, "lang": lang}).content.decode()
    article = page.partition('<article class="brief"')[2].partition(">")[2].partition("</article>")[0]
    article = re.sub(r"<span[^>]*aria-hidden[^>]*>.</span>", "", article)
    return "".join(unescape(re.sub(r"<[^>]*>", " ", article)).split())


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_texts_of_each_kind(world: dict[str, Pilot], client: Client, lang: str) -> None:
    for path in PATHS:
        found = fetch_brief(client, path, lang)
        assert [text for text in text_lines(found) if not text.startswith(VARIABLE)] == EXPECTED[lang][path], path
        shown = article_text(client, path, lang)
        made = re.compile("(Madeon:.*?,|生成时间：.*?日)[0-9]{2}:[0-9]{2}")
        assert made.sub("", shown) == made.sub("", "".join("".join(text_lines(found)).split())), path


def test_a_brief_of_the_records_known_on_a_past_day(
    world: dict[str, Pilot], client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.SNAPSHOT_DIR = tmp_path
    for model in record_models():
        own = model.history.filter(id__in=model._base_manager.values("pk"))
        rewrite_entries(own, history_date=datetime(2026, 8, 31, tzinfo=UTC))
    reading = Reading.objects.get(pilot=world["turned"], period="2025")
    reading.value = 89
    reading.save()
    before, now = (fetch_brief(client, "batch/first", known=day) for day in ("2026-09-01", str(today())))
    assert before["headline"].startswith("2 of 3 pilots are red")
    assert now["headline"].startswith("1 of 3 pilots are red")
    assert str(before["known"]) == "2026-09-01"
    assert "known=2026-09-01" in before["address"]


# -- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("nation", {"since": "2026-1-1"}, 400, "since: “2026-1-1” is not a day."),
        ("nation", {"since": "2026-08-31"}, 400, "since: 2026-08-31 is not before 2026-08-31, the day of the brief."),
        ("nation", {"export": "odt"}, 400, "export: There is no “odt” here."),
        ("nation", {"sinse": "2026-01-01", "export": "pdf"}, 400, "sinse"),
        ("nation/first", {}, 404, ""),
        ("pilot/nobody", {}, 404, ""),
        ("batch/first", {"as_of": "2023-12-31", "since": "2023-06-30"}, 404, ""),
        ("policy/plan", {}, 404, ""),
        ("indicator/AIR_SO2", {}, 404, ""),
    ],
)
def test_bad_addresses(
    world: dict[str, Pilot], client: Client, path: str, params: dict[str, str], status: int, said: str
) -> None:
    response = client.get(f"/brief/{path}/", {**DAYS, **params})
    assert response.status_code == status
    assert said in unescape(response.content.decode())


def test_what_was_corrected_after_the_day_is_no_change_up_to_it(world: dict[str, Pilot], client: Client) -> None:
    plan = ProvincialPlan.objects.get()
    plan.note_en = "Corrected today"
    plan.save()

    def corrected(path: str, **days: str) -> str:
        (block,) = [b for b in fetch_brief(client, path, **days)["blocks"] if b["title"].startswith("What changed")]
        return "".join(line["text"] for line in block["items"] if line["label"] == "Corrected")

    now = {"as_of": today().isoformat(), "since": DAYS["since"]}
    for path, text in (("nation", "record of 1 provincial plan"), ("province/hebei", "record of 1 provincial plan")):
        assert corrected(path, **now) == text
        assert corrected(path, known=today().isoformat()) == "none"


def test_without_a_day_of_comparison_it_is_the_end_of_the_last_quarter(world: dict[str, Pilot], client: Client) -> None:
    brief = client.get("/brief/nation/", {"as_of": DAYS["as_of"], "export": "json"}).json()
    assert str(brief["since"]) == "2026-06-30"
    query = f"as_of=2026-08-31&known={today()}&since=2026-06-30&lang=en"
    assert brief["address"] == f"http://testserver/brief/nation/?{query}"
    assert client.get(brief["address"]).status_code == 200


def test_pdf_is_neither_offered_nor_made_without_a_font(
    world: dict[str, Pilot], client: Client, settings: Any, tmp_path: Path
) -> None:
    for code, start in (("pdf", b"%PDF-"), ("docx", b"PK"), ("json", b"{")):
        assert client.get("/brief/nation/", {"export": code}).content.startswith(start)
    settings.BRIEF_FONTS = str(tmp_path)
    assert re.findall(r"export=(\w+)", client.get("/brief/nation/").content.decode()) == ["docx", "json"]
    refused = client.get("/brief/nation/", {"export": "pdf"})
    assert refused.status_code == 503
    assert re.search("no Chinese font.*fonts-noto-cjk", refused.content.decode())
    (info,) = check_fonts(None)
    assert (info.id, info.is_serious()) == ("dashboard.I001", False)


# -- who sees what, and queries ----------------------------------------------------------------------------


def test_no_person_is_named(world: dict[str, Pilot], client: Client) -> None:
    client.force_login(User.objects.create_user("ministry", first_name="Han", last_name="Meimei"))
    for path in PATHS:
        told = "".join(text_lines(fetch_brief(client, path)))
        assert "Li Lei" not in told, path
        assert "Meimei" not in told, path
