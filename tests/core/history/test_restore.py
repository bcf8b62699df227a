"""Restoring versions: exactly or not at all; a deleted record gets its former key."""

import re
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from core.days import today
from core.history.diffs import current_state
from pilots.models import Amendment, Milestone, Pilot, Reading
from policies.models import Agency, Policy, Province, Source
from tests import factories as make
from tests.support.admin_forms import newest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_records")]


@pytest.fixture
def no_records(empty: None) -> None:
    """Start without records and histories."""
    for model in admin.site._registry:
        if hasattr(model, "history"):
            model.history.all().delete()


def version_url(record: Any, entry: Any) -> str:
    """Return the admin URL of a version."""
    opts = record._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_simple_history", args=[entry.id, entry.pk])


def press_restore(client: Client, record: Any, entry: Any, **typed: Any) -> Any:
    """Open the version and submit its restore button."""
    page = client.get(version_url(record, entry))
    return client.post(version_url(record, entry), {"version": str(page.context["latest"].pk), **typed})


def restore_errors(answer: Any) -> list[tuple[str, str]]:
    """Return the errors of a rejected restore, with their fields."""
    assert answer.status_code == 200, "it was restored"
    return [(label, text) for label, text, _url in answer.context["refused"]]


def make_officer(*permissions: str) -> Client:
    user = User.objects.create_user("officer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def pilot() -> Pilot:
    return make.pilot(make.batch(), make.province(), name_en="Huzhou")


# -- a version -------------------------------------------------------------------------------------------


def test_every_field_and_every_list_is_set_back_exactly(admin_client: Client) -> None:
    province, first, second = make.province(), make.source(title="First"), make.source(title="Second")
    agencies = [Agency.objects.create(slug=f"a{n}", name_zh=f"部{n}") for n in (1, 2)]
    policy = make.policy(
        title_en="=Plan, “quoted”", note="Two\nlines", issued_on=date(2022, 6, 1), issued_precision="month",
        known_issued_by=date(2022, 6, 30), level="provincial", province=province, calls_for_provincial_plan=False,
    )  # fmt: skip
    policy.sources.set([first, second])
    policy.agencies.set(agencies)
    policy = Policy.objects.get(pk=policy.pk)
    wanted, entry = current_state(policy), newest(policy)

    policy.title_en, policy.note, policy.issued_on, policy.issued_precision = "Other", "", date(2022, 7, 1), "day"
    policy.level, policy.province, policy.calls_for_provincial_plan = "national", None, True
    policy.save()
    policy.sources.set([make.source(title="Third")])
    policy.agencies.clear()
    count = policy.history.count()

    page = admin_client.get(version_url(policy, entry))
    steps = {step.name: (step.old, step.new) for step in page.context["steps"]}
    assert steps == {
        "title_en": ("Other", "=Plan, “quoted”"),
        "note_en": ("no data", "Two\nlines"),
        "issued_on": ("1 July 2022", "1 June 2022"),
        "issued_precision": ("day", "month"),
        "known_issued_by": ("1 July 2022", "30 June 2022"),
        "level": ("national", "provincial"),
        "province": ("no data", str(province)),
        "calls_for_provincial_plan": ("yes", "no"),
        "sources": ("Third", "First; Second"),
        "agencies": ("no data", "部1; 部2"),
    }
    assert press_restore(admin_client, policy, entry, change_reason="Wrong import").status_code == 302
    assert current_state(Policy.objects.get(pk=policy.pk)) == wanted
    (latest, *_older) = policy.history.all()
    assert (policy.history.count(), latest.history_type, str(latest.history_user)) == (count + 1, "~", "admin")
    assert re.fullmatch(r"Restored the version of .+\. Wrong import", latest.history_change_reason)
    assert {row.source_id for row in latest.sources.all()} == {first.pk, second.pk}


def test_each_rule_that_the_version_breaks_is_shown_and_nothing_changes(admin_client: Client, pilot: Pilot) -> None:
    entry = newest(pilot)
    code, name = pilot.slug, pilot.name_zh
    pilot.slug, pilot.name_zh, pilot.name_en = "new-code", "新名", "New"
    pilot.save()
    make.pilot(pilot.batch, pilot.province, slug=code, name_zh=name)
    before = current_state(Pilot.objects.get(pk=pilot.pk))
    wanted = [
        ("Code", "Pilot with this Code already exists."),
        ("Name in Chinese", "This batch already has a pilot of this name."),
    ]
    answer = press_restore(admin_client, pilot, entry, change_reason="Letter of May")
    assert restore_errors(answer) == wanted
    assert 'value="Letter of May"' in answer.text
    assert current_state(Pilot.objects.get(pk=pilot.pk)) == before
    assert pilot.history.count() == 2


def test_what_is_gone_since_is_named_with_the_way_back(admin_client: Client) -> None:
    province, source = make.province(name_en="Zhejiang"), make.source(title="Notice")
    policy = make.policy(level="provincial", province=province)
    policy.sources.add(source)
    entry = newest(policy)
    policy.level, policy.province = "national", None
    policy.save()
    policy.sources.clear()
    for gone in (province, source):
        admin_client.post(reverse(f"admin:policies_{gone._meta.model_name}_delete", args=[gone.pk]), {"post": "yes"})
    count = policy.history.count()
    answer = press_restore(admin_client, policy, entry)
    gone_since = "“{} (deleted)” is gone since. Restore or enter it first, then restore this version."
    assert restore_errors(answer) == [
        ("Province", gone_since.format("Zhejiang")),
        ("Sources", gone_since.format("Notice")),
    ]
    assert policy.history.count() == count
    for model, (_label, _text, url) in zip((Province, Source), answer.context["refused"], strict=True):
        end = model.history.filter(history_type="-").first()
        assert (url, press_restore(admin_client, end.instance, end).status_code) == (
            version_url(end.instance, end),
            302,
        )
    assert press_restore(admin_client, policy, entry).status_code == 302
    policy.refresh_from_db()
    assert (policy.province, list(policy.sources.all())) == (province, [source])


def test_who_saved_meanwhile_is_not_overwritten(admin_client: Client, pilot: Pilot) -> None:
    entry = newest(pilot)
    pilot.name_en = "Second"
    pilot.save()
    page = admin_client.get(version_url(pilot, entry))
    pilot.name_en, pilot.note = "Third", "Somebody's work"
    pilot.save()
    answer = admin_client.post(version_url(pilot, entry), {"version": str(page.context["latest"].pk)})
    assert restore_errors(answer)[0][1].startswith("the system saved this record on ")
    assert {step.name: step.old for step in answer.context["steps"]} == {
        "name_en": "Third",
        "note_en": "Somebody's work",
    }
    pilot.refresh_from_db()
    assert pilot.note == "Somebody's work"
    sent = {"version": str(answer.context["latest"].pk)}
    assert admin_client.post(version_url(pilot, entry), sent).status_code == 302


# -- who may -----------------------------------------------------------------------------------------------


def test_who_may_only_look_restores_nothing(pilot: Pilot) -> None:
    entry = newest(pilot)
    pilot.name_en = "Other"
    pilot.save()
    client = make_officer("view_pilot")
    page = client.get(version_url(pilot, entry))
    assert (page.status_code, page.context["may_restore"], "Restore this version" in page.text) == (200, False, False)
    assert client.post(version_url(pilot, entry), {"version": str(newest(pilot).pk)}).status_code == 403
    pilot.refresh_from_db()
    assert pilot.name_en == "Other"


def test_who_may_not_accept_a_reading_does_not_accept_it_by_restoring(pilot: Pilot) -> None:
    reading = make.reading(pilot, make.indicator("AIR_SO2"), "2024", 100, note="First")
    accepted = newest(reading)
    reading.accepted_on = None
    reading.save()
    client = make_officer("view_reading", "change_reading", "add_reading")
    text = "The form does not let you change this field, and restoring does not either."
    assert restore_errors(press_restore(client, reading, accepted)) == [("Accepted on", text)]
    reading.refresh_from_db()
    assert reading.state == "reported"
    reading.delete()
    assert restore_errors(press_restore(client, reading, accepted)) == [
        (field, "Your role may not change this: ask the ministry.")
        for field in ("Accepted on", "Reported on", "Note in English")
    ]
    assert not Reading.objects.exists()


# -- a deleted record ---------------------------------------------------------------------------------------


def test_a_deleted_record_comes_back_under_its_key_with_its_lists(admin_client: Client) -> None:
    steel, source = make.industry(name_en="Steel"), make.source(title="List")
    pilot = make.pilot(make.batch(), make.province(), steel, name_en="Huzhou", term_start=date(2024, 1, 15))
    pilot.sources.add(source)
    pilot = Pilot.objects.get(pk=pilot.pk)
    wanted, key = current_state(pilot), pilot.pk
    gone = admin_client.post(
        reverse("admin:pilots_pilot_delete", args=[key]), {"post": "yes", "change_reason": "Entered twice"}
    )
    assert (gone.status_code, Pilot.objects.filter(pk=key).exists()) == (302, False)

    listing = admin_client.get(reverse("admin:pilots_pilot_changelist"))
    assert reverse("admin:pilots_pilot_deleted") in listing.text
    deleted = admin_client.get(reverse("admin:pilots_pilot_deleted"))
    (end,) = deleted.context["ends"]
    assert (end.what, end.who, end.reason) == ("Huzhou", "admin", "Entered twice")
    page = admin_client.get(reverse("admin:pilots_pilot_simple_history", args=[key, end.historical.pk]))
    facts = dict(page.context["facts"])
    assert (facts["Industries"], facts["Sources"]) == ("Steel", "List")
    assert {step.name: step.new for step in page.context["steps"]}["industries"] == "Steel"

    assert press_restore(admin_client, pilot, end.historical, change_reason="It was another one").status_code == 302
    assert current_state(Pilot.objects.get(pk=key)) == wanted
    entry = newest(Pilot.objects.get(pk=key))
    assert (entry.history_type, [row.industry_id for row in entry.industries.all()]) == ("+", [steel.pk])
    assert re.fullmatch(r"Restored the version of .+\. It was another one", entry.history_change_reason)
    assert admin_client.get(reverse("admin:pilots_pilot_deleted")).context["ends"] == []


def test_the_rows_that_were_deleted_with_it_come_back_too_and_no_others(admin_client: Client, pilot: Pilot) -> None:
    milestone = make.milestone(pilot, date(2026, 1, 1), is_key=True, promised_on=None)  # a request may be deleted
    make.amendment(milestone, day=date(2027, 1, 1)).delete()
    kept = make.amendment(milestone, day=date(2027, 2, 1))
    wanted, key = current_state(Milestone.objects.get(pk=milestone.pk)), milestone.pk
    sent = {"post": "yes", "change_reason": "Wrong plan"}
    admin_client.post(reverse("admin:pilots_milestone_delete", args=[key]), sent)
    end = Amendment.history.filter(id=kept.pk).first()
    assert (end.history_type, end.history_change_reason) == ("-", "Wrong plan")

    page = admin_client.get(version_url(milestone, newest(milestone)))
    assert len(page.context["rows"]) == 1
    assert press_restore(admin_client, milestone, newest(milestone)).status_code == 302
    assert current_state(Milestone.objects.get(pk=key)) == wanted | {"promised_on": today()}  # the ministry enters it
    assert list(Amendment.objects.values_list("pk", "day")) == [(kept.pk, date(2027, 2, 1))]
    assert [entry.history_type for entry in Amendment.history.filter(id=kept.pk)] == ["+", "-", "+"]


# -- the list of deleted records ------------------------------------------------------------------------------


def test_the_past_is_for_those_who_may_look(pilot: Pilot) -> None:
    client = make_officer("view_policy")
    pages = [version_url(pilot, newest(pilot)), reverse("admin:pilots_pilot_deleted")]
    pages.append(reverse("admin:pilots_pilot_history", args=[pilot.pk]))
    assert [client.get(page).status_code for page in pages] == [403, 403, 403]


def test_the_history_of_a_record_whose_relations_are_gone_can_be_read(admin_client: Client, pilot: Pilot) -> None:
    target = make.target(pilot, make.indicator("AIR_SO2", name_en="SO2"), 12000, 9600)
    key = target.pk
    target.delete()
    pilot.delete()
    target.pk = key
    for page in (reverse("admin:pilots_target_history", args=[key]), version_url(target, newest(target))):
        answer = admin_client.get(page)
        assert (answer.status_code, f"Target {key}" in answer.text) == (200, True), page
    assert [end.what for end in admin_client.get(reverse("admin:pilots_target_deleted")).context["ends"]] == [
        f"Target {key}"
    ]
