"""Whatever is changed in the admin leaves one entry: who, when, why and what; and no edit is lost to another."""

import re
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
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
    make_pilot,
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


def test_a_version_is_not_written_back_by_a_form_of_its_fields(admin_client: Client, policy: Policy) -> None:
    save(admin_client, policy, title_en="Later")
    there = reverse("admin:policies_policy_simple_history", args=[policy.pk, policy.history.last().pk])
    assert [item.label for item in admin_client.post(there, {"title_en": "Plan"}).context["refused"]] == [""]
    policy.refresh_from_db()
    assert (policy.title_en, policy.history.count()) == ("Later", 2)


@pytest.mark.parametrize("path", ["policy/abc/history/", "policy/1/history/abc/", "policy/1/history/999999999/"])
def test_no_such_version_is_not_found(admin_client: Client, path: str) -> None:
    assert admin_client.get(f"/admin/policies/{path}").status_code == 404


# -- two editors at once -----------------------------------------------------------------------------


@pytest.fixture
def colleague(admin_user: User) -> Client:
    other = Client()
    other.force_login(User.objects.create_superuser("wang"))
    return other


def choices(answer: Any) -> dict[str, tuple[str, ...]]:
    """What the merge page shows of each field: before, theirs, mine, and what is chosen."""
    return {item.name: (item.before, item.theirs, item.mine, item.chosen) for item in answer.context["choices"]}


def choose(answer: Any, **chosen: str) -> dict[str, Any]:
    """What the merge page sends: all that was typed, and the choices as they stand or as they are made."""
    data: dict[str, Any] = {}
    for name, value in answer.context["sent"]:
        data.setdefault(name, []).append(value)
    shown = {item.input_name: item.chosen for item in answer.context["choices"]}
    data |= shown | {f"merge-{name}": kind for name, kind in chosen.items()}
    return data | {answer.context["against"]: str(answer.context["latest"].pk)}


def test_two_edits_of_one_record_are_shown_side_by_side_and_merged(admin_client, colleague, policy, source) -> None:
    opened = admin_client.get(address(policy, "change"))
    theirs = {"title_en": "Wang's title", "doc_number": "No. 7", "Policy_sources-0-source": source.pk}
    save(colleague, policy, **theirs, change_reason="Original found")

    mine = {"title_en": "My title", "note_en": "Mine", "change_reason": "From the gazette"}
    answer = admin_client.post(address(policy, "change"), filled(opened, **mine))
    assert choices(answer) == {
        "title_en": ("Plan", "Wang's title", "My title", ""),
        "doc_number": ("no data", "No. 7", "no data", "theirs"),
        "note_en": ("no data", "no data", "Mine", "mine"),
        "sources": ("no data", "Notice", "no data", "theirs"),
    }
    assert re.search(r"wang saved this record on .+ after you had opened it", answer.text)
    assert "Original found" in answer.text
    policy.refresh_from_db()
    assert (policy.title_en, policy.note) == ("Wang's title", "")

    assert admin_client.post(address(policy, "change"), choose(answer, title_en="mine")).status_code == 302
    policy.refresh_from_db()
    assert (policy.title_en, policy.doc_number, policy.note) == ("My title", "No. 7", "Mine")
    assert list(policy.sources.all()) == [source]
    kind, who, why = entries(policy)[0]
    assert (kind, who) == ("~", "admin")
    assert re.fullmatch(r"Merged with the version of .+\. From the gazette", why)


def test_a_merge_without_a_choice_is_asked_again(admin_client, colleague, policy) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, title_en="Wang's title")
    answer = admin_client.post(address(policy, "change"), filled(opened, title_en="My title"))
    again = admin_client.post(address(policy, "change"), choose(answer))
    assert choices(again) == {"title_en": ("Plan", "Wang's title", "My title", "")}
    assert "You both changed it: choose." in again.text
    for forged in ("both", "else"):
        again = admin_client.post(address(policy, "change"), choose(answer, title_en=forged))
        assert choices(again)["title_en"][3] == ""
    policy.refresh_from_db()
    assert (policy.title_en, policy.history.count()) == ("Wang's title", 2)


