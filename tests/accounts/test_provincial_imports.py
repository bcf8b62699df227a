"""Object permissions of imports: a provincial editor imports rows of the province; one foreign row fails the file."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core.imports.models import Import
from core.records.writing import Conflict
from pilots.models import Milestone
from policies.models import ProvincialPlan
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.imports import (
    checked_import,
    confirm_import,
    csv_bytes,
    dry_run_of,
    errors_of,
    run_import,
    table_checksums,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
OUT_OF_SCOPE = "This belongs to another province or to all: your role does not reach it."
NAME_YOURS = "Name your own. Without it the record belongs to all, which your role does not reach."


@pytest.fixture
def world() -> SimpleNamespace:
    """Make two provinces with a plan, a pilot and a milestone each."""
    policy, batch = make.policy(slug="national", title_zh="国家方案"), make.batch(slug="batch")
    sides = {}
    for slug in ("home", "away"):
        place = make.province(slug=slug, name_zh=slug, short_zh=slug)
        pilot = make.pilot(batch, place, slug=f"{slug}-city", name_zh=f"{slug}市")
        milestone = make.milestone(pilot, "2025-05-01", title_zh="平台", title_en="")
        plan = make.plan(policy, place)
        sides[slug] = SimpleNamespace(province=place, pilot=pilot, plan=plan, milestone=milestone)
    return SimpleNamespace(policy=policy, batch=batch, so2=make.indicator("SO2"), **sides)


@pytest.fixture
def editor(world: SimpleNamespace, client: Client) -> User:
    """Return an editor who is signed in as `client`."""
    user = make_user("editor", "provincial_editor", world.home.province)
    client.force_login(user)
    return user


PLANS = ["policy", "province", "status", "note_en"]


FOREIGN = [
    ("plans", PLANS, [["national", "away", "issued", "taken"]], "B2"),
    ("plans", PLANS, [["second", "away", "drafting", ""]], "B2"),
    (
        "policies",
        ["code", "title in Chinese", "level", "province", "issued on"],
        [["new", "新", "provincial", "away", "2023-01-01"]],
        "D2",
    ),
    ("policies", ["code", "note_en"], [["national", "taken"]], "2"),
    ("milestones", ["pilot", "title_zh", "planned_on", "note_en"], [["away-city", "平台", "2025-05-01", "x"]], "A2"),
]


@pytest.mark.parametrize(("kind", "heads", "rows", "cell"), FOREIGN)
def test_a_foreign_row_is_an_error_of_its_cell(
    world: SimpleNamespace, editor: User, kind: str, heads: list[str], rows: list[list[str]], cell: str
) -> None:
    """Who reaches everywhere brings in the very same file."""
    make.policy(slug="second")
    plan = dry_run_of(kind, heads, *rows, by=editor)
    assert errors_of(plan) == [(cell, "not_yours")]
    assert [fault.message for fault in plan.errors] == [NAME_YOURS if cell == "2" and len(heads) > 2 else OUT_OF_SCOPE]
    for by in (None, make_user("admin", "admin"), User.objects.create_superuser("root")):
        assert errors_of(dry_run_of(kind, heads, *rows, by=by)) == []


def test_a_record_is_not_moved_across_the_border(world: SimpleNamespace, editor: User) -> None:
    """Neither away nor, by its number, home."""
    heads = ["id", "policy", "province", "status"]
    second = make.policy(slug="second")
    moved = [[world.home.plan.pk, "second", "away", "issued"], [world.away.plan.pk, second.slug, "home", "issued"]]
    assert errors_of(dry_run_of("plans", heads, *moved, by=editor)) == [("C2", "not_yours"), ("C3", "not_yours")]
    heads = ["id", "pilot", "title_zh"]
    moved = [[world.home.milestone.pk, "away-city", "平台"], [world.away.milestone.pk, "home-city", "甲"]]
    refused = [("B2", "invalid"), ("B3", "invalid"), ("B3", "not_yours")]  # it stays with its pilot
    assert sorted(set(errors_of(dry_run_of("milestones", heads, *moved, by=editor)))) == refused


def test_rows_that_change_nothing_may_be_anybody_s(world: SimpleNamespace, editor: User) -> None:
    """A whole export is edited in the editor's own rows and imported again."""
    rows = [["national", "home", "issued", "mine"], ["national", "away", "issued", None]]
    record = checked_import("plans", PLANS, *rows, by=editor)
    assert (record.updated, record.unchanged) == (1, 1)
    confirm_import(record, by=editor)
    assert [*ProvincialPlan.objects.filter(note_en="mine")] == [world.home.plan]
    assert world.away.plan.history.count() == 1


def test_who_confirms_is_judged_anew(world: SimpleNamespace, editor: User) -> None:
    """What an administrator checked is not the editor's to confirm, and a lost province closes what was open."""
    foreign = checked_import("plans", PLANS, ["national", "away", "issued", "taken"], by=make_user("admin", "admin"))
    own = checked_import("plans", PLANS, ["national", "home", "issued", "mine"], by=editor)
    before = table_checksums(histories=True)
    with pytest.raises(Conflict, match=f"Row 2: {OUT_OF_SCOPE}"):
        confirm_import(foreign, by=editor)
    type(editor.officer).objects.filter(user=editor).update(province=world.away.province)
    with pytest.raises(Conflict, match=f"Row 2: {OUT_OF_SCOPE}"):
        confirm_import(own, by=User.objects.get(pk=editor.pk))
    after = table_checksums(histories=True)
    assert {name for name, rows in after.items() if rows != before[name]} == {"accounts_officer"}


# -- guarded fields ----------------------------------------------------------------------------------------

