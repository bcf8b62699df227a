"""History of admin edits: one entry per change (who, when, why, what), and no lost updates."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core.history.recording import written_by_import
from core.imports.models import Import, ImportState
from core.seed.models import SeedRecord
from pilots.models import Document, Pilot
from policies.models import Policy, Source
from tests import factories as make
from tests.support.admin_forms import form_data, form_errors, page_url, save
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db

REGISTERED_MODELS = [model for model in admin.site._registry if model._meta.app_label in {"policies", "pilots"}]
NOT_ADDED = [SeedRecord, Document]  # files are uploaded on pages of their own
EDITED_MODELS = [model for model in REGISTERED_MODELS if model not in NOT_ADDED]


@pytest.fixture
def policy() -> Policy:
    return make.policy(title_en="Plan")


@pytest.fixture
def source() -> Source:
    return make.source(title="Notice")


def history_of_record(record: Any) -> list[tuple[Any, ...]]:
    """Return the history entries, newest first, as (type, user, reason)."""
    return [(item.history_type, str(item.history_user), item.history_change_reason) for item in record.history.all()]


def test_adding_leaves_one_entry_that_holds_the_relations(admin_client: Client, source: Source) -> None:
    batch, province, industry = make.batch(), make.province(), make.industry(name_en="Steel")
    form = admin_client.get(reverse("admin:pilots_pilot_add"))
    values = {"name_zh": "新试点", "slug": "new-pilot", "kind": "park", "batch": batch.pk, "province": province.pk}
    related = {"industries": [industry.pk], "sources": [source.pk], "change_reason": "First list"}
    answer = admin_client.post(reverse("admin:pilots_pilot_add"), form_data(form, **values, **related))
    assert answer.status_code == 302
    entry = Pilot.objects.get(slug="new-pilot").history.get()
    assert (entry.history_type, str(entry.history_user), entry.history_change_reason) == ("+", "admin", "First list")
    assert [row.industry for row in entry.industries.all()] == [industry]
    assert [row.source for row in entry.sources.all()] == [source]


@pytest.mark.parametrize(("language", "text"), [("en", "name no people"), ("zh-hans", "请勿填写个人姓名和电话")])
def test_every_form_says_that_readers_see_the_reason(
    admin_client: Client, policy: Policy, language: str, text: str
) -> None:
    first = policy.history.get()
    save(admin_client, policy, title_en="Better plan")
    written = Import.objects.create(kind="policies", state=ImportState.CONFIRMED, confirmed_by=first.history_user)
    for address in (
        page_url(policy),
        reverse("admin:policies_policy_delete", args=[policy.pk]),
        reverse("admin:policies_policy_simple_history", args=[policy.pk, first.pk]),
        written.get_absolute_url(),
    ):
        page = admin_client.get(address, headers={"Accept-Language": language})
        assert page.text.count(text) == 1, address


def test_changing_leaves_one_entry_that_says_what_changed(admin_client: Client, policy: Policy, source: Source) -> None:
    changes = {"title_en": "Better plan", "sources": [source.pk], "change_reason": "Original found"}
    assert save(admin_client, policy, **changes).status_code == 302
    assert history_of_record(policy) == [("~", "admin", "Original found"), ("+", "None", None)]
    page = admin_client.get(page_url(policy, "history"))
    latest, first = page.context["entries"]
    told = [(item.label, item.old, item.new) for item in latest.differences]
    assert told == [("Title in English", "Plan", "Better plan"), ("Sources", "no data", "Notice")]
    assert (first.differences, first.who) == ([], "the system")
    assert "Better plan" in page.text
    assert "Original found" in page.text


def test_deleting_leaves_an_entry_with_its_reason(admin_client: Client, policy: Policy, source: Source) -> None:
    policy.sources.add(source)
    page = admin_client.get(page_url(policy, "delete"))
    assert 'name="change_reason"' in page.text
    assert "relationship" not in page.text
    admin_client.post(page_url(policy, "delete"), {"post": "yes", "change_reason": "Entered twice"})
    assert not Policy.objects.filter(pk=policy.pk).exists()
    assert entries_of(Policy, policy.pk)[0] == ("-", "admin", "Entered twice")
    assert admin_client.get(reverse("admin:policies_policy_history", args=[policy.pk])).status_code == 200


def entries_of(model: Any, key: int) -> list[tuple[Any, ...]]:
    """As entries(), of a record that may be gone."""
    found = model.history.filter(id=key)
    return [(item.history_type, str(item.history_user), item.history_change_reason) for item in found]


# -- two editors at once -----------------------------------------------------------------------------


@pytest.fixture
def colleague(admin_user: User) -> Client:
    other = Client()
    other.force_login(User.objects.create_superuser("wang"))
    return other


def conflict_texts(answer: Any) -> dict[str, str]:
    """Return the errors of a form on a record that changed meanwhile, by field; "__all__" for the record."""
    return {name: " ".join(texts) for name, texts in form_errors(answer).items()}


def test_the_second_sees_what_was_saved_and_saves_again(admin_client, colleague, policy, source) -> None:
    """What was left alone shows the other's value, and is not reverted; what was typed stays, both values beside it."""
    other = make.source(title="Other")
    policy.sources.add(other)
    opened = admin_client.get(page_url(policy, "change"))
    theirs = {"title_en": "Wang's title", "doc_number": "No. 7", "sources": [source.pk], "issued_on": "2023-01-01"}
    theirs |= {"calls_for_provincial_plan": False, "known_issued_by": "2023-01-01"}
    assert save(colleague, policy, **theirs, change_reason="Original found").status_code == 302

    mine = {"title_en": "My title", "note_en": "Mine", "change_reason": "From the gazette"}
    answer = admin_client.post(page_url(policy, "change"), form_data(opened, **mine))
    texts = conflict_texts(answer)
    assert list(texts) == ["__all__", "title_en"]
    assert re.match(
        r"wang saved this record on .+, after you had opened the page\. Nothing of yours is saved yet\.",
        texts["__all__"],
    )
    told = ("Title in English: Plan → Wang's title", "Document number: no data → No. 7", "Sources: Other → Notice")
    for text in (*told, "Reason: Original found", "Check it, then save again to keep it as it stands here."):
        assert text in texts["__all__"]
    assert texts["title_en"] == (
        "You both changed this. wang: Plan → Wang's title. Yours stands here; save again to keep it."
    )
    shown = form_data(answer)
    assert {name: shown.get(name) for name in [*theirs, *mine]} == theirs | mine | {
        "sources": [str(source.pk)],
        "calls_for_provincial_plan": None,
    }
    count = policy.history.count()
    policy.refresh_from_db()
    assert (policy.title_en, policy.note) == ("Wang's title", "")

    assert admin_client.post(page_url(policy, "change"), shown).status_code == 302
    policy.refresh_from_db()
    assert (policy.title_en, policy.doc_number, policy.note) == ("My title", "No. 7", "Mine")
    assert (list(policy.sources.all()), policy.calls_for_provincial_plan) == ([source], False)
    assert history_of_record(policy)[0] == ("~", "admin", "From the gazette")
    assert policy.history.count() == count + 1


