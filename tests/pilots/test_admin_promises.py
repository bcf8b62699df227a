"""Admin of promises, deadlines and reasons: who does what there, what is said of it, and what nobody else reads."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from core.days import today
from pilots.models import Amendment, Completion, Deadline, Milestone, NotGiven, Pilot, Reading, Target
from tests import factories as make
from tests.pilots.test_admin_errors import row_problems
from tests.support.admin_forms import form_errors, page_url, save, save_new
from tests.support.api_client import make_user
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
ENTERED = datetime(2025, 1, 1, tzinfo=UTC)
SECRET = "the boiler house burnt down"  # of which nobody else is to read


@pytest.fixture
def world() -> SimpleNamespace:
    """A pilot with a key milestone and a target that were promised long ago; clients of all roles."""
    home, away = make.province(slug="home"), make.province(slug="away")
    pilot, so2 = make.pilot(make.batch(), home, name_en="Huzhou"), make.indicator("AIR_SO2", name_en="SO2")
    key = make.milestone(pilot, today() + timedelta(30), title_en="Close the kiln", is_key=True)
    target = make.target(pilot, so2, 100, 60, target_year=today().year + 1, steps={str(today().year): "70"})
    for model in (Milestone, Target):
        model.history.update(history_date=ENTERED)
    users = {
        "editor": make_user("editor", "provincial_editor", home),
        "boss": make_user("boss", "national_editor"),
        "other": make_user("other", "provincial_editor", away),
        "viewer": make_user("viewer", "viewer"),
    }
    clients = {name: client_of(user) for name, user in users.items()}
    return SimpleNamespace(pilot=pilot, so2=so2, key=key, target=target, home=home, users=users, **clients)


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def act(client: Client, model: type[Any], action: str, *records: Any, **typed: Any) -> Any:
    """Choose an action in the list of a model; with what is typed, send its page."""
    address = reverse(f"admin:pilots_{model._meta.model_name}_changelist")
    sent = {"action": action, "_selected_action": [record.pk for record in records], **typed}
    return client.post(address, sent | ({"post": "yes"} if typed else {}))


# -- milestones and targets --------------------------------------------------------------------------------


def test_another_day_is_asked_on_the_form_and_decided_on_the_page_of_the_request(world: SimpleNamespace) -> None:
    key, day = world.key, today() + timedelta(90)
    assert form_errors(save(world.editor, key, planned_on=str(day))) == {
        "change_reason": ["Say in the reason for change why another day is asked for: it is shown beside the light."]
    }
    answer = save(world.editor, key, planned_on=str(day), change_reason="Supplier is late")
    assert told(answer)[0].startswith("“Close the kiln”: the amendment is asked of the ministry.")
    asked = Amendment.objects.get()
    assert (asked.day, asked.accepted, asked.reason_en) == (day, None, "Supplier is late")
    assert save(world.boss, asked, accepted="true").status_code == 302
    key.refresh_from_db()
    assert (key.planned_on, key.planned_today) == (today() + timedelta(30), day)
    page = world.editor.get(page_url(key))
    assert page.context["adminform"].form["planned_on"].value() == day
    assert "Supplier is late" in page.text


def test_a_row_of_the_pilot_asks_as_well_and_what_was_promised_is_not_deleted(world: SimpleNamespace) -> None:
    day = str(today() + timedelta(90))
    asked = {"milestones-0-planned_on": day, "change_reason": "Supplier is late"}
    answer = save(world.editor, world.pilot, **asked)
    assert answer.status_code == 302, row_problems(answer)
    assert Amendment.objects.get().accepted is None
    page = save(world.boss, world.pilot, **{"targets-0-DELETE": "on"})
    kept = "A promise is kept. Drop it by an amendment instead, with the reason."
    (formset,) = [item.formset for item in page.context["inline_admin_formsets"] if item.formset.prefix == "targets"]
    assert formset.non_form_errors() == [f"{world.target}: {kept}"]
    assert Target.objects.exists()


def test_what_was_promised_of_a_target_is_amended_or_dropped_and_never_changed(world: SimpleNamespace) -> None:
    target = world.target
    save(world.boss, target, target_value="50", binding=False, note_en="Checked")
    target.refresh_from_db()
    assert (target.target_value, target.binding, target.note_en) == (60, True, "Checked")
    sent = {"target": target.pk, "value": "65", "steps": "", "reason_en": "Census"}
    assert save_new(world.editor, Amendment, **sent).status_code == 302
    assert Amendment.objects.values_list("value", "steps", "accepted", "drop").get() == (65, None, None, False)
    save_new(
        world.editor, Amendment, target=target.pk, drop="on", reason_en="Plant closed"
    )  # it replaces the one before
    assert Amendment.objects.values_list("value", "accepted", "drop").get() == (None, None, True)
    assert save_new(world.boss, Amendment, target=target.pk, drop="on", reason_en="Plant closed").status_code == 302
    (dropped,) = Amendment.objects.all()
    assert (dropped.drop, dropped.accepted, dropped.decided_by) == (True, True, world.users["boss"])
    assert "Plant closed" in world.viewer.get(reverse("pilot-detail", args=[world.pilot.slug])).text


def test_requests_are_accepted_in_the_list_by_somebody_else(world: SimpleNamespace) -> None:
    values = {"pilot": world.pilot.pk, "indicator": world.so2.pk, "kind": "limit", "binding": "on"}
    years = {"target_year": today().year + 2, "target_value": "40"}
    assert save_new(world.editor, Target, **values, **years).status_code == 302
    asked = Target.objects.get(kind="limit")
    assert asked.promised_on is None
    act(world.editor, Target, "accept", asked)
    asked.refresh_from_db()
    assert asked.promised_on is None
    answer = act(world.boss, Target, "accept", asked, world.target)
    asked.refresh_from_db()
    assert (asked.promised_on, len(told(answer))) == (today(), 2)
    assert "1 request is accepted." in told(answer)


def test_a_completion_names_what_shows_it_and_the_ministry_objects(world: SimpleNamespace) -> None:
    sent = {"milestone": world.key.pk, "completed_on": str(today()), "evidence": "Report 7"}
    assert save_new(world.other, Completion, **sent).status_code != 302
    assert form_errors(save_new(world.editor, Completion, **sent | {"evidence": ""})) == {
        "evidence": ["Name the document or the address that shows it, or attach a file."]
    }
    assert save_new(world.editor, Completion, **sent).status_code == 302
    done = Completion.objects.get()
    assert (done.entered_by, done.entered_on, done.pilot) == (world.users["editor"], today(), world.pilot)
    assert save(world.boss, done, objection="The kiln still runs").status_code == 302
    done.refresh_from_db()
    assert (done.objected_on, done.objected_by, done.objection) == (
        today(),
        world.users["boss"],
        "The kiln still runs",
    )
    assert "The kiln still runs" in world.boss.get(page_url(world.key)).text


def test_a_withdrawal_is_one_act_with_a_reason(world: SimpleNamespace) -> None:
    assert list(form_errors(save(world.boss, world.pilot, withdrawn_on=str(today())))) == ["change_reason"]
    sent = {"withdrawn_on": str(today()), "change_reason": "At its own request"}
    assert save(world.boss, world.pilot, **sent).status_code == 302
    world.pilot.refresh_from_db()
    assert (world.pilot.withdrawn_on, world.pilot.withdrawn_recorded_on) == (today(), today())
    assert not Pilot.objects.listed(today()).exists()


# -- deadlines ---------------------------------------------------------------------------------------------


def test_a_deadline_is_entered_by_the_ministry_and_never_changed(world: SimpleNamespace) -> None:
    year = today().year - 1
    sent = {"pilot": world.pilot.pk, "year": year, "due_on": str(today() + timedelta(20)), "reason": "Census"}
    assert world.editor.get(reverse("admin:pilots_deadline_add")).status_code == 403
    assert save_new(world.boss, Deadline, **sent).status_code == 302
    row = Deadline.objects.get()
    assert (row.decided_by, row.decided_on, row.reason) == (world.users["boss"], today(), "Census")
    assert row.history.get().history_change_reason == "Census"
    assert world.boss.post(page_url(row), {**sent, "reason": "Else"}).status_code == 403
    assert world.boss.post(page_url(row, "delete"), {"post": "yes"}).status_code == 403
    assert world.editor.get(page_url(row)).status_code == 200


# -- reasons why there is no value -------------------------------------------------------------------------


@pytest.fixture
def given(world: SimpleNamespace) -> NotGiven:
    """A reason as the office enters it."""
    sent = {"pilot": world.pilot.pk, "indicator": world.so2.pk, "year": today().year - 1, "text": SECRET}
    assert save_new(world.editor, NotGiven, **sent).status_code == 302
    return NotGiven.objects.get()


def test_nobody_else_reads_why_there_is_no_value(world: SimpleNamespace, given: NotGiven) -> None:
    """List, form, history, versions, deleted records, change log and its file; before it is answered and after."""
    entry = given.history.get()
    admin = [reverse(f"admin:pilots_notgiven_{name}") for name in ("changelist", "deleted")]
    own = [page_url(given), page_url(given, "history"), page_url(given, "simple_history", entry.pk)]
    other = [
        *(reverse("admin:pilots_notgiven_changelist"), reverse("admin:index")),
        *(reverse("changes"), reverse("changes") + "?format=csv", page_url(world.pilot, "history")),
    ]
    public = [
        *(
            reverse("pilot-detail", args=[world.pilot.slug]),
            reverse("pilot-detail", args=[world.pilot.slug]) + "?tab=history",
        ),
        *("/api/v1/changes/", f"/api/v1/pilots/{world.pilot.slug}/"),
    ]
    for _time in range(2):
        for address in [*admin, *own, *other, *public]:
            for client in (world.other, world.viewer, Client()):
                answer = client.get(address)
                body = b"".join(answer) if answer.streaming else answer.content
                assert SECRET.encode() not in body, address
        for address in own:
            assert world.other.get(address).status_code in (302, 404), address
            assert SECRET in world.boss.get(address).text or "history/" in address
        assert SECRET in world.editor.get(own[0]).text
        assert act(world.boss, NotGiven, "answer", given, verdict="accepted", reason="Checked").status_code == 302
    assert world.other.get(admin[1]).status_code == 403
    assert world.viewer.get(admin[0]).status_code == 302


def test_the_ministry_answers_a_reason_in_the_list(world: SimpleNamespace, given: NotGiven) -> None:
    page = act(world.boss, NotGiven, "answer", given)
    assert (page.status_code, [str(record) for record in page.context["records"]]) == (200, [str(given)])
    silent = act(world.boss, NotGiven, "answer", given, verdict="returned", reason="")
    assert silent.context["form"].errors == {"reason": ["Say what is wrong with it."]}
    by = today() + timedelta(10)
    answer = act(world.boss, NotGiven, "answer", given, verdict="returned", answer_by=str(by), reason="Name the day")
    assert told(answer)[-1] == "1 reason is answered."
    given.refresh_from_db()
    assert (given.state, given.returned_on, given.answer_by) == ("returned", today(), by)
    act(world.editor, NotGiven, "answer", given, verdict="accepted", reason="")
    given.refresh_from_db()
    assert given.state == "returned"


# -- revising a series -------------------------------------------------------------------------------------


@pytest.fixture
def census(world: SimpleNamespace) -> list[Reading]:
    """The new versions of two years, which wait."""
    rows = []
    for year, value in (("2023", 120), ("2024", 110)):
        make.reading(world.pilot, world.so2, year, value - 20)
        rows.append(make.reading(world.pilot, world.so2, year, value, version=2, reported_on=today(), accepted_on=None))
    Reading.history.update(history_user=world.users["editor"])
    return rows


def test_a_series_is_revised_with_its_bases_on_one_date(world: SimpleNamespace, census: list[Reading]) -> None:
    """What is proposed is the new value of the base year; nothing is done where the model refuses a part."""
    target, base, steps = world.target, f"base_{world.target.pk}", f"steps_{world.target.pk}"
    page = act(world.boss, Reading, "revise", *census)
    form = page.context["form"]
    assert (form[base].value(), form[steps].value()) == ("120", f"{today().year}: 70")
    typed = {base: "120", steps: "2020: 1", "reason": "Census of 2025"}
    refused = act(world.boss, Reading, "revise", *census, **typed)
    assert list(refused.context["form"].errors) == [base]
    assert not Reading.objects.filter(version=2).exclude(accepted_on=None).exists()
    answer = act(world.boss, Reading, "revise", *census, **typed | {steps: f"{today().year}: 85"})
    assert told(answer) == ["2 readings accepted."]
    assert {row.accepted_on for row in Reading.objects.filter(version=2)} == {today()}
    amended = Amendment.objects.get()
    assert (amended.base_value, amended.base_year, amended.steps) == (120, 2023, {str(today().year): "85"})
    assert (amended.accepted, amended.decided_on, amended.reason_en) == (True, today(), "Census of 2025")
    assert target.values_on(today())["base_value"] == 120
    target.refresh_from_db()
    assert target.base_value == 100


def test_a_series_is_of_one_indicator_and_the_ministrys_to_revise(
    world: SimpleNamespace, census: list[Reading]
) -> None:
    other = make.reading(world.pilot, make.indicator("AIR_NOX"), "2024", 5, accepted_on=None)
    answer = act(world.boss, Reading, "revise", *census, other)
    assert told(answer) == ["A series is of one pilot and one indicator. Choose values of one alone."]
    act(world.editor, Reading, "revise", *census, reason="x")
    assert Reading.objects.filter(accepted_on=None).count() == 3


def test_readings_are_judged_on_the_page_of_the_site(world: SimpleNamespace) -> None:
    """Quarters as well: accepted, or returned with a day by which they are answered; and not by the province."""
    rows = [make.reading(world.pilot, world.so2, f"2024-Q{n}", 20, accepted_on=None) for n in (3, 4)]
    page = act(world.boss, Reading, "judge", *rows)["Location"]
    assert page == f"{reverse('readings-judge')}?reading={rows[0].pk},{rows[1].pk}"
    first = {"readings": rows[0].pk, "verdict": "accepted"}
    assert world.editor.post(page, first).status_code == 403
    assert world.boss.post(page, first).status_code == 302
    by = today() + timedelta(10)
    returned = {"readings": rows[1].pk, "verdict": "returned", "answer_by": str(by), "change_reason": "Not the unit"}
    assert world.boss.post(page, returned).status_code == 302
    found = [(row.period, row.state, row.answer_by) for row in Reading.objects.order_by("period")]
    assert found == [("2024-Q3", "accepted", None), ("2024-Q4", "returned", by)]
