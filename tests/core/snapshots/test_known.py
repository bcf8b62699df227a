"""`?known=`: what was on record at the end of a past day, held against what was kept on that day."""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core import snapshots
from core.history.recording import delete_with_history
from core.snapshots import Snapshot, computed_models, read_from, record_models, routed_models, tracked_lists
from pilots.models import Pilot
from tests import factories as make
from tests.support.api_client import client_with_token, make_user
from tests.support.histories import forget_entries, rewrite_entries
from tests.support.scripted_year import ScriptedYear, clock_at
from tests.support.sign_in import client_of

FIRST = date(2025, 1, 1)
Tables = Mapping[str, Any]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Keep the snapshots of a test in a folder of its own: clocks and databases of tests repeat."""
    settings.SNAPSHOT_DIR = tmp_path / "known"
    return tmp_path / "known"


@pytest.fixture
def no_records(empty: None) -> None:
    """Start without records and histories."""
    for model in record_models():
        for _field, _rows, past in tracked_lists(model):
            past._default_manager.all().delete()
    forget_entries()


def tables() -> Tables:
    """Return all rows of records, lists, histories and lights, where the router reads them, by model."""
    found = {}
    for model in routed_models():
        names = [field.attname for field in model._meta.local_concrete_fields]
        if model in computed_models():  # whose keys nobody names
            names.remove(model._meta.pk.attname)
        found[model._meta.label] = sorted(model._base_manager.order_by().values_list(*names), key=repr)
    return found


def tables_known(day: date) -> Tables:
    """Return the same of the snapshot of a day."""
    snapshot = Snapshot(day)
    try:
        with read_from(snapshot):
            return tables()
    finally:
        snapshot.close()


def api_addresses(client: Client) -> list[str]:
    """Return the lists and aggregates of the API that take both days."""
    root = client.get("/api/v1/").json()
    paths = [url.partition("testserver")[2] for name, url in root.items() if name not in {"schema", "docs"}]
    return [path for path in paths if client.get(path, {"as_of": "2025-01-01"}).status_code == 200]


def answer(client: Client, address: str, as_of: date, known: date | None = None) -> object:
    """Return an answer without what names the day of the records: the field `known` and the links to pages."""
    params = {"as_of": as_of} | ({"known": known} if known else {})
    response = client.get(address, params)
    assert response.status_code == 200, response.content
    text = re.sub(r'"known":\s*"[\d-]+",?', "", response.content.decode())
    return json.loads(re.sub(r"[?&]known=[\d-]+", "", text))


def differing(one: Tables, other: Tables) -> list[str]:
    return sorted(label for label in one if one[label] != other[label])


@pytest.mark.django_db
@pytest.mark.usefixtures("no_records")
@pytest.mark.parametrize("months", [2, pytest.param(6, marks=pytest.mark.exhaustive)])
def test_a_past_day_reads_as_it_was_kept_and_answered_on_that_day(client: Client, months: int) -> None:
    chance, year = Random(1), ScriptedYear(FIRST, 1)  # noqa: S311
    addresses = api_addresses(client)
    kept: dict[date, Tables] = {}
    answers: dict[tuple[str, date, date], object] = {}
    for month in range(1, months + 1):
        day = FIRST + timedelta(29 * month)
        year.work(day, deeds=8)
        kept[day] = tables()
        with clock_at(day, 23, 59):
            for address in chance.sample(addresses, 10):
                as_of = day - timedelta(chance.choice([0, 0, chance.randrange(300)]))
                answers[address, as_of, day] = answer(client, address, as_of)
    assert len(answers) == 10 * months
    assert len(differing(*[*kept.values()][:2])) > 5, "too little was done"
    assert {day: differing(tables_known(day), kept[day]) for day in kept} == {day: [] for day in kept}
    assert [key for key, given in answers.items() if answer(client, *key) != given] == []


# -- one record, entered, corrected and deleted ----------------------------------------------------------------

ENTERED, CORRECTED, DELETED = date(2025, 3, 1), date(2025, 5, 1), date(2025, 7, 1)


@pytest.fixture
def pilot(db: None) -> Pilot:
    """A pilot that was entered, renamed and deleted, each on a day; and one that stays."""
    with clock_at(ENTERED):
        batch, province = make.batch(), make.province()
        pilot = make.pilot(batch, province, slug="gone", name_en="First name")
        make.pilot(batch, province, slug="stays")
        make.plan(make.policy(slug="call"), province, doc_number="2025-1")
    with clock_at(CORRECTED, 23, 59):
        pilot.name_en = "Second name"
        pilot.save()
    with clock_at(DELETED, 0, 0):
        delete_with_history(pilot, reason="Entered twice")
        midnight = timezone.localtime().replace(microsecond=0)
    rewrite_entries(Pilot.history.filter(history_type="-"), history_date=midnight)
    return pilot


def name_known(client: Client, day: date | None) -> object:
    """Return the name of the pilot by the API; the status where there is none."""
    response = client.get("/api/v1/pilots/gone/", {"known": day} if day else {})
    return response.json()["name"] if response.status_code == 200 else response.status_code


def test_each_day_has_the_record_as_it_was_at_its_end(client: Client, pilot: Pilot, settings: Any) -> None:
    # The newest first: days without a change between them share a file, which the first one asked for writes.
    days = [None, DELETED, DELETED - timedelta(1), CORRECTED, CORRECTED - timedelta(1), ENTERED]
    expected = [404, 404, "Second name", "Second name", "First name", "First name"]
    assert [name_known(client, day) for day in days] == expected
    settings.CACHE_RESPONSES = True
    assert [name_known(client, day) for day in days + days] == expected + expected


def test_a_file_streamed_later_is_of_the_day_and_says_so(client: Client, pilot: Pilot) -> None:
    response = client.get("/pilots/", {"export": "pilots.csv", "known": CORRECTED, "as_of": DELETED})
    text = b"".join(response.streaming_content).decode()
    assert 'filename="pilots-2025-07-01-known-2025-05-01.csv"' in response["Content-Disposition"]
    assert "Second name" in text
    assert "# As known on: 1 May 2025" in text
    today = b"".join(client.get("/pilots/", {"export": "pilots.csv"}).streaming_content).decode()
    assert ("Second name" in today, "As known on" in today) == (False, False)


def test_a_page_says_both_days_and_its_links_keep_them(client: Client, pilot: Pilot) -> None:
    page = client.get("/pilots/gone/", {"known": CORRECTED, "as_of": DELETED}).content.decode()
    bar = re.sub(r"<[^>]+>", "", page)
    assert "1 July 2025 as it stood, from what was on record on 1 May 2025" in " ".join(bar.split())
    assert 'href="?known=2025-05-01"' in page
    assert 'href="?as_of=2025-07-01"' in page
    assert "/pilots/?" in page
    assert all("known=2025-05-01" in link for link in re.findall(r'href="(/pilots/[^"]*)"', page))
    chinese = client.get("/pilots/gone/", {"known": CORRECTED, "lang": "zh-hans"}).content.decode()
    assert "依据<strong>2025年5月1日</strong>已有的记录" in chinese


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("yesterday", "invalid_date"),
        ("2025-02-30", "invalid_date"),
        ("9999-01-01", "future_date"),
        ("2024-12-31", "before_first_entry"),
    ],
)
def test_a_day_that_cannot_be_answered_is_refused(client: Client, pilot: Pilot, value: str, code: str) -> None:
    answer = client.get("/api/v1/pilots/", {"known": value})
    assert answer.status_code == 400
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [("known", code)]
    assert client.get("/pilots/", {"known": value}).status_code == 400


def test_nothing_is_written_with_known(admin_client: Client, pilot: Pilot) -> None:
    answer = admin_client.post("/api/v1/pilots/?known=2025-05-01", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "read_only")
    assert admin_client.delete("/api/v1/?known=2025-05-01").status_code == 405
    assert admin_client.get("/api/v1/changes/", {"known": "2025-05-01"}).status_code == 400
    assert admin_client.get("/admin/pilots/pilot/", {"known": "2025-05-01"}).status_code == 200


def test_old_files_are_deleted_and_come_back_when_asked_for(
    client: Client, pilot: Pilot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_FILES", 2)
    for day in (ENTERED, CORRECTED, DELETED):
        Snapshot(day).write()
    assert len(list(folder.iterdir())) == 2
    assert name_known(client, ENTERED) == "First name"


def test_days_without_an_entry_between_them_have_one_file(client: Client, pilot: Pilot, folder: Path) -> None:
    for day in (ENTERED, ENTERED + timedelta(1), CORRECTED - timedelta(1)):
        assert name_known(client, day) == "First name"
    [file] = folder.iterdir()
    assert name_known(client, CORRECTED) == "Second name"
    assert len(list(folder.iterdir())) == 2
    assert file.exists()


def test_from_a_past_day_people_sign_in_today(client: Client, pilot: Pilot) -> None:
    days = f"as_of={CORRECTED}&known={CORRECTED}"
    page = client.get(f"/pilots/stays/?{days}&lang=en").text
    assert '<a class="sign-in" href="/sign-in/?lang=en">' in page
    assert client.get(f"/pilots/stays/light/?{days}&lang=en")["Location"] == (
        "/sign-in/?next=/pilots/stays/light/%3Flang%3Den"
    )
    client.force_login(make_user("wang"))
    assert 'href="/account/?lang=en"' in client.get(f"/pilots/stays/?{days}&lang=en").text


def test_a_past_day_asks_for_its_limit_before_it_reads_the_journal(
    client: Client, pilot: Pilot, settings: Any, tmp_path: Path, django_assert_num_queries: Any
) -> None:
    settings.VAR_DIR, settings.RATE_LIMITS = tmp_path, {"anonymous": (1, 86_400)}
    assert client.get("/pilots/stays/", {"known": ENTERED}).status_code == 200
    for address in ("/pilots/stays/", "/api/v1/pilots/"):
        with django_assert_num_queries(0):
            assert client.get(address, {"known": ENTERED}).status_code == 429


def test_a_state_waits_for_no_other_one(client: Client, pilot: Pilot, folder: Path) -> None:
    lock = snapshots.BUILDING.setdefault(Snapshot(ENTERED).path.stem, Lock())
    with lock:  # a thread writes that day
        assert name_known(client, CORRECTED) == "Second name"
    assert name_known(client, ENTERED) == "First name"
    assert not snapshots.BUILDING


def test_past_days_without_an_account_are_limited(client: Client, pilot: Pilot, settings: Any, tmp_path: Path) -> None:
    """Those whose records have to be written to a file first."""
    settings.VAR_DIR, settings.RATE_LIMITS = tmp_path, {"past-days": (1, 86_400)}
    address, header = "/pilots/stays/", {"Authorization": "Bearer spt_wrong"}
    assert [client.get(address, {"known": day}).status_code for day in (ENTERED, ENTERED, CORRECTED)] == [200, 200, 429]
    refused = client.get("/api/v1/pilots/", {"known": CORRECTED})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert client.get(address, {"as_of": CORRECTED}).status_code == 200
    assert client.get(address, {"known": CORRECTED}, headers=header).status_code == 429
    assert client.get("/api/v1/pilots/", {"known": CORRECTED}, headers=header).status_code == 401
    assert client.get(address, {"known": ENTERED}).status_code == 200
    user = make_user("wang")
    assert client_with_token(user).send("GET", f"/api/v1/pilots/?known={CORRECTED}").status_code == 200
    client.force_login(user)
    assert client.get(address, {"known": DELETED}).status_code == 200


@pytest.mark.django_db
def test_names_of_a_past_day_are_for_those_whom_the_record_concerns_today_too() -> None:
    with clock_at(ENTERED):
        first, second = (make.province(slug=slug) for slug in ("first", "second"))
        fields = {"owner_agency": make.agency(), "owner_person": "Ms Li", "opened_on": ENTERED, "due_on": DELETED}
        follow_up = make.follow_up(province=first, **fields)
    former, present = (make_user(place.slug, "provincial_editor", place) for place in (first, second))
    address = f"/api/v1/actions/{follow_up.number}/"

    def contacts() -> list[tuple[str, bool]]:
        query, seen = {"known": ENTERED, "as_of": ENTERED}, []
        for user in (former, present):
            record = client_with_token(user).send("GET", f"{address}?known={ENTERED}&as_of={ENTERED}").json()
            page = client_of(user).get(follow_up.get_absolute_url(), query).content.decode()
            seen.append((record["owner_person"], "Ms Li" in page))
        return seen

    assert contacts() == [("Ms Li", True), (None, False)]
    follow_up.province = second
    follow_up.save()
    assert contacts() == [(None, False), (None, False)]