def test_what_breaks_a_rule_with_theirs_is_said_at_once(admin_client, colleague, policy) -> None:
    opened = admin_client.get(page_url(policy, "change"))
    save(colleague, policy, published_on="2022-06-20")
    mine = {"issued_on": "2022-07-01", "known_issued_by": "2022-07-01", "change_reason": "Dated"}
    form = admin_client.post(page_url(policy, "change"), form_data(opened, **mine))
    texts = conflict_texts(form)
    assert list(texts) == ["published_on", "__all__"]
    assert texts["published_on"] == "Published before it was issued. Check both days."
    assert admin_client.post(page_url(policy, "change"), form_data(form, published_on="2022-07-02")).status_code == 302
    assert history_of_record(policy)[0] == ("~", "admin", "Dated")


def test_a_form_without_an_edit_of_its_own_is_no_conflict(admin_client, colleague, policy) -> None:
    opened = admin_client.get(page_url(policy, "change"))
    save(colleague, policy, title_en="Wang's title")
    sent = form_data(opened, change_reason="Only a reason")
    assert admin_client.post(page_url(policy, "change"), sent).status_code == 302
    policy.refresh_from_db()
    assert (policy.title_en, policy.history.count()) == ("Wang's title", 2)


@pytest.mark.parametrize("version", [None, "0", "x", "99999999999999999999"])
def test_a_form_that_names_no_version_is_rejected_once(admin_client: Client, policy: Policy, version: Any) -> None:
    answer = save(admin_client, policy, version=version, title_en="Blind")
    assert list(conflict_texts(answer)) == ["__all__"]
    policy.refresh_from_db()
    assert policy.title_en == "Plan"
    assert admin_client.post(page_url(policy, "change"), form_data(answer)).status_code == 302


def test_who_saves_a_record_deleted_meanwhile_is_told(admin_client, colleague, policy) -> None:
    opened = admin_client.get(page_url(policy, "change"))
    colleague.post(page_url(policy, "delete"), {"post": "yes", "change_reason": "Twice"})
    answer = admin_client.post(page_url(policy, "change"), form_data(opened, note_en="Mine"), follow=True)
    assert "Perhaps it was deleted?" in answer.text
    assert not Policy.objects.filter(pk=policy.pk).exists()


# -- a save that changes nothing ---------------------------------------------------------------------


def test_a_save_that_changes_nothing_leaves_no_entry_and_says_so(admin_client, policy, source) -> None:
    policy.sources.add(source)
    count = policy.history.count()
    page = admin_client.post(
        page_url(policy, "change"),
        form_data(admin_client.get(page_url(policy, "change")), change_reason="Nothing"),
        follow=True,
    )
    assert [str(item) for item in page.context["messages"]] == [
        "Nothing was changed, so nothing was saved and the history has no new entry."
    ]
    assert (policy.history.count(), LogEntry.objects.count()) == (count, 0)
    policy.refresh_from_db()
    policy.save()  # the silence was for that save alone
    assert policy.history.count() == count + 1


# -- by which import -----------------------------------------------------------------------------------


def test_an_entry_leads_to_its_import(admin_client, policy) -> None:
    record = Import.objects.create(kind="policies", file_name="list.xlsx", state=ImportState.CONFIRMED)
    with written_by_import(record):
        policy.save()
    entry = policy.history.latest()
    for page in (
        page_url(policy, "history"),
        reverse("admin:policies_policy_simple_history", args=[policy.pk, entry.pk]),
        policy.get_absolute_url(),
    ):
        assert f'<a href="/admin/import/{record.pk}/">{record}</a>' in admin_client.get(page).text, page
    assert "list.xlsx" not in Client().get(policy.get_absolute_url()).text


# -- every page of every table -------------------------------------------------------------------------


@pytest.mark.parametrize("model", sampled(EDITED_MODELS, every=3), ids=lambda model: model._meta.model_name)
def test_every_field_explains_itself(admin_client: Client, model: Any) -> None:
    page = admin_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
    form = page.context["adminform"].form
    shown = {name: field for name, field in form.fields.items() if not field.widget.is_hidden}
    assert [name for name, field in shown.items() if not field.help_text] == []
