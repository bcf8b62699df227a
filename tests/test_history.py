"""Whatever is changed in the admin leaves one entry: who, when, why and what; and no edit is lost to another."""

import re
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from pilots.models import Indicator, Pilot
from policies.models import Policy, Province, Shipment, Source
from tests.admin_forms import filled, problems
from tests.factories import (
    make_batch,
    make_industry,
    make_milestone,
    make_policy,
    make_province,
    make_reading,
    make_source,
)

pytestmark = pytest.mark.django_db

OURS = [model for model in admin.site._registry if model._meta.app_label in {"policies", "pilots"}]
EDITED = [model for model in OURS if model is not Shipment]


def address(record: Any, page: str) -> str:
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_{page}", args=[record.pk])


def save(client: Client, record: Any, **changes: Any) -> Any:
    """Open the record's form and send it with the changes."""
    page = client.get(address(record, "change"))
    return client.post(address(record, "change"), filled(page, **changes))


@pytest.fixture
def policy() -> Policy:
    return make_policy(title_en="Plan")


@pytest.fixture
def source() -> Source:
    return make_source(title="Notice")


def entries(record: Any) -> list[tuple[Any, ...]]:
    """Newest first: what, who, why."""
    return [(item.history_type, str(item.history_user), item.history_change_reason) for item in record.history.all()]


def test_adding_leaves_one_entry_that_holds_the_relations(admin_client: Client, source: Source) -> None:
    batch, province, industry = make_batch(), make_province(), make_industry(name_en="Steel")
    form = admin_client.get(reverse("admin:pilots_pilot_add"))
    values = {"name_zh": "新试点", "slug": "new-pilot", "kind": "park", "batch": batch.pk, "province": province.pk}
    related = {"industries": [industry.pk], "Pilot_sources-0-source": source.pk, "change_reason": "First list"}
    answer = admin_client.post(reverse("admin:pilots_pilot_add"), filled(form, **values, **related))
    assert answer.status_code == 302
    entry = Pilot.objects.get(slug="new-pilot").history.get()
    assert (entry.history_type, str(entry.history_user), entry.history_change_reason) == ("+", "admin", "First list")
    assert [row.industry for row in entry.industries.all()] == [industry]
    assert [row.source for row in entry.sources.all()] == [source]


def test_changing_leaves_one_entry_that_says_what_changed(admin_client: Client, policy: Policy, source: Source) -> None:
    changes = {"title_en": "Better plan", "Policy_sources-0-source": source.pk, "change_reason": "Original found"}
    assert save(admin_client, policy, **changes).status_code == 302
    assert entries(policy) == [("~", "admin", "Original found"), ("+", "None", None)]
    page = admin_client.get(address(policy, "history"))
    latest, first = page.context["page_obj"]
    told = [(item.label, item.old, item.new) for item in latest.differences]
    assert told == [("Title in English", "Plan", "Better plan"), ("Sources", "no data", "Notice")]
    assert (first.differences, first.changed_by) == ([], "the system")
    assert "Better plan" in page.text
    assert "Original found" in page.text


def test_no_reason_is_no_reason(admin_client: Client, policy: Policy) -> None:
    save(admin_client, policy, title_en="Other")
    assert entries(policy)[0] == ("~", "admin", None)


def test_a_reason_longer_than_its_field_is_refused(admin_client: Client, policy: Policy) -> None:
    assert list(problems(save(admin_client, policy, change_reason="x" * 301))) == ["change_reason"]


def test_a_save_that_fails_leaves_no_entry(admin_client: Client, policy: Policy) -> None:
    assert "slug" in problems(save(admin_client, policy, slug="no good"))
    assert len(entries(policy)) == 1


def test_saving_outside_a_form_still_leaves_its_entry(admin_client: Client, policy: Policy) -> None:
    save(admin_client, policy, title_en="Other")
    policy.refresh_from_db()
    policy.save()
    assert len(entries(policy)) == 3


def test_deleting_leaves_an_entry_with_its_reason(admin_client: Client, policy: Policy, source: Source) -> None:
    policy.sources.add(source)
    page = admin_client.get(address(policy, "delete"))
    assert 'name="change_reason"' in page.text
    assert "relationship" not in page.text
    admin_client.post(address(policy, "delete"), {"post": "yes", "change_reason": "Entered twice"})
    assert not Policy.objects.filter(pk=policy.pk).exists()
    assert entries_of(Policy, policy.pk)[0] == ("-", "admin", "Entered twice")
    assert admin_client.get(reverse("admin:policies_policy_history", args=[policy.pk])).status_code == 200


def test_deleting_several_leaves_an_entry_for_each(admin_client: Client) -> None:
    keys = [make_policy().pk, make_policy().pk]
    sent = {"action": "delete_selected", "_selected_action": keys}
    listing = reverse("admin:policies_policy_changelist")
    assert 'name="change_reason"' in admin_client.post(listing, sent).text
    admin_client.post(listing, sent | {"post": "yes", "change_reason": "Test rows"})
    assert [entries_of(Policy, key)[0] for key in keys] == [("-", "admin", "Test rows")] * 2


def entries_of(model: Any, key: int) -> list[tuple[Any, ...]]:
    """As entries(), of a record that may be gone."""
    found = model.history.filter(id=key)
    return [(item.history_type, str(item.history_user), item.history_change_reason) for item in found]