READINGS = ["pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"]


def test_what_overtook_a_foreign_row_is_not_told_by_name(world: SimpleNamespace, editor: User) -> None:
    rows = [["national", "home", "issued", "mine"], ["national", "away", "issued", None]]
    record = checked_import("plans", PLANS, *rows, by=editor)
    for plan in (world.home.plan, world.away.plan):
        plan._history_user = User.objects.create_user(f"at-{plan.province.slug}")
        plan.title_en = "Meanwhile"
        plan.save()
    with pytest.raises(Conflict) as refused:
        confirm_import(record, by=editor)
    own, foreign = refused.value.messages
    assert "changed by at-home" in own
    assert foreign == "Row 3: would do something else than the dry run showed."


def test_accepting_by_a_file_takes_the_right(world: SimpleNamespace, editor: User) -> None:
    row = ["home-city", "SO2", "2024", "9", "2025-02-01", "accepted", "2025-03-01"]
    plan = dry_run_of("readings", READINGS, row, by=editor)
    assert [(fault.cell, fault.message) for fault in plan.errors] == [
        ("G2", "The ministry accepts, returns and disputes.")
    ]
    reading = make.reading(world.home.pilot, world.so2, "2023", 10)
    kept = [[reading.pk, "accepted", str(reading.accepted_on), "noted"]]
    heads = ["id", "state", "accepted_on", "note_en"]
    assert errors_of(dry_run_of("readings", heads, *kept, by=editor)) == [("D2", "not_yours")]
    kept[0][-1] = reading.note
    assert errors_of(dry_run_of("readings", heads, *kept, by=editor)) == []
    disputed = dry_run_of("readings", heads, [reading.pk, "disputed", str(reading.accepted_on), ""], by=editor)
    assert errors_of(disputed) == [("B2", "state")]


# -- the pages ---------------------------------------------------------------------------------------------


def upload_file(client: Client, kind: str, *rows: Any) -> Import:
    file = SimpleUploadedFile("rows.csv", csv_bytes(*rows))
    answer = client.post(reverse("import-list"), {"kind": kind, "file": file})
    assert answer.status_code == 302, answer.text
    return Import.objects.latest("pk")


def test_imports_of_others_are_not_there(world: SimpleNamespace, editor: User, client: Client) -> None:
    other = make_user("other", "provincial_editor", world.home.province)
    row = ["national", "home", "issued", "theirs"]
    theirs = [checked_import("plans", PLANS, row, by=by) for by in (other, User.objects.create_superuser("root"), None)]
    mine = upload_file(client, "plans", PLANS, ["national", "home", "issued", "mine"])
    page = client.get(reverse("import-list"))
    assert [record.pk for record in page.context["page"]] == [mine.pk]
    before = table_checksums(histories=True)
    for record in theirs:
        for name in ("import-detail", "import-workbook"):
            assert client.get(reverse(name, args=[record.pk])).status_code == 404
        for name in ("import-confirm", "import-undo", "import-again"):
            assert client.post(reverse(name, args=[record.pk]), {"reason": ""}).status_code == 404
    assert table_checksums(histories=True) == before
    assert client.get(mine.get_absolute_url()).status_code == 200


def test_an_editor_does_not_undo_but_with_the_right_and_then_one_s_own(
    world: SimpleNamespace, editor: User, client: Client
) -> None:
    second = make.policy(slug="second")
    mine = upload_file(client, "plans", PLANS, [second.slug, "home", "drafting", ""])
    client.post(reverse("import-confirm", args=[mine.pk]), {"reason": ""})
    assert second.plans.count() == 1
    assert reverse("import-undo", args=[mine.pk]) not in client.get(mine.get_absolute_url()).text
    assert client.post(reverse("import-undo", args=[mine.pk]), {"reason": ""}).status_code == 403
    assert second.plans.count() == 1
    editor.user_permissions.add(Permission.objects.get(codename="undo_import"))
    theirs = run_import("plans", PLANS, ["national", "home", "issued", "x"], by=make_user("admin", "admin"))
    assert client.post(reverse("import-undo", args=[theirs.pk]), {"reason": ""}).status_code == 404
    assert client.post(reverse("import-undo", args=[mine.pk]), {"reason": ""}).status_code == 302
    assert second.plans.count() == 0


@pytest.mark.parametrize(("kind", "form"), [("plans", "csv"), ("milestones", "xlsx"), ("practices", "csv")])
def test_an_export_to_be_edited_holds_one_s_own_records(
    world: SimpleNamespace, editor: User, client: Client, kind: str, form: str
) -> None:
    for side in (world.home, world.away):
        note = {"note_en": f"entered in {side.province.slug}"}
        make.target(side.pilot, world.so2, 100, 80, **note)
        make.reading(side.pilot, world.so2, "2024", 90, **note)
        practice = make.practice(side.pilot, province=side.province, **note)
        make.adoption(practice, province=side.province, **note)
        make.effect(practice, province=side.province, **note)
        make.policy(slug=f"{side.province.slug}-policy", level="provincial", province=side.province, **note)
        ProvincialPlan.objects.filter(pk=side.plan.pk).update(**note)
        Milestone.objects.filter(pk=side.milestone.pk).update(**note)
    boss = Client()
    boss.force_login(make_user("boss", "national_editor"))
    address = reverse("import-export", args=[kind, form])
    own, every = (export_text(who.get(address)) for who in (client, boss))
    assert ("entered in home" in own, "entered in away" in own) == (True, False)
    assert ("entered in home" in every, "entered in away" in every) == (True, True)


def export_text(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in book.namelist())
    return str(content.decode(errors="replace"))