def test_a_third_save_in_the_middle_of_a_merge_is_merged_too(admin_client, colleague, policy) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, title_en="Wang's title")
    answer = admin_client.post(address(policy, "change"), filled(opened, title_en="My title"))
    save(colleague, policy, title_en="Wang's second title")
    again = admin_client.post(address(policy, "change"), choose(answer, title_en="mine"))
    assert choices(again) == {"title_en": ("Plan", "Wang's second title", "My title", "")}
    assert admin_client.post(address(policy, "change"), choose(again, title_en="theirs")).status_code == 302
    policy.refresh_from_db()
    assert policy.title_en == "Wang's second title"


def test_a_merge_that_breaks_a_rule_comes_back_as_the_form(admin_client, colleague, policy) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, published_on="2022-06-20")
    mine = {"issued_on": "2022-07-01", "known_issued_by": "2022-07-01", "change_reason": "Dated"}
    answer = admin_client.post(address(policy, "change"), filled(opened, **mine))
    form = admin_client.post(address(policy, "change"), choose(answer))
    assert problems(form) == {"published_on": ["Published before it was issued. Check both days."]}
    assert admin_client.post(address(policy, "change"), filled(form, published_on="2022-07-02")).status_code == 302
    assert re.fullmatch(r"Merged with the version of .+\. Dated", entries(policy)[0][2])


LISTS = [  # they take away b and add c; the second takes away a and adds d
    ("both", "cd"),
    ("theirs", "ac"),
    ("mine", "bd"),
]


@pytest.mark.parametrize(("kind", "kept"), LISTS)
def test_lists_are_merged_entry_by_entry(admin_client, colleague, policy, kind: str, kept: str) -> None:
    named = {letter: make_source(title=letter) for letter in "abcd"}
    policy.sources.set([named["a"], named["b"]])
    rows = {
        row.source_id: n for n, row in enumerate(Policy.sources.through.objects.filter(policy=policy).order_by("pk"))
    }
    opened = admin_client.get(address(policy, "change"))
    a, b = (f"Policy_sources-{rows[named[letter].pk]}-DELETE" for letter in "ab")
    save(colleague, policy, **{b: "on", "Policy_sources-2-source": named["c"].pk})
    mine = filled(opened, **{a: "on", "Policy_sources-2-source": named["d"].pk})
    answer = admin_client.post(address(policy, "change"), mine)
    assert choices(answer) == {"sources": ("a; b", "a; c", "b; d", "both")}
    assert admin_client.post(address(policy, "change"), choose(answer, sources=kind)).status_code == 302
    assert "".join(sorted(source.title for source in policy.sources.all())) == kept


def test_the_same_entry_added_by_both_is_there_once(admin_client, colleague, policy, source) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, **{"Policy_sources-0-source": source.pk})
    mine = filled(opened, note_en="Mine", **{"Policy_sources-0-source": source.pk})
    answer = admin_client.post(address(policy, "change"), mine)
    assert list(choices(answer)) == ["note_en"]
    assert admin_client.post(address(policy, "change"), choose(answer)).status_code == 302
    assert list(policy.sources.all()) == [source]


def test_lists_that_are_fields_are_merged_too(admin_client, colleague) -> None:
    pilot = make_pilot(make_batch(), make_province(), withdrawn_on=date(2025, 1, 1))
    steel, cement = make_industry(name_en="Steel"), make_industry(name_en="Cement")
    opened = admin_client.get(address(pilot, "change"))
    save(colleague, pilot, industries=[steel.pk], withdrawn_on="")
    answer = admin_client.post(address(pilot, "change"), filled(opened, industries=[cement.pk], kind="park"))
    assert choices(answer) == {
        "kind": ("city", "city", "industrial park", "mine"),
        "industries": ("no data", "Steel", "Cement", "both"),
        "withdrawn_on": ("1 January 2025", "no data", "1 January 2025", "theirs"),
    }
    assert admin_client.post(address(pilot, "change"), choose(answer)).status_code == 302
    pilot.refresh_from_db()
    assert (pilot.kind, pilot.withdrawn_on, set(pilot.industries.all())) == ("park", None, {steel, cement})


def test_a_box_that_was_ticked_by_the_first_stays_ticked(admin_client, colleague, policy) -> None:
    save(admin_client, policy, calls_for_provincial_plan=None)
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, calls_for_provincial_plan="on")
    answer = admin_client.post(address(policy, "change"), filled(opened, note_en="Mine"))
    assert choices(answer)["calls_for_provincial_plan"] == ("no", "yes", "no", "theirs")
    admin_client.post(address(policy, "change"), choose(answer))
    policy.refresh_from_db()
    assert (policy.calls_for_provincial_plan, policy.note) == (True, "Mine")