def test_a_version_shows_the_record_as_it_stood(admin_client: Client, policy: Policy, source: Source) -> None:
    save(admin_client, policy, **{"Policy_sources-0-source": source.pk})
    save(admin_client, policy, **{"title_en": "Later", "Policy_sources-0-DELETE": "on"})
    middle = policy.history.all()[1]
    there = reverse("admin:policies_policy_simple_history", args=[policy.pk, middle.pk])
    shown = {fact.name: fact.text for fact in admin_client.get(there).context["facts"]}
    assert (shown["title_en"], shown["sources"], shown["level"]) == ("Plan", "Notice", "national")
    assert (shown["calls_for_provincial_plan"], shown["doc_number"]) == ("yes", "no data")


def test_a_version_cannot_be_written_back(admin_client: Client, policy: Policy) -> None:
    save(admin_client, policy, title_en="Later")
    there = reverse("admin:policies_policy_simple_history", args=[policy.pk, policy.history.last().pk])
    assert admin_client.post(there, {"title_en": "Plan"}).status_code == 403
    policy.refresh_from_db()
    assert policy.title_en == "Later"


@pytest.mark.parametrize("path", ["policy/abc/history/", "policy/1/history/abc/", "policy/1/history/999999999/"])
def test_no_such_version_is_not_found(admin_client: Client, path: str) -> None:
    assert admin_client.get(f"/admin/policies/{path}").status_code == 404


# -- two editors at once -----------------------------------------------------------------------------


@pytest.fixture
def colleague(admin_user: User) -> Client:
    other = Client()
    other.force_login(User.objects.create_superuser("wang"))
    return other


def test_an_edit_that_was_overtaken_is_refused_once_and_kept(admin_client, colleague, policy, source) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, title_en="Wang's title", **{"Policy_sources-0-source": source.pk})

    answer = admin_client.post(address(policy, "change"), filled(opened, title_en="My title", note="Mine"))
    assert list(problems(answer)) == ["__all__"]
    message = problems(answer)["__all__"][0]
    assert re.match(r"wang saved this record on .+ after you had opened it", message)
    assert "Title in English: Plan → Wang's title" in message
    assert "Sources: no data → Notice" in message
    policy.refresh_from_db()
    assert policy.title_en == "Wang's title"

    kept = filled(answer)
    assert (kept["title_en"], kept["note"]) == ("My title", "Mine")
    assert admin_client.post(address(policy, "change"), kept).status_code == 302
    policy.refresh_from_db()
    assert (policy.title_en, policy.note) == ("My title", "Mine")


def test_a_row_that_a_colleague_took_away_does_not_block_the_form(admin_client, colleague, policy, source) -> None:
    policy.sources.add(source)
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, **{"Policy_sources-0-DELETE": "on"})
    answer = admin_client.post(address(policy, "change"), filled(opened, note="Mine"))
    assert list(problems(answer)) == ["__all__"]
    assert admin_client.post(address(policy, "change"), filled(answer)).status_code == 302
    policy.refresh_from_db()
    assert (policy.note, list(policy.sources.all())) == ("Mine", [])


def test_a_form_that_names_no_version_is_refused(admin_client: Client, policy: Policy) -> None:
    assert list(problems(save(admin_client, policy, version=None, title_en="Blind"))) == ["__all__"]


# -- every page of every table -------------------------------------------------------------------------


def one(model: Any) -> Any:
    """A record of the table: a shipped one, or one made here where none ships."""
    pilot = Pilot.objects.first()
    match model.__name__:
        case "Milestone":
            return make_milestone(pilot, date(2025, 5, 1))
        case "Reading":
            indicator = Indicator.objects.get(code="AIR_SO2")
            return make_reading(pilot, indicator, "2024", 12, state="reported", accepted_on=None)
        case "LightOverride":
            author = User.objects.create_user("author")
            until = date(2099, 1, 1)
            return model.objects.create(pilot=pilot, colour="grey", reason="Why", author=author, expires_on=until)
    return model._default_manager.first()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_opens_for_an_editor(admin_client: Client, model: Any, language: str) -> None:
    record, fixed = one(model), model is Shipment
    pages = {"changelist": 200, "add": 403 if fixed else 200}
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    for page, code in pages.items():
        assert admin_client.get(reverse(f"{base}_{page}"), {"lang": language}).status_code == code, page
    for page in ["change", "history", "delete"]:
        code = 403 if fixed and page == "delete" else 200
        assert admin_client.get(address(record, page), {"lang": language}).status_code == code, page
    if not fixed:
        there = reverse(f"{base}_simple_history", args=[record.pk, record.history.first().pk])
        assert admin_client.get(there, {"lang": language}).status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_nobody_else_gets_in(client: Client, model: Any) -> None:
    record = one(model)
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    there = [reverse(f"{base}_changelist"), reverse(f"{base}_add")]
    there += [address(record, page) for page in ("change", "history", "delete")]
    if model is not Shipment:
        there.append(reverse(f"{base}_simple_history", args=[record.pk, record.history.first().pk]))
    assert {client.get(page).status_code for page in there} == {302}
    client.force_login(User.objects.create_user("reader"))
    assert {client.post(page, {"post": "yes"}).status_code for page in there} == {302}
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert {client.get(page).status_code for page in there} == {403}
    assert {client.post(page, {"post": "yes"}).status_code for page in there} == {403}


@pytest.mark.parametrize("model", EDITED, ids=lambda model: model._meta.model_name)
def test_every_field_explains_itself(admin_client: Client, model: Any) -> None:
    page = admin_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
    form = page.context["adminform"].form
    shown = {name: field for name, field in form.fields.items() if not field.widget.is_hidden}
    assert [name for name, field in shown.items() if not field.help_text] == []


def test_the_index_says_where_to_start(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:index"))
    assert reverse("admin:policies_policy_add") in page.text.split('id="content-main"')[0]
    assert str(Province._meta.app_config.verbose_name) in page.text
