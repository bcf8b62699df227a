"""Editions: made, submitted, approved by a second person, and never changed again, whatever is tried."""

import csv
import hashlib
import io
import re
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from core.days import SIDES, database_name
from core.files import save_blob, sha256_of
from core.history.models import FROZEN_MESSAGE, KeptRecordError
from core.jobs.queue import BUSY
from core.records import writing
from dashboard.editions import services
from dashboard.editions.services import (
    CheckItem,
    Checklist,
    build_checklist,
    compare_tables,
    content_of,
    difference_sentences,
    in_both_languages,
)
from dashboard.models import Edition, EditionState, quarter_of, quarter_start
from dashboard.overview.services import Overview, edition_figures
from dashboard.quality import rules_on
from pilots.documents import check_files
from pilots.lights import RULE_PILOT
from pilots.models import Pilot
from policies.models import Agency, Province
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.jobs import ends_of_jobs, jobs_done, run_jobs
from tests.support.scripted_year import clock_at
from tests.support.sign_in import client_of
from tests.support.threads import run_at_once

pytestmark = pytest.mark.django_db
QUARTER, ADDRESS = "2025-Q4", "/editions/2025-Q4/"


@pytest.fixture
def maker() -> User:
    return make_user("edition-maker", Role.NATIONAL_EDITOR)


@pytest.fixture
def approver() -> User:
    return make_user("edition-approver", Role.NATIONAL_EDITOR)


def in_review(maker: User, quarter: str = QUARTER) -> Edition:
    edition = services.make_edition(quarter, by=maker)
    services.write_notes(edition, by=maker, en="What is new", zh="新内容")
    services.submit(edition, by=maker)
    return Edition.objects.get(pk=edition.pk)


def said(response: Any) -> list[str]:
    """Return what a step says on the page that it leads to."""
    return [str(message) for message in list(get_messages(response.wsgi_request))[-1:]]


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def post(client: Client, step: str, **data: str) -> Any:
    return client.post(ADDRESS, {"step": step, **data})


# -- quarters ------------------------------------------------------------------------------------------


def test_a_quarter_has_its_first_and_last_day() -> None:
    days = {"2024-Q1": ((1, 1), (3, 31)), "2025-Q2": ((4, 1), (6, 30)), "2026-Q4": ((10, 1), (12, 31))}
    for quarter, ends in days.items():
        first, last = (date(int(quarter[:4]), *end) for end in ends)
        assert (quarter_start(quarter), Edition(quarter=quarter).as_of) == (first, last)
        assert [quarter_of(first), quarter_of(last)] == [quarter, quarter]


# -- the life of an edition ----------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.django_db
def test_an_edition_is_made_submitted_approved_and_published(
    maker: User, approver: User, client: Client, settings: Any
) -> None:
    settings.SITE_URL = "https://tracker.example"
    first, second = client_of(maker), client_of(approver)
    milestone = make.milestone(Pilot.objects.get(slug="huzhou"), date(2025, 6, 30), is_key=True)
    decided = {"accepted": True, "decided_on": date(2025, 7, 1), "decided_by": approver}
    make.amendment(milestone, day=date(2026, 3, 31), asked_on=date(2025, 6, 2), asked_by=maker, **decided)
    assert said(first.post("/editions/new/", {"quarter": "1999-Q1"})) != []
    assert first.post("/editions/new/", {"quarter": QUARTER})["Location"] == ADDRESS
    assert (client.get(ADDRESS).status_code, client.get("/editions/").content.count(QUARTER.encode())) == (404, 0)
    post(first, "notes", release_note_en="First edition", release_note_zh="首个版本")
    post(first, "submit")
    assert said(post(first, "approve")) == ["You made or submitted this edition: somebody else approves it."]
    assert said(post(second, "approve")) == ["Acknowledge the warnings as they are now: they are listed below."]
    digest = second.get(ADDRESS).context["checklist"].digest
    with jobs_done():
        assert post(second, "approve", acknowledged=digest)["Location"] == ADDRESS
        waits = second.get(ADDRESS)
        assert "It begins when those before it are done." in waits.text
        assert 'value="approve"' not in waits.text
    assert ends_of_jobs() == [("approve_edition", "SUCCESSFUL", "")]
    page = client.get(ADDRESS)
    edition = Edition.objects.get()
    assert (edition.state, edition.made_by, edition.approved_by) == (EditionState.APPROVED, maker, approver)
    for name in (maker.username, approver.username):
        assert name not in page.content.decode()
        assert name in second.get(ADDRESS).content.decode()
    check_files_of(edition, client)
    check_unchanged_after_a_correction(edition, client)
    check_second_edition(edition, maker, approver, client)