def test_the_same_edit_by_both_needs_no_merge(admin_client, colleague, policy) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, title_en="Better")
    assert admin_client.post(address(policy, "change"), filled(opened, title_en="Better")).status_code == 302
    assert len(entries(policy)) == 2


def test_what_cannot_be_read_is_shown_as_typed(admin_client, colleague, policy) -> None:
    opened = admin_client.get(address(policy, "change"))
    save(colleague, policy, published_on="2022-06-20")
    answer = admin_client.post(address(policy, "change"), filled(opened, published_on="20 June"))
    assert choices(answer) == {"published_on": ("no data", "20 June 2022", "20 June", "")}
    form = admin_client.post(address(policy, "change"), choose(answer, published_on="mine"))
    assert list(problems(form)) == ["published_on"]


def test_a_form_that_names_no_version_is_asked_for_every_difference(admin_client: Client, policy: Policy) -> None:
    answer = save(admin_client, policy, version=None, title_en="Blind")
    assert choices(answer) == {"title_en": ("", "Plan", "Blind", "")}
    policy.refresh_from_db()
    assert policy.title_en == "Plan"


def test_what_was_typed_of_a_record_deleted_meanwhile_is_kept(admin_client, colleague, policy, source) -> None:
    policy.sources.add(source)
    opened = admin_client.get(address(policy, "change"))
    colleague.post(address(policy, "delete"), {"post": "yes", "change_reason": "Twice"})
    answer = admin_client.post(address(policy, "change"), filled(opened, note_en="Mine"))
    assert [(item.label, item.mine) for item in answer.context["choices"]] == [("Note in English", "Mine")]
    assert re.search(r"wang deleted this record on .+ after you had opened it", answer.text)
    admin_client.post(answer.context["address"], {"version": str(answer.context["end"].pk)})
    merge = admin_client.post(address(policy, "change"), dict(answer.context["sent"]))
    assert choices(merge) == {"note_en": ("no data", "no data", "Mine", "mine")}
    assert admin_client.post(address(policy, "change"), choose(merge)).status_code == 302
    policy.refresh_from_db()
    assert (policy.note, list(policy.sources.all())) == ("Mine", [source])


# -- a save that changes nothing ---------------------------------------------------------------------


def test_a_save_that_changes_nothing_leaves_no_entry_and_says_so(admin_client, policy, source) -> None:
    policy.sources.add(source)
    count = policy.history.count()
    page = admin_client.post(
        address(policy, "change"),
        filled(admin_client.get(address(policy, "change")), change_reason="Nothing"),
        follow=True,
    )
    assert [str(item) for item in page.context["messages"]] == [
        "Nothing was changed, so nothing was saved and the history has no new entry."
    ]
    assert (policy.history.count(), LogEntry.objects.count()) == (count, 0)
    policy.refresh_from_db()
    policy.save()  # the silence was for that save alone
    assert policy.history.count() == count + 1


def test_a_source_alone_is_a_change(admin_client, policy, source) -> None:
    save(admin_client, policy, **{"Policy_sources-0-source": source.pk})
    assert (policy.history.count(), LogEntry.objects.count()) == (2, 1)


# -- by which import -----------------------------------------------------------------------------------


def test_an_entry_leads_to_its_import(admin_client, policy, monkeypatch) -> None:
    asked = []

    def teller(model: Any, found: Any, reader: Any) -> dict[int, tuple[str, str]]:
        asked.append((model, [entry.pk for entry in found]))
        return {found[0].pk: ("Import 12 · list.xlsx", "/admin/import/12/")}

    monkeypatch.setattr("config.origins._tellers", [teller])
    entry = policy.history.get()
    for page in (
        address(policy, "history"),
        reverse("admin:policies_policy_simple_history", args=[policy.pk, entry.pk]),
        policy.get_absolute_url(),
    ):
        assert '<a href="/admin/import/12/">Import 12 · list.xlsx</a>' in admin_client.get(page).text, page
    assert asked == [(Policy, [entry.pk])] * 3
    assert "list.xlsx" not in Client().get(policy.get_absolute_url()).text


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
