"""Issued sheets: kept as issued, checked by their number, and compared with the records of today."""

import io
import json
import re
from datetime import date
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import Officer, Role
from core.history.append_only import rows_may_be_deleted
from core.jobs.models import Job
from dashboard.briefs.blocks import checksum, from_data
from dashboard.briefs.sheets import SheetCheck
from dashboard.briefs.writers import archive
from dashboard.models import SHEET_ALPHABET, IssuedSheet, new_sheet_id
from pilots.models import Pilot, Reading
from tests.factories import (
    make_batch,
    make_indicator,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_target,
)
from tests.support.jobs import enqueued, jobs_done, run_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "as_of=2026-06-30"
SAME = "Unchanged since it was issued, and it would read the same today."


@pytest.fixture
def pilot() -> Pilot:
    """Make a pilot with one target and one accepted value."""
    province = make_province(slug="jia", name_zh="甲省", short_en="Jia")
    pilot = make_pilot(make_batch(slug="first", known_by=date(2024, 1, 15)), province, slug="park", name_en="Park")
    indicator = make_indicator("AIR_A")
    make_target(pilot, indicator, 100, 70)
    make_reading(pilot, indicator, "2025", 80, accepted_on=date(2026, 3, 1))
    return pilot


@pytest.fixture
def clerk() -> Client:
    return signed_in("clerk")


def signed_in(name: str, **fields: Any) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name, **fields))
    return client


def issue(client: Client, query: str = DAY, path: str = "/brief/pilot/park/") -> str:
    """Issue a sheet and return its path."""
    response = client.post(f"/check/issue/?{query}", {"path": path})
    assert response.status_code == 302, response.content.decode()
    return str(response["Location"])


def overwrite(path: str, **values: object) -> None:
    """Change a stored sheet past the triggers that refuse it."""
    with rows_may_be_deleted():
        IssuedSheet.objects.filter(pk=path.split("/")[2]).update(**values)


def test_issued_sheet_keeps_its_texts_and_every_file_of_it_has_them(pilot: Pilot, clerk: Client) -> None:
    page = clerk.get(f"/brief/pilot/park/?{DAY}&since=2025-12-31")
    assert "Issue this sheet" in page.content.decode()
    assert "Issue this sheet" not in Client().get(f"/brief/pilot/park/?{DAY}").content.decode()
    path = issue(clerk, f"{DAY}&since=2025-12-31")
    sheet = IssuedSheet.objects.get()
    assert path == f"/check/{sheet.pk}/"
    assert (sheet.kind, sheet.slug, sheet.language, sheet.as_of, sheet.since) == (
        "pilot",
        "park",
        "en",
        date(2026, 6, 30),
        date(2025, 12, 31),
    )
    assert sheet.issued_by.get_username() == "clerk"
    brief = from_data(sheet.data)
    assert (brief.address, checksum(brief)) == (f"http://testserver{path}", sheet.sha256)
    reader = Client()
    response = reader.get(path)
    assert response.context["finding"] == SAME
    assert sheet.sha256 in response.content.decode()
    assert json.loads(reader.get(f"{path}?export=json").content) == sheet.data
    pdf, word = (reader.get(f"{path}?export={code}") for code in ("pdf", "docx"))
    assert (pdf.content[:5], word.content[:2]) == (b"%PDF-", b"PK")
    assert f'filename="brief-pilot-park-2026-06-30-{sheet.pk}.pdf"' in pdf["Content-Disposition"]
    assert reader.get(f"{path}?export=xls").status_code == 400


def test_brief_page_gives_unissued_files_and_stores_nothing(pilot: Pilot) -> None:
    for code, start in (("pdf", b"%PDF-"), ("docx", b"PK"), ("json", b"{")):
        assert Client().get(f"/brief/pilot/park/?{DAY}&export={code}").content.startswith(start)
    assert not IssuedSheet.objects.exists()


def test_pdf_is_neither_offered_nor_made_without_a_font(pilot: Pilot, settings: Any, tmp_path: Any) -> None:
    settings.BRIEF_FONTS = str(tmp_path)
    page = Client().get(f"/brief/pilot/park/?{DAY}").content.decode()
    assert re.findall(r"export=(\w+)", page) == ["docx", "json"]
    refused = Client().get(f"/brief/pilot/park/?{DAY}&export=pdf")
    assert refused.status_code == 503
    assert "fonts-noto-cjk" in refused.content.decode()