def check_files_of(edition: Edition, client: Client) -> None:
    """Every file has its checksum, and names nobody; they name the site, by none of its other hosts."""
    files = {file["path"]: body(client.get(f"{ADDRESS}files/{file['path']}")) for file in edition.files}
    for file in edition.files:
        content = files[file["path"]]
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["size"])
    assert hashlib.sha256(files[f"{QUARTER}.zip"]).hexdigest() == edition.sha256
    with zipfile.ZipFile(io.BytesIO(files[f"{QUARTER}.zip"])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path: content for path, content in files.items() if path != f"{QUARTER}.zip"
        }
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in files.items()
        if path not in {"SHA256SUMS", f"{QUARTER}.zip"}
    }
    found = check_files(with_hash=True, clean=False)
    assert (found["missing"], found["without a record"], found["damaged"]) == ([], [], [])
    check_tables({path: content for path, content in files.items() if path.startswith("data/")})
    assert b"The supplier is late" in files["data/amendments.csv"]
    assert [
        path for path, content in files.items() if b"edition-maker" in content or b"edition-approver" in content
    ] == []
    assert [path for path, content in files.items() if b"testserver" in content] == []
    assert any(f"https://tracker.example{ADDRESS}".encode() in content for content in files.values())
    assert client.get(f"{ADDRESS}files/data/nothing.csv").status_code == 404
    response = client.get(f"{ADDRESS}files/data/agencies.csv")
    assert body(response) == files["data/agencies.csv"]
    assert response["Content-Disposition"].startswith(f'attachment; filename="{QUARTER}-agencies.csv"')


def check_tables(files: dict[str, bytes]) -> None:
    """Each table has a value in each column of each row, and its key once."""
    assert len(files) == 24
    for path, content in files.items():
        head, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
        assert {len(row) for row in rows} <= {len(head)}, path
        assert len({row[0] for row in rows}) == len(rows), path


def check_unchanged_after_a_correction(edition: Edition, client: Client) -> None:
    """A value corrected after the approval changes no byte of the edition."""
    path = f"{ADDRESS}files/data/pilots.csv"
    before, page = body(client.get(path)), client.get(ADDRESS).context["content"]
    pilot = Pilot.objects.get(slug="huzhou")
    pilot.name_en = "Corrected name"
    pilot.save()
    assert body(client.get(path)) == before
    assert b"Corrected name" not in before
    assert client.get(ADDRESS).context["content"] == page


def check_second_edition(first: Edition, maker: User, approver: User, client: Client) -> None:
    """The next edition says what differs from this one."""
    Agency.objects.create(slug="new-agency", name_zh="新机构", name_en="New agency")
    edition = in_review(maker, "2026-Q1")
    seen = build_checklist(edition).digest
    services.approve(edition, by=approver, seen=seen, address="http://testserver/editions/2026-Q1/")
    content = content_of(Edition.objects.get(quarter="2026-Q1"))
    agencies = Agency.objects.count()
    assert content["previous"] == first.quarter
    found = difference_sentences(content)
    assert f"Agencies: 1 added; {agencies} records now" in found
    warnings, chinese = content["warnings"], re.compile("[\u4e00-\u9fff]")
    assert warnings
    assert not [item for item in warnings if chinese.search(item["label_en"]) or not chinese.search(item["label_zh"])]
    assert any(re.fullmatch(r"Pilots: \d+ changed; \d+ records now", sentence) for sentence in found)
    rows = client.get("/api/v1/editions/").json()["results"]
    assert [(row["quarter"], row["previous"]) for row in rows] == [("2026-Q1", first.quarter), (first.quarter, None)]


def test_the_key_numbers_are_those_of_the_overview() -> None:
    value = Overview(date(2025, 12, 31))
    figures = {figure["code"]: figure for figure in edition_figures(value)}
    assert value.rollout is not None
    assert (figures["plans"]["value"], figures["plans"]["whole"]) == (value.rollout.issued, value.rollout.roster)
    assert (figures["cities"]["value"], figures["cities"]["whole"]) == (value.cities.recorded, value.cities.announced)
    plans, *_rest = in_both_languages(lambda: edition_figures(value), "label", "scope")
    assert (plans["label_en"], plans["label_zh"]) == ("Provincial plans issued", "已印发省级方案")


