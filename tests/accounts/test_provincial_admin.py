"""Object permissions in the admin: a provincial editor changes the province's records, and views others without leaks.

The editor's province (home) and another one (away) have the same records, so that leaks would show. The editor of the
other province is `stranger`.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.text import capfirst

from core.history.recording import delete_with_history, written_by_import
from core.imports.models import Import, ImportState
from pilots.models import Milestone, Reading, Target
from policies.models import Figure, Policy, ProvincialPlan
from tests import factories as make
from tests.support.admin_forms import form_data, form_errors, newest, page_url, save, save_new
from tests.support.api_client import make_user
from tests.support.databases import kept_between_tests
from tests.support.demo_data import delete_seed_records
from tests.support.imports import table_checksums
from tests.support.scripted_year import clock_at

pytestmark = pytest.mark.django_db
OUT_OF_SCOPE = "This belongs to another province or to all: your role does not reach it."
CHANGES, QUALITY = "/admin/changes/", "/admin/quality/"


def make_province_world(slug: str, policy: Policy, batch: Any, indicator: Any) -> SimpleNamespace:
    """Make a province with one record of every kind that an editor may change."""
    province = make.province(slug=slug, name_en=slug.capitalize())
    pilot = make.pilot(batch, province, slug=f"{slug}-city", name_en=f"{slug.capitalize()} City")
    target = make.target(pilot, indicator, 100, 80)
    practice = make.practice(pilot, province=province)
    return SimpleNamespace(
        practice=practice,
        adoption=make.adoption(practice, province=province),
        effect=make.effect(practice, province=province),
        follow_up=make.follow_up(pilot, opened_on=date(2026, 6, 2 if slug == "home" else 1)),
        province=province,
        plan=make.plan(policy, province),
        policy=make.policy(level="provincial", province=province, slug=f"{slug}-policy"),
        figure=Figure.objects.create(
            slug=f"{slug}-figure", name_zh="数字", value=1, unit="%", kind="count", province=province
        ),
        pilot=pilot,
        milestone=make.milestone(pilot, date(2025, 5, 1), title_en=f"{slug.capitalize()} milestone"),
        target=make.add_step(target, 2025, 90),
        reading=make.reading(pilot, indicator, "2024", 95, accepted_on=None),
        stage=make.stage(pilot, "recommended", date(2024, 1, 1)),
    )


@pytest.fixture(scope="module")
def stored_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """Make the records of both provinces once for this module, in place of the seed records."""
    with kept_between_tests(django_db_blocker):
        delete_seed_records()
        with clock_at(date(2026, 6, 10)):
            policy, batch = make.policy(slug="national"), make.batch(slug="batch")
            indicator = make.indicator("SO2")
            home, away = (make_province_world(slug, policy, batch, indicator) for slug in ("home", "away"))
        yield SimpleNamespace(policy=policy, batch=batch, indicator=indicator, home=home, away=away)


@pytest.fixture
def world(stored_world: SimpleNamespace, db: None) -> SimpleNamespace:
    """Return copies of the records, which a test may change."""
    return deepcopy(stored_world)


@pytest.fixture
def editor(world: SimpleNamespace, client: Client) -> User:
    """Return an editor who is signed in as `client`."""
    user = make_user("editor", "provincial_editor", world.home.province)
    client.force_login(user)
    return user


@pytest.fixture
def stranger() -> User:
    return User.objects.create_superuser("stranger")


@pytest.fixture
def boss(stranger: User) -> Client:
    client = Client()
    client.force_login(stranger)
    return client


def edited_by(record: Any, user: User, **fields: Any) -> Any:
    """Return the record after a change by this user."""
    for name, value in fields.items():
        setattr(record, name, value)
    record._history_user = user
    record.save()
    return newest(record)


RECORDS = [
    *("plan", "policy", "figure", "pilot", "milestone", "target", "reading"),
    *("practice", "adoption", "effect", "follow_up"),
]


# -- own, and others' --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RECORDS, "stage", "province"])
def test_what_is_away_opens_to_be_looked_at_and_takes_nothing(
    world: SimpleNamespace, editor: User, client: Client, stranger: User, name: str
) -> None:
    record, before = getattr(world.away, name), table_checksums(histories=True)
    shown = client.get(page_url(record))
    assert shown.status_code == 200
    assert not {field.name for field in record._meta.get_fields()} - {"version"} & {
        *shown.context["adminform"].form.fields
    }
    assert 'name="_save"' not in shown.text
    sent = {"note_en": "Mine", "version": str(newest(record).pk)}
    for address in (
        page_url(record),
        page_url(record, "delete"),
        page_url(record, "simple_history", newest(record).pk),
    ):
        assert client.post(address, {**sent, "post": "yes"}).status_code == 403, address
    assert table_checksums(histories=True) == before


# -- nothing is moved across the border --------------------------------------------------------------------


# -- what decides a light ----------------------------------------------------------------------------------

PLACED = {"term_start": "2026-01-01", "term_end": "2030-01-01", "slug": "taken", "kind": "enterprise"}
PROMISED = {
    "milestone": {"is_key": "on", "stage": "midterm"},
    "target": {
        "binding": "",
        "kind": "limit",
        "base_year": "2021",
        "base_value": "120",
        "target_year": "2028",
        "target_value": "99",
    },
}


def test_what_decides_a_light_is_shown_to_the_editor_and_not_asked(
    world: SimpleNamespace, editor: User, client: Client, boss: Client
) -> None:
    """The page says why; what is sent all the same changes nothing. That needs a right of its own."""
    record, wanted = world.home.pilot, PLACED
    shown = client.get(page_url(record))
    form = shown.context["adminform"].form
    assert not set(wanted) & set(form.fields)
    labels = {capfirst(record._meta.get_field(field).verbose_name) for field in wanted}
    assert "Shown, but not yours to change" in shown.text
    assert labels <= set(shown.context["guarded"].split("; "))
    before = {field: getattr(record, field) for field in wanted}
    client.post(page_url(record), form_data(shown) | wanted | {"change_reason": "Easier"})
    record.refresh_from_db()
    assert {field: getattr(record, field) for field in wanted} == before
    assert "Shown, but not yours to change" not in boss.get(page_url(record)).text
    assert set(wanted) <= set(boss.get(page_url(record)).context["adminform"].form.fields)


@pytest.mark.parametrize("name", PROMISED)
def test_what_was_promised_is_asked_of_nobody_after_its_day(
    world: SimpleNamespace, editor: User, client: Client, boss: Client, name: str
) -> None:
    record, wanted = getattr(world.home, name), PROMISED[name]
    before = {field: getattr(record, field) for field in wanted}
    for who in (client, boss):
        shown = who.get(page_url(record))
        assert not set(wanted) & set(shown.context["adminform"].form.fields)
        who.post(page_url(record), form_data(shown) | wanted | {"change_reason": "Easier"})
        record.refresh_from_db()
        assert {field: getattr(record, field) for field in wanted} == before


def test_rows_on_the_pilot_s_page_do_not_take_it_either(world: SimpleNamespace, editor: User, client: Client) -> None:
    shown = client.get(page_url(world.home.pilot))
    for row in ({"milestones-0-is_key": "on"}, {"milestones-0-DELETE": "on"}, {"targets-0-target_value": "99"}):
        client.post(page_url(world.home.pilot), form_data(shown) | row)
    sent = {"milestones-0-title_en": "Renamed"}
    assert client.post(page_url(world.home.pilot), form_data(shown) | sent).status_code == 302
    milestone, target = Milestone.objects.get(pk=world.home.milestone.pk), Target.objects.get(pk=world.home.target.pk)
    assert (milestone.title_en, milestone.is_key) == ("Renamed", False)
    assert (target.target_value, target.binding, target.target_year) == (80, True, 2026)


NEW_RECORDS: dict[type, dict[str, Any]] = {
    Policy: {"slug": "new", "title_zh": "新", "level": "provincial", "issued_on": "2023-01-01"},
    Milestone: {"title_zh": "新", "facet": "goal", "planned_on": "2026-12-01"},
}


@pytest.mark.parametrize("model", NEW_RECORDS, ids=lambda model: model.__name__)
def test_a_new_record_is_the_province_s_own(world: SimpleNamespace, editor: User, client: Client, model: Any) -> None:
    values, before = NEW_RECORDS[model], model.objects.count()
    field = "pilot" if hasattr(model, "pilot") else "province"
    assert form_errors(save_new(client, model, **values, **{field: getattr(world.away, field).pk})) == {
        field: [OUT_OF_SCOPE]
    }
    assert model.objects.count() == before
    assert save_new(client, model, **values, **{field: getattr(world.home, field).pk}).status_code == 302
    assert model.objects.count() == before + 1


# -- guarded fields ----------------------------------------------------------------------------------------


def test_who_may_accept_accepts_at_home_alone(world: SimpleNamespace, editor: User, client: Client) -> None:
    editor.user_permissions.add(Permission.objects.get(codename="accept_reading"))
    home, away = world.home.reading.pk, world.away.reading.pk
    chosen = {"action": "judge", "_selected_action": [home, away]}
    both = client.post(reverse("admin:pilots_reading_changelist"), chosen)["Location"]
    for address, keys in ((f"{reverse('readings-judge')}?reading={away}", [away]), (both, [home])):
        assert client.get(address).status_code == 403
        assert client.post(address, {"readings": keys, "verdict": "accepted"}).status_code == 403
    assert not Reading.objects.exclude(accepted_on=None).exists()
    address, sent = f"{reverse('readings-judge')}?reading={home}", {"verdict": "accepted"}
    client.post(address, sent | {"readings": [home, away]})
    assert not Reading.objects.exclude(accepted_on=None).exists()
    assert client.post(address, sent | {"readings": [home]}).status_code == 302
    assert [*Reading.objects.exclude(accepted_on=None)] == [world.home.reading]


# -- rows --------------------------------------------------------------------------------------------------


def test_a_row_of_another_s_is_not_smuggled_into_one_s_own_form(
    world: SimpleNamespace, editor: User, client: Client
) -> None:
    smuggled = {"milestones-0-id": world.away.milestone.pk, "milestones-0-title_en": "Taken"}
    save(client, world.home.pilot, **smuggled)
    assert Milestone.objects.get(pk=world.away.milestone.pk).title_en == "Away milestone"
    save(client, world.home.target, steps="2025: 1")  # part of the promise, which the ministry changes
    assert Target.objects.get(pk=world.home.target.pk).steps == {"2025": "90"}


# -- pages of their own ------------------------------------------------------------------------------------


def test_deleting_many_is_refused_as_a_whole(world: SimpleNamespace, editor: User, client: Client) -> None:
    keys = [world.home.reading.pk, world.away.reading.pk]
    chosen = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    assert client.post(reverse("admin:pilots_reading_changelist"), chosen).status_code == 403
    assert Reading.objects.count() == 2
    client.post(reverse("admin:pilots_reading_changelist"), chosen | {"_selected_action": keys[:1]})
    assert [*Reading.objects.all()] == [world.away.reading]


def test_a_version_that_would_give_the_record_away_is_not_restored(
    world: SimpleNamespace, editor: User, client: Client, stranger: User
) -> None:
    plan = world.home.plan
    other = make.policy(slug="other")
    moved = make.plan(other, world.away.province)
    first = newest(moved)
    edited_by(moved, stranger, province=world.home.province, title_en="Moved home")
    shown = client.post(page_url(moved, "simple_history", first.pk), {"version": str(newest(moved).pk)})
    assert shown.context["refused"] == [("Province", OUT_OF_SCOPE, "")]
    assert ProvincialPlan.objects.get(pk=moved.pk).province == world.home.province

    before = newest(plan)
    edited_by(plan, editor, title_en="Changed")
    answer = client.post(page_url(plan, "simple_history", before.pk), {"version": str(newest(plan).pk)})
    assert answer.status_code == 302
    assert ProvincialPlan.objects.get(pk=plan.pk).title_en == ""


# -- the feed and the report -------------------------------------------------------------------------------


def test_the_feed_is_of_the_own_province(
    world: SimpleNamespace, editor: User, client: Client, boss: Client, stranger: User
) -> None:
    make_user("bystander")
    for place in (world.home, world.away):
        for name in [*RECORDS, "stage"]:
            edited_by(getattr(place, name), stranger)
    edited_by(world.policy, User.objects.create_user("ministry"))
    edited_by(make.source(title="A notice"), User.objects.create_user("librarian"))
    shown = client.get(CHANGES)
    assert "You see what belongs to Home." in shown.text
    kinds = {line.kind for line in shown.context["page"]}
    assert {"Provincial plan", "Policy", "Pilot", "Milestone", "Target", "Reading", "Stage entry", "Figure"} <= kinds
    away = {"Away City", "Away milestone", "away-policy", "A notice"}
    assert not any(word in line.what for line in shown.context["page"] for word in away)
    assert any("Away City" in line.what for line in boss.get(CHANGES).context["page"])
    people = [word for word, _label in shown.context["bar"].form.fields["person"].choices]
    assert people == ["", "~system", "stranger"]
    provinces = shown.context["bar"].form.fields["province"].queryset
    assert [*provinces] == [world.home.province]
    for query in ("person=bystander", "person=ministry", "province=away"):
        assert client.get(f"{CHANGES}?{query}").status_code == 400
    text = b"".join(client.get(CHANGES, {"export": "changes.csv"})).decode()
    assert text.count("Home City") > 0
    assert not any(word in text for word in ("Away", "ministry", "librarian"))


def test_the_feed_tells_of_no_import_but_one_s_own(
    world: SimpleNamespace, editor: User, client: Client, stranger: User
) -> None:
    for by in (stranger, editor, None):
        record = Import.objects.create(
            kind="plans", file_name=f"{by}.xlsx", state=ImportState.CONFIRMED, uploaded_by=by
        )
        with written_by_import(record):
            edited_by(world.home.plan, stranger)
    shown = client.get(CHANGES)
    told = [line.origin[0] for line in shown.context["page"] if line.origin]
    assert [word.partition(": ")[2] for word in told] == ["editor.xlsx"]
    assert [item.uploaded_by for item in shown.context["bar"].form.fields["import"].queryset] == [editor]
    assert client.get(CHANGES, {"import": record.pk}).status_code == 400


def test_the_report_is_of_the_own_province(world: SimpleNamespace, editor: User, client: Client, boss: Client) -> None:
    every, own = boss.get(QUALITY), client.get(QUALITY)
    assert "Away milestone" in every.text
    assert {item.province for item in own.context["page"].object_list} == {world.home.province}
    assert "Home milestone" in own.text
    assert "Away" not in own.text
    assert "You see what belongs to Home." in own.text
    assert client.get(QUALITY, {"province": "away"}).status_code == 400
    assert "Away" not in b"".join(client.get(QUALITY, {"export": "chase.csv"})).decode()
    assert own.context["import_url"] == ""  # of pilots none is entered


def test_what_was_deleted_with_its_rows_takes_the_right_to_the_rows_too(world: SimpleNamespace, client: Client) -> None:
    """A clerk who may add milestones, and not ask for amendments; and one who may add pilots, and not say which."""
    milestone, pilot = world.home.milestone, make.pilot(world.batch, world.home.province)
    make.amendment(milestone, day=date(2027, 1, 1))
    for record in (milestone, pilot):
        record.key = record.pk
        delete_with_history(record)
    clerk = User.objects.create_user("clerk", is_staff=True)
    cases = ((milestone, "add_milestone", "add_amendment"), (pilot, "add_pilot", "place_pilot"))
    for record, first, second in cases:
        for rights, status in (((first,), 403), ((first, second), 302)):
            clerk.user_permissions.set(
                Permission.objects.filter(codename__in=[*rights, "view_milestone", "view_pilot"])
            )
            client.force_login(User.objects.get(pk=clerk.pk))
            name = f"admin:pilots_{record._meta.model_name}_simple_history"
            entry = type(record).history.filter(id=record.key).latest("history_id")
            answer = client.post(reverse(name, args=[record.key, entry.pk]), {"version": str(entry.pk)})
            assert answer.status_code == status, rights