def test_a_corrected_value_is_told_on_the_check_page(pilot: Pilot, clerk: Client) -> None:
    path = issue(clerk)
    before = Client().get(f"{path}?export=json").content
    reading = Reading.objects.get()
    reading.value, reading._change_reason = 95, "The meter was read wrongly"
    reading.save()
    response = Client().get(path)
    assert re.fullmatch(
        r"Unchanged since it was issued; \d+ of its \d+ texts would read otherwise today\.", response.context["finding"]
    )
    rows = [[str(cell.value) for cell in row] for row in response.context["differences"].rows]
    (light,) = [row for row in rows if row[1] == "Light"]
    assert light[0] == "Head"
    assert light[2].startswith("Green")
    assert light[3].startswith("Red")
    (change,) = response.context["changes"].rows
    assert [str(cell.value) for cell in change][-2:] == ["Value: 80 → 95", "The meter was read wrongly"]
    assert Client().get(f"{path}?export=json").content == before


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("/brief/nation/", {"plan of jia", "plan of yi", "pilot", "reading", "target", "province", "other pilot"}),
        ("/brief/province/jia/", {"plan of jia", "pilot", "reading", "target", "province"}),
        ("/brief/batch/first/", {"pilot", "reading", "target"}),
        ("/brief/pilot/park/", {"pilot", "reading", "target"}),
        ("/brief/policy/lead/", {"plan of jia", "plan of yi"}),
        ("/brief/indicator/AIR_A/", {"reading"}),
    ],
)
def test_the_check_page_names_the_changes_of_exactly_its_subject(
    pilot: Pilot, clerk: Client, address: str, own: set[str]
) -> None:
    policy = make_policy(slug="lead", issued_on=date(2024, 1, 1))
    plans = [
        make_plan(policy, pilot.province, issued_on=date(2025, 1, 2)),
        make_plan(policy, make_province(slug="yi"), issued_on=date(2025, 1, 3)),
    ]
    records = {
        "plan of jia": plans[0],
        "plan of yi": plans[1],
        "pilot": pilot,
        "reading": Reading.objects.get(),
        "province": pilot.province,
        "other pilot": make_pilot(make_batch(slug="second"), make_province()),
        "target": make_target(pilot, make_indicator("AIR_B"), 100, 70),
    }
    path = issue(clerk, path=address)
    for record in records.values():
        record.save()
    check = SheetCheck(IssuedSheet.objects.get(), User())
    changed = {(change.historical.instance_type, change.historical.id) for change in check.changes}
    named = {name for name, record in records.items() if (type(record), record.pk) in changed}
    assert named == own
    assert Client().get(path).status_code == 200


def test_the_check_page_needs_the_same_queries_for_one_change_and_three(
    pilot: Pilot, clerk: Client, django_assert_num_queries: Any
) -> None:
    path, reading = issue(clerk), Reading.objects.get()
    for values in ([95], [96, 97]):
        for value in values:
            reading.value = value
            reading.save()
        with django_assert_num_queries(22):  # 17 of the brief of today; keys, entries, versions before, sources
            Client().get(path)