@pytest.mark.django_db
@pytest.mark.exhaustive
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; in memory one connection")
def test_of_two_connections_that_approve_at_once_one_wins_and_the_other_is_told(maker: User, approver: User) -> None:
    edition, rival = in_review(maker), make_user("rival", Role.NATIONAL_EDITOR)
    seen = build_checklist(edition).digest

    def approve(by: User) -> Edition:
        return services.approve(edition, by=by, seen=seen, address="http://testserver/")

    found = run_at_once(lambda: approve(approver), lambda: approve(rival))
    (won,) = [each for each in found if isinstance(each, Edition)]
    (told,) = [each for each in found if isinstance(each, ValidationError)]
    assert told.messages == [str(FROZEN_MESSAGE)]
    assert Edition.objects.get().approved_by_id == won.approved_by_id
    assert Edition.history.filter(state=EditionState.APPROVED).count() == 1


def test_an_edition_is_known_from_the_day_of_its_approval_on(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.SNAPSHOT_DIR = tmp_path  # clocks and databases of tests repeat
    with clock_at(date(2026, 2, 1)):
        make.province()
    with clock_at(date(2026, 3, 2)):
        make.edition(QUARTER)
    with clock_at(date(2026, 5, 1)):
        addresses = (ADDRESS, "/editions/", "/api/v1/editions/")
        before, after = (
            [client.get(address, {"known": day}) for address in addresses] for day in ("2026-03-01", "2026-03-02")
        )
        assert [(page.status_code, api.json()["count"]) for page, _list, api in (before, after)] == [(404, 0), (200, 1)]
        assert [QUARTER in pages[1].content.decode() for pages in (before, after)] == [False, True]
        assert "the newest is that of 2025-Q4" in after[1].context["finding"]


@pytest.mark.django_db
def test_what_came_between_the_button_and_the_job_fails_it_in_words(maker: User, approver: User) -> None:
    edition, client = in_review(maker), client_of(approver)
    digest = client.get(ADDRESS).context["checklist"].digest
    post(client, "approve", acknowledged=digest)
    services.send_back(edition, by=maker, reason="Wait")
    run_jobs()
    error = "It is “draft” now: somebody else took a step. Look at it, then try again."
    assert ends_of_jobs() == [("approve_edition", "SUCCESSFUL", error)]
    assert Edition.objects.get().state == EditionState.DRAFT


def test_a_second_approval_while_the_first_waits_is_refused_with_a_sentence(maker: User, approver: User) -> None:
    """It would acknowledge other warnings: it is not dropped in silence."""
    edition, client = in_review(maker), client_of(approver)
    digest = client.get(ADDRESS).context["checklist"].digest
    rival = client_of(make_user("rival", Role.NATIONAL_EDITOR))
    post(client, "approve", acknowledged=digest)
    assert said(post(rival, "approve", acknowledged=digest)) == [str(BUSY)]
    run_jobs()
    edition.refresh_from_db()
    assert edition.approved_by == approver
    assert len(ends_of_jobs()) == 1


@pytest.mark.parametrize("state", ["draft", "in_review", "waiting", "approved"])
def test_every_address_of_an_edition_answers_in_every_state(maker: User, approver: User, state: str) -> None:
    client = client_of(approver)
    if state == "draft":
        services.make_edition(QUARTER, by=maker)
    else:
        in_review(maker)
    if state in {"waiting", "approved"}:
        post(client, "approve", acknowledged=client.get(ADDRESS).context["checklist"].digest)
    if state == "approved":
        run_jobs()
    for reader, status in ((client, 200), (Client(), 200 if state == "approved" else 404)):
        assert reader.get("/editions/").status_code == 200
        assert reader.get("/api/v1/editions/").status_code == 200
        for address in (ADDRESS, f"{ADDRESS}?lang=zh-hans", f"{ADDRESS}?export=figures.csv"):
            assert reader.get(address).status_code == status, address
        for address in (f"{ADDRESS}files/SHA256SUMS", f"/api/v1/editions/{QUARTER}/"):
            answer = reader.get(address)
            assert (answer.status_code, body(answer) != b"") == (200 if state == "approved" else 404, True), address
    for step in ("notes", "submit", "approve", "return", "nonsense"):
        assert post(client, step).status_code in {302, 400}, step


def test_every_line_of_a_checklist_leads_to_what_it_counts(maker: User) -> None:
    """Data quality is shown as of the last day of the quarter, as it is counted here."""
    edition = services.make_edition(QUARTER, by=maker)
    client = client_of(maker)
    lines = [item for item in client.get(ADDRESS).context["checklist"].items if item.url.startswith("/")]
    pages = {item.code: client.get(item.url) for item in lines}
    assert {code: page.status_code for code, page in pages.items() if page.status_code != 200} == {}
    rules = {item.code: item.count for item in lines if item.url.startswith(reverse("quality"))}
    assert len(rules) > 3
    assert {code: pages[code].context["page"].paginator.count for code in rules} == rules
    assert {pages[code].context["finding"].rpartition("as of ")[2] for code in rules} == {"31 December 2025"}
    assert edition.as_of == date(2025, 12, 31)


def test_errors_of_the_checklist_block_the_approval(maker: User, approver: User) -> None:
    edition = services.make_edition(quarter_of(date.today()), by=maker)  # noqa: DTZ011  # as the site's own day
    client, address = client_of(maker), f"/editions/{edition.quarter}/"
    assert "It cannot be submitted while there are errors." in client.get(address).text
    errors = [
        "The quarter is not over (1/1). Approve it after the last day of the quarter.",
        "Release notes are missing in a language (2/2). Write them in both languages.",
    ]
    assert said(client.post(address, {"step": "submit"})) == [" ".join(errors)]
    edition.refresh_from_db()
    assert edition.state == EditionState.DRAFT
    Edition.objects.update(state=EditionState.IN_REVIEW, submitted_by=maker)  # the errors came after it was submitted
    edition.refresh_from_db()
    checklist = build_checklist(edition)
    assert [(item.code, item.count, item.of) for item in checklist.errors] == [
        ("quarter-running", 1, 1),
        ("notes-missing", 2, 2),
    ]
    with pytest.raises(ValidationError) as caught:
        services.approve(edition, by=approver, seen=checklist.digest, address="http://testserver/")
    assert caught.value.messages == errors


def test_a_warning_that_was_not_seen_is_not_acknowledged() -> None:
    def checklist(*counts: int) -> Checklist:
        return Checklist([CheckItem(f"rule-{n}", False, n, 9) for n in counts])

    assert checklist(1, 2).digest == checklist(1, 2).digest
    assert len({checklist(1, 2).digest, checklist(1, 3).digest, checklist(1).digest, checklist().digest}) == 4


def test_a_warning_of_a_rule_that_is_gone_stays_readable(client: Client) -> None:
    warning = {"code": "no-english", "label_en": "English name missing", "label_zh": "缺少英文名称"}
    content = make.edition("2025-Q3").content | {"warnings": [{**warning, "count": 3, "of": 9}]}
    make.edition(QUARTER, content=content)
    assert warning["code"] not in {rule.code for rule in rules_on(date(2026, 11, 25))}
    for language, label in (("en", warning["label_en"]), ("zh-hans", warning["label_zh"])):
        page = client.get(ADDRESS, {"lang": language})
        [[name, found]] = page.context["warnings"].rows
        assert (name.value, found.value in page.text) == (label, True)


def test_a_returned_edition_is_a_draft_and_a_draft_can_be_deleted(maker: User, approver: User) -> None:
    edition, client = in_review(maker), client_of(approver)
    assert said(post(client_of(maker), "submit")) == [
        "You have submitted this edition already: somebody else approves it."
    ]
    assert said(post(client, "submit"))[0].startswith("It is “in review” now: somebody else took a step.")
    assert said(post(client, "notes", release_note_en="x", release_note_zh="y"))[0].startswith("It is “in review” now")
    assert said(post(client, "return", reason=" ")) == ["Say what is to be done first."]
    post(client, "return", reason="The plan of one province is missing.")
    entry = Edition.history.first()  # type: ignore[attr-defined]
    assert (entry.state, entry.history_user, entry.history_change_reason) == (
        EditionState.DRAFT,
        approver,
        "The plan of one province is missing.",
    )
    assert post(client, "discard").status_code == 302
    assert not Edition.objects.filter(pk=edition.pk).exists()
    deleted = Edition.history.first()  # type: ignore[attr-defined]
    restored = writing.restore_version(deleted, opened=str(deleted.pk))
    assert (restored.state, restored.made_by, restored.submitted_by) == (EditionState.DRAFT, maker, maker)


# -- it stays as it was approved -----------------------------------------------------------------------


def test_an_approved_edition_is_neither_changed_nor_deleted() -> None:
    """However it is tried; tests/core/history/test_append_only.py has the other ways."""
    edition = make.edition(QUARTER)
    before = list(Edition.objects.values())
    for write in (edition.save, edition.delete, Edition.objects.filter(quarter=QUARTER).delete):
        with pytest.raises(KeptRecordError, match="stays as it was approved"):
            write()
    assert list(Edition.objects.values()) == before


def test_the_database_refuses_an_approver_who_made_it(maker: User) -> None:
    for name in ("made_by", "submitted_by"):
        with pytest.raises(IntegrityError, match="edition_approver_differs"), transaction.atomic():
            make.edition(QUARTER, **{name: maker, "approved_by": maker})


def test_the_service_and_the_page_refuse_every_step(maker: User) -> None:
    make.edition(QUARTER)
    client = client_of(maker)
    for step in ("notes", "submit", "return", "discard", "approve"):
        assert said(post(client, step, release_note_en="x", reason="y", acknowledged="z")) == [str(FROZEN_MESSAGE)], (
            step
        )


def test_the_admin_shows_it_and_changes_nothing(maker: User) -> None:
    edition, admin = make.edition(QUARTER), make_user("root", Role.ADMIN)
    User.objects.filter(pk__in=[maker.pk, admin.pk]).update(is_staff=True)
    before = list(Edition.objects.values())
    for user in (maker, admin):
        client = client_of(User.objects.get(pk=user.pk))
        page = f"/admin/dashboard/edition/{edition.pk}"
        assert client.get(f"{page}/change/").status_code == 200
        for action, data in (("change", {"release_note_en": "x"}), ("delete", {"post": "yes"})):
            assert client.post(f"{page}/{action}/", data).status_code == 403
        assert client.get("/admin/dashboard/edition/add/").status_code == 403
    assert list(Edition.objects.values()) == before


def test_no_version_of_it_is_restored(maker: User) -> None:
    edition = make.edition(QUARTER)
    version = edition.history.first()  # type: ignore[attr-defined]
    version.release_note_en = "other"
    version.save()
    User.objects.filter(pk=maker.pk).update(is_staff=True)
    client = client_of(User.objects.get(pk=maker.pk))
    page = client.post(
        f"/admin/dashboard/edition/{edition.pk}/history/{version.pk}/", {"version": version.pk, "change_reason": "x"}
    )
    assert (page.status_code, str(FROZEN_MESSAGE) in page.content.decode()) == (200, True)
    edition.refresh_from_db()
    assert edition.release_note_en == ""


# -- who sees and does what ----------------------------------------------------------------------------


def test_a_draft_is_for_editors_and_steps_for_the_ministry(maker: User, approver: User) -> None:
    people = {
        "anonymous": Client(),
        "viewer": client_of(make_user("viewer", Role.VIEWER)),
        "provincial": client_of(make_user("provincial", Role.PROVINCIAL_EDITOR, Province.objects.first())),
        "national": client_of(maker),
    }
    services.write_notes(services.make_edition(QUARTER, by=approver), by=approver, en="x", zh="y")
    seen = {name: client.get(ADDRESS).status_code for name, client in people.items() if name != "national"}
    assert seen == {"anonymous": 404, "viewer": 404, "provincial": 200}
    taken = {name: client.post(ADDRESS, {"step": "submit"}).status_code for name, client in people.items()}
    assert taken == {"anonymous": 404, "viewer": 404, "provincial": 403, "national": 302}
    made = {
        name: client.post("/editions/new/", {"quarter": "2025-Q3"}).status_code
        for name, client in people.items()
        if name != "national"
    }
    assert made == {"anonymous": 302, "viewer": 403, "provincial": 403}
    assert list(Edition.objects.values_list("quarter", "state")) == [(QUARTER, EditionState.IN_REVIEW)]
    assert all(client.get("/api/v1/editions/").json()["count"] == 0 for client in people.values())
    assert all(client.get(f"{ADDRESS}files/{QUARTER}.zip").status_code == 404 for client in people.values())


# -- citation, file and licence ------------------------------------------------------------------------


def test_the_difference_is_said_in_words() -> None:
    plans = {"code": "plans", "label": "Plans", "value": 27, "of": 32}
    none = {**plans, "value": None, "of": None}
    same = {"title": "A", "before": 4, "now": 4, "added": 0, "removed": 0, "changed": 0}
    corrected = {**same, "title": "C", "changed": 1}
    differs = {"title": "B", "before": 4, "now": 5, "added": 2, "removed": 1, "changed": 3}
    for old, new, said in ((plans, none, "27 of 32 → no data"), (none, plans, "no data → 27 of 32")):
        content = {"previous": "2025-Q3", "figures": [new], "previous_figures": [old]}
        assert difference_sentences({**content, "changes": [same, differs, corrected]}) == [
            f"Plans: {said}",
            "B: 2 added; 1 removed; 3 changed; 5 records now",
            "C: 1 changed; 4 records now",
        ]
    remodelled = {**same, "title": "D", **dict.fromkeys(("added", "removed", "changed"))}
    content = {"previous": "2025-Q3", "same_rules": False, "figures": [], "previous_figures": []}
    assert difference_sentences({**content, "changes": [remodelled]}) == [
        "Lights, and what is counted by them: not comparable, the rules have changed",
        "D: not comparable, its model has changed; 4 records now",
    ]


def test_a_table_whose_model_has_changed_is_not_compared() -> None:
    """A new column changes no row; where one is gone, added and changed rows would be moved ones."""
    before = {"same": b"id,a\n1,x\n2,y\n", "wider": b"id,a\n1,x\n2,y\n", "moved": b"id,a,b\n1,x,z\n"}
    now = {"same": b"id,a\n1,x\n3,y\n", "wider": b"id,a,b\n1,x,w\n2,z,w\n", "moved": b"id,a\n1,x\n2,y\n"}
    stored = [{"path": f"data/{name}.csv", "sha256": sha256_of(content)} for name, content in before.items()]
    for content in before.values():
        save_blob(content)
    tables = {f"data/{name}.csv": content for name, content in now.items()}
    titles = [{"table": name} for name in (*now, "new")]
    names = ("before", "now", "added", "removed", "changed")
    found = compare_tables(Edition(content={"files": stored}), tables | {"data/new.csv": b"id\n"}, titles)
    assert {item["table"]: tuple(item[name] for name in names) for item in found} == {
        "same": (2, 2, 1, 1, 0),
        "wider": (2, 2, 0, 0, 1),
        "moved": (1, 2, None, None, None),
    }


def test_figures_of_other_rules_are_not_compared_and_the_page_says_so(maker: User, approver: User) -> None:
    """The edition before was approved by version 1.0.0, which knew no rules to name."""
    figures = [
        {"code": code, "label_en": code, "label_zh": code, "scope_en": "", "scope_zh": "", "value": 1, "of": 2}
        for code in ("plans", "light-red", "on-track", "reported")
    ]
    empty: dict[str, list[Any]] = {name: [] for name in ("files", "previous_figures", "changes", "warnings")}
    old = make.edition("2025-Q3", content={**empty, "previous": "", "figures": figures})
    edition = in_review(maker)
    seen = build_checklist(edition).digest
    services.approve(edition, by=approver, seen=seen, address="http://testserver/")
    content = content_of(Edition.objects.get(pk=edition.pk))
    assert [figure["code"] for figure in content["previous_figures"]] == ["plans"]
    assert (content["rules"], content["same_rules"]) == (RULE_PILOT, False)
    text = "Its lights follow the rules of its day."
    assert [text in Client().get(item.get_absolute_url()).text for item in (old, edition)] == [True, False]


def test_an_edition_approved_in_a_demonstration_is_in_its_api(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock has passed the day that a demonstration calls today; days before that end as ever."""
    day = timezone.localdate() - timedelta(3)
    monkeypatch.setitem(SIDES, database_name(), (True, day))
    make.edition("2026-Q3")
    found = [Client().get("/api/v1/editions/", query).json()["count"] for query in ({}, {"as_of": day - timedelta(1)})]
    assert found == [1, 0]