def test_the_database_refuses_to_change_or_delete_a_sheet(pilot: Pilot, clerk: Client) -> None:
    issue(clerk)
    for action in (lambda: IssuedSheet.objects.update(slug="other"), lambda: IssuedSheet.objects.get().delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            action()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM dashboard_issuedsheet")


@pytest.mark.parametrize("field", ["headline", "slug", "data"])
def test_a_tampered_sheet_says_that_its_checksum_does_not_match(pilot: Pilot, clerk: Client, field: str) -> None:
    path = issue(clerk)
    data = IssuedSheet.objects.get().data
    changes: dict[str, dict[str, object]] = {
        "headline": {"data": {**data, "headline": "All is well."}},
        "slug": {"slug": "other"},
        "data": {"data": {"title": 3}},
    }
    overwrite(path, **changes[field])
    response = Client().get(path)
    assert response.status_code == 200
    assert response.context["finding"].startswith("The checksum does not match")
    assert Client().get(f"{path}?export=json").status_code == (404 if field == "data" else 200)


def test_a_sheet_whose_pilot_is_gone_stays(pilot: Pilot, clerk: Client) -> None:
    path = issue(clerk)
    Pilot.objects.filter(pk=pilot.pk).update(slug="renamed")
    assert "no longer on record" in Client().get(path).context["finding"]


def test_numbers_are_read_as_people_write_them_and_others_are_not_found(pilot: Pilot, clerk: Client) -> None:
    path = issue(clerk)
    IssuedSheet.objects.create(
        **{
            field.name: getattr(IssuedSheet.objects.get(), field.name)
            for field in IssuedSheet._meta.fields
            if field.name != "id"
        },
        id="01ABCDEFGH",
    )
    reader = Client()
    assert reader.get("/check/?id=oiab-cdef gh")["Location"] == "/check/01ABCDEFGH/"
    assert reader.get("/check/OIABCDEFGH/")["Location"] == "/check/01ABCDEFGH/"
    assert reader.get(path.lower())["Location"] == path
    hostile = ["0" * 10, "0" * 11, "%00" * 10, "..%2f" * 2, "U" * 10, "<script>", "一" * 10, "0" * 3000]
    for text in hostile:
        assert reader.get(f"/check/{text}/").status_code == 404
        page = reader.get("/check/", {"id": text[:200]})
        assert (page.status_code, "No sheet has the number" in page.content.decode()) == (200, True)
    assert "<script>alert" not in reader.get("/check/?id=<script>alert(1)").content.decode()


def test_ids_are_ten_characters_at_random() -> None:
    ids = {new_sheet_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(name) for name in ids} == {10}
    assert set("".join(ids)) == set(SHEET_ALPHABET)


def test_only_who_is_signed_in_issues_and_only_briefs(pilot: Pilot, clerk: Client) -> None:
    assert Client().post(f"/check/issue/?{DAY}", {"path": "/brief/pilot/park/"})["Location"].startswith("/sign-in/")
    for path in ("", "/", "/pilots/park/", "/brief/pilot/none/", "/brief/planet/park/", "https://example.org/"):
        assert clerk.post(f"/check/issue/?{DAY}", {"path": path}).status_code == 404
    assert clerk.post(f"/check/issue/?{DAY}&since=tomorrow", {"path": "/brief/pilot/park/"}).status_code == 400
    assert clerk.get("/check/issue/").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/check/issue/").status_code == 403
    assert not IssuedSheet.objects.exists()


def test_who_issued_a_sheet_is_shown_to_the_issuer_and_the_ministry(pilot: Pilot, clerk: Client) -> None:
    path = issue(clerk)
    ministry, provincial = (signed_in(name, is_staff=True) for name in ("ministry", "provincial"))
    Officer.objects.create(user=User.objects.get(username="ministry"), role=Role.NATIONAL_EDITOR)
    Officer.objects.create(
        user=User.objects.get(username="provincial"), role=Role.PROVINCIAL_EDITOR, province=pilot.province
    )
    shown = [client.get(path).context["issuer"] for client in (clerk, ministry, provincial, Client())]
    assert [user and user.get_username() for user in shown] == ["clerk", "clerk", None, None]


# -- all in one file -------------------------------------------------------------------------------------


def fetched(client: Client, url: str) -> ZipFile:
    response: Any = client.get(f"{url}file/")
    return ZipFile(io.BytesIO(response.getvalue()))


@pytest.mark.django_db(databases=["default", "jobs"])
def test_archive_has_a_file_for_each_and_names_the_one_that_failed(
    pilot: Pilot, clerk: Client, monkeypatch: Any
) -> None:
    make_pilot(pilot.batch, pilot.province, slug="broken", name_en="Broken")
    write = archive.WRITERS["docx"].write
    monkeypatch.setattr(
        archive,
        "WRITERS",
        {"docx": archive.WRITERS["docx"]._replace(write=lambda brief: write(brief) if brief.slug == "park" else 1 / 0)},
    )
    with jobs_done():
        url = clerk.post(f"/briefs/?{DAY}", {"kind": "pilot", "file": "docx"})["Location"]
    job = Job.objects.get()
    assert (url, job.state, job.done, job.total) == (job.get_absolute_url(), "done", 2, 2)
    assert job.result_name == "briefs-pilot-2026-06-30.zip"
    found = fetched(clerk, url)
    assert found.namelist() == ["brief-pilot-park-2026-06-30.docx", "manifest.csv"]
    lines = found.read("manifest.csv").decode("utf-8-sig").splitlines()
    assert lines[0] == "slug,file,sha256,error"
    assert sorted(line.partition(",")[0] for line in lines[1:]) == ["broken", "park"]
    assert "broken,,,This brief could not be made. The log of the server says why." in lines


@pytest.mark.django_db(databases=["default", "jobs"])
def test_archive_is_for_who_is_signed_in_and_asked_for_twice_it_is_made_once(pilot: Pilot, clerk: Client) -> None:
    assert Client().get("/briefs/")["Location"].startswith("/sign-in/")
    assert clerk.post("/briefs/", {"kind": "planet", "file": "exe"}).status_code == 200  # the form, with its errors
    given = {"kind": "province", "file": "docx"}
    with enqueued():
        url = clerk.post(f"/briefs/?{DAY}", given, headers={"accept-language": "zh-hans"})["Location"]
    with enqueued():
        assert clerk.post(f"/briefs/?{DAY}", given, headers={"accept-language": "zh-hans"})["Location"] == url
    run_jobs()
    assert fetched(clerk, url).namelist() == ["brief-province-jia-2026-06-30.docx", "manifest.csv"]
    assert Job.objects.get().language == "zh-hans"
