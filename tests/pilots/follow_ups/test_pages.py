"""Pages of follow-ups: the list, one with its steps, the forms that open them, and what stands beside a red light."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.days import today
from pilots.metrics import Move
from pilots.models import Document, FollowUp, Milestone, Pilot
from policies.models import Agency
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.csv_files import csv_records
from tests.support.files import pdf, png
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


def day(days_ago: int) -> date:
    return today() - timedelta(days_ago)


@pytest.fixture
def agency() -> Agency:
    return make.agency(slug="office", name_en="Office of Jia", name_zh="甲省生态环境厅")


@pytest.fixture
def pilot() -> Pilot:
    """A pilot that is red: a key milestone is 120 days overdue."""
    province = make.province(slug="jia", short_en="Jia", name_en="Jia", name_zh="甲省")
    pilot = make.pilot(make.batch(announced_on=day(700)), province, slug="red", name_en="Red", name_zh="红")
    make.milestone(pilot, day(120), is_key=True, title_en="Furnace 2", title_zh="二号炉")
    return pilot


@pytest.fixture
def minister() -> Client:
    return client_of(make_user("minister", "national_editor"))


def text_of(answer: Any) -> str:
    return answer.content.decode()


def errors(answer: Any) -> dict[str, list[str]]:
    return {name: [str(one) for one in found] for name, found in answer.context["form"].errors.items()}


def step(client: Client, item: FollowUp, move: Move, **fields: Any) -> Any:
    """Send a step with the newest sequence number, unless another is given."""
    seq = item.steps.order_by("seq").last().seq  # type: ignore[union-attr]
    values = {"move": move.value, "taken_on": today().isoformat(), "remark": "", "seen_seq": seq, **fields}
    return client.post(item.get_absolute_url(), values)


# -- the whole life by hand ------------------------------------------------------------------------------


def test_the_life_of_a_red_light_by_hand(pilot: Pilot, agency: Agency, minister: Client) -> None:
    milestone = Milestone.objects.get()
    link = f"/actions/new/?pilot=red&milestone={milestone.pk}"
    assert link.replace("&", "&amp;") in text_of(minister.get("/pilots/red/"))
    form = minister.get(link).context["form"]
    values = {name: field.initial for name, field in form.fields.items() if field.initial is not None}
    proposed = {**values, **form.initial}
    assert proposed["title_en"] == "Red: complete “Furnace 2”"
    assert proposed["title_zh"] == "红：完成“二号炉”"
    assert proposed["due_on"] == today() + timedelta(30)
    assert (proposed["subject"], proposed["cause"], proposed["cause_milestone"]) == (
        "pilot:red",
        "milestone",
        milestone.pk,
    )
    sent = {
        **{name: value for name, value in proposed.items() if value is not None},
        "owner_agency": agency.pk,
        "is_key": "on",
        "opened_on": day(20).isoformat(),
        "due_on": day(5).isoformat(),
    }
    opened = minister.post(link, {name: "" if callable(value) else value for name, value in sent.items()})
    item = FollowUp.objects.get()
    assert opened.headers["Location"] == f"/actions/{item.number}/"
    assert (item.cause_colour, item.cause_reason_en, item.province) == (
        "red",
        "Furnace 2 is 100 days overdue",
        pilot.province,
    )

    editor = client_of(make_user("editor", "provincial_editor", pilot.province))
    assert step(editor, item, Move.SIGN, taken_on=day(18).isoformat()).status_code == 302
    missing = step(editor, item, Move.REPORT, remark="The furnace runs.")
    assert missing.status_code == 400
    assert errors(missing) == {"uploads": ["This is a key follow-up: attach a file that shows that it is done."]}
    assert "The furnace runs." in text_of(missing)
    photo = SimpleUploadedFile("furnace.png", png(), "image/png")
    assert step(editor, item, Move.REPORT, remark="The furnace runs.", uploads=photo).status_code == 302
    assert Document.objects.get().file_name == "furnace.png"

    assert step(minister, item, Move.RETURN, remark="Dark photo", new_due_on=day(0)).status_code == 302
    again = SimpleUploadedFile("test.pdf", pdf("Test report"), "application/pdf")
    assert step(editor, item, Move.REPORT, remark="A better one", uploads=again).status_code == 302
    make.completion(milestone, today())
    closed = step(minister, item, Move.VERIFY)
    assert closed.status_code == 302
    page = text_of(minister.get(item.get_absolute_url()))
    assert "The step is recorded: verified and closed." in page
    assert page.index("verified and closed") < page.index("reported as done") < page.index("signed for")
    assert FollowUp.objects.with_state(today()).get(pk=item.pk).cleared is True
    assert minister.get("/actions/").context["finding"] == (
        "1 of 1 follow-up is closed; none is open. Of 1 that was closed after a red light, 1 cleared it."
    )


def test_of_two_verifiers_the_second_is_told_and_keeps_the_text(pilot: Pilot, minister: Client) -> None:
    item = make.follow_up(pilot, (Move.SIGN, day(30)), (Move.REPORT, day(20)), opened_on=day(40), due_on=day(10))
    second = client_of(make_user("second", "national_editor"))
    seen = second.get(item.get_absolute_url()).context["form"]["seen_seq"].value()
    assert step(minister, item, Move.VERIFY).status_code == 302
    late = step(second, item, Move.RETURN, remark="Not enough", new_due_on=day(0), seen_seq=seen)
    assert late.status_code == 409
    page = text_of(late)
    assert "Another user took a step meanwhile: verified and closed on" in page
    assert "Not enough" in page
    assert [found.move for found in item.steps.order_by("seq")] == ["open", "sign", "report", "verify"]


def test_a_light_set_by_hand_is_counted_apart_and_clears_nothing(
    pilot: Pilot, agency: Agency, minister: Client, client: Client
) -> None:
    """Of a computed red light: the form sets it green, and the follow-up that it caused is closed."""
    sent = {"subject": "pilot:red", "cause": "pilot", "kind": "assignment", "title_en": "Act", "title_zh": "整改"}
    days = {"opened_on": day(20).isoformat(), "due_on": day(5).isoformat(), "owner_agency": agency.pk}
    assert minister.post("/actions/new/?pilot=red&cause=pilot", {**sent, **days}).status_code == 302
    item = FollowUp.objects.get()
    ends_on = (today() + timedelta(60)).isoformat()
    light = {"colour": "green", "reason": "We were there: all is well", "expires_on": ends_on}
    assert minister.post("/pilots/red/light/", light).status_code == 302
    editor = client_of(make_user("editor", "provincial_editor", pilot.province))
    assert step(editor, item, Move.SIGN).status_code == 302
    assert step(editor, item, Move.REPORT, remark="Done").status_code == 302
    assert step(minister, item, Move.VERIFY, remark="The ministry was there").status_code == 302

    own = client.get(f"/api/v1/actions/{item.number}/").json()
    assert (own["cause_colour"], own["cause_colour_now"], own["cleared"]) == ("red", "red", False)
    numbers = client.get("/api/v1/followup/").json()
    assert (numbers["cleared"], numbers["red"]["still_red"]) == ({"n": 0, "of": 1, "percent": 0.0}, 1)
    found = [
        csv_records(client.get(f"/actions/?result={name}&export=follow-ups.csv")) for name in ("cleared", "still_red")
    ]
    assert [[row["What became of the light"] for row in rows] for rows in found] == [[], ["still red when closed"]]
    red = {"red": 1, "yellow": 0, "blue": 0, "green": 0, "grey": 0}
    for address in ("overview", "progress"):
        answer = client.get(f"/api/v1/{address}/").json()
        lights = answer["lights" if address == "overview" else "strip"]
        assert (lights["now"]["green"], lights["by_hand"], lights["by_hand_then"]) == (1, red, dict.fromkeys(red, 0))

    apart = "1 set by hand (computed: 1 red)"
    changes = client.get("/", {"since": "week"}).context["changes"]
    assert {row["label"]: row["names"] for row in changes["rows"]}["Set by hand, or no longer"] == ["Red"]
    assert "Red light cleared" in changes["unchanged"]
    batch, province = pilot.batch.slug, pilot.province.slug
    for path in ("/", "/pilots/", "/provinces/", f"/provinces/{province}/"):
        assert apart in client.get(path).context["finding"], path
    assert apart in minister.get("/desk/").context["finding"]
    for path, table in (("/batches/", "batches"), ("/provinces/", "provinces-list")):
        assert [row["Set by hand"] for row in csv_records(client.get(f"{path}?export={table}.csv"))] == [apart], path
        assert apart in text_of(client.get(path)), path
    for path in (f"/batches/{batch}/", f"/provinces/{province}/"):
        assert apart in client.get(path).context["charts"]["lights"].subtitle, path
    assert apart in client.get("/actions/").context["charts"]["flow"].subtitle
    assert apart in text_of(client.get(f"/compare/provinces/?a={province}"))
    for path in ("nation", f"batch/{batch}", f"province/{province}"):
        brief = client.get(f"/brief/{path}/", {"since": day(7), "export": "json"}).json()
        assert apart in brief["headline"], path
        blocks = {block["title"]: block for block in brief["blocks"]}
        (changes,) = [block for title, block in blocks.items() if title.startswith("What changed")]
        told = {line["label"]: line["text"] for line in changes["items"]}
        assert (told["Cleared"], told["Set by hand, or no longer"]) == ("none", "1: Red"), path
        lights = blocks["Lights"]
        assert (lights["columns"][-1], [row[-1] for row in lights["rows"]]) == ("Set by hand", ["1", "0"]), path


@pytest.mark.parametrize(("then", "asked"), [("red", True), ("yellow", True), ("green", False)])
def test_closing_while_the_light_is_no_better_asks_for_a_remark(
    pilot: Pilot, minister: Client, then: str, asked: bool
) -> None:
    history = ((Move.SIGN, day(30)), (Move.REPORT, day(20)))
    cause = {"cause": "milestone", "cause_milestone": Milestone.objects.get(), "cause_colour": then}
    item = make.follow_up(pilot, *history, opened_on=day(40), due_on=day(10), **cause)
    offered = dict(minister.get(item.get_absolute_url()).context["form"].fields["move"].choices)
    assert offered["verify"] == f"Verify and close it{' (needs a remark)' * asked}"
    rejected = step(minister, item, Move.VERIFY, remark=" ")
    if asked:
        text = "The light that caused it is no better (Red): say in a remark why it is closed all the same."
        assert (rejected.status_code, errors(rejected)) == (400, {"remark": [text]})
        assert step(minister, item, Move.VERIFY, remark="The furnace is shut down for good").status_code == 302
    assert item.steps.count() == 4


# -- who may do what -------------------------------------------------------------------------------------


def test_another_provinces_editor_sees_no_control_and_changes_nothing(pilot: Pilot) -> None:
    item = make.follow_up(pilot, opened_on=day(40), due_on=day(10), owner_person="Ms Lin")
    stranger = client_of(make_user("stranger", "provincial_editor", make.province()))
    for reader in (stranger, Client()):
        page = text_of(reader.get(item.get_absolute_url()))
        assert 'name="move"' not in page
        assert "Ms Lin" not in page
        assert "Open a follow-up" not in text_of(reader.get("/pilots/red/"))
        assert step(reader, item, Move.SIGN).status_code == 403
    assert stranger.get("/actions/new/").status_code == 403
    assert Client().get("/actions/new/").status_code == 302
    assert item.steps.count() == 1
    own = client_of(make_user("own", "provincial_editor", pilot.province))
    page = text_of(own.get(item.get_absolute_url()))
    assert "Ms Lin" in page
    assert 'value="sign"' in page
    assert 'value="extend"' not in page


# -- the list --------------------------------------------------------------------------------------------


@pytest.fixture
def five(pilot: Pilot) -> dict[str, FollowUp]:
    """Follow-ups in five states: overdue, to verify, due later, closed, withdrawn."""
    report = ((Move.SIGN, day(60)), (Move.REPORT, day(50)))
    return {
        "overdue": make.follow_up(pilot, opened_on=day(60), due_on=day(12)),
        "reported": make.follow_up(pilot, *report, opened_on=day(70), due_on=day(40)),
        "later": make.follow_up(None, opened_on=day(3), due_on=day(-10), policy=make.policy(), meeting="Monthly"),
        "closed": make.follow_up(pilot, *report, (Move.VERIFY, day(45)), opened_on=day(70), due_on=day(55)),
        "withdrawn": make.follow_up(pilot, (Move.WITHDRAW, day(20)), opened_on=day(30), due_on=day(15)),
    }


def listed(answer: Any) -> list[str]:
    return [row[0].value for row in answer.context["listing"].table.rows]


def test_what_waits_for_a_user(five: dict[str, FollowUp], pilot: Pilot, minister: Client) -> None:
    editor = client_of(make_user("editor", "provincial_editor", pilot.province))
    assert "Waiting for me" not in text_of(Client().get("/actions/"))
    assert listed(Client().get("/actions/?mine=true")) == []
    for client, slug, name in ((minister, "verify", "reported"), (editor, "overdue", "overdue")):
        assert listed(client.get("/actions/?mine=true")) == [str(five[name])]
        own, *_others = client.get("/desk/").context["lists"]
        assert (own["slug"], [str(row[0].value) for row in own["table"].rows]) == (slug, [str(five[name])])


# -- beside a light and on the pages of records ----------------------------------------------------------


def test_the_open_follow_up_stands_beside_the_light(pilot: Pilot, minister: Client, client: Client) -> None:
    indicator = make.indicator("AIR_A", name_en="Dust")
    target = make.target(pilot, indicator, 100, 70, base_year=today().year - 3, target_year=today().year + 1)
    make.reading(pilot, indicator, str(today().year - 1), 120, accepted_on=day(1), reported_on=day(2))
    page = text_of(minister.get("/pilots/red/"))
    link = f"/actions/new/?pilot=red&amp;target={target.pk}"
    assert page.count(link) == 2  # reason and table
    proposed = minister.get(link.replace("&amp;", "&")).context["form"].initial
    assert (proposed["cause"], proposed["cause_target"], proposed["title_en"]) == (
        "indicator",
        target.pk,
        "Red: bring “Dust” back on schedule",
    )
    other = make.target(make.pilot(pilot.batch, pilot.province), indicator, 100, 70)
    assert minister.get(f"/actions/new/?pilot=red&target={other.pk}").status_code == 404
    item = make.follow_up(
        pilot, opened_on=day(0), due_on=day(-7), cause="indicator", cause_target=target, number="2026-817"
    )
    assert client.get(item.get_absolute_url()).context["cause"] == (
        f"the light of a target: Dust, reach a value, {target.target_year}"
    )
    for path, text in (
        ("/", "2026-817"),
        ("/pilots/?light=red", "2026-817"),
        ("/pilots/red/", "follow-up 2026-817"),
    ):
        assert f'href="{item.get_absolute_url()}">{text}, due ' in text_of(client.get(path)), path
    page = text_of(minister.get("/pilots/red/"))
    assert link not in page
    assert f"/actions/new/?pilot=red&amp;milestone={Milestone.objects.get().pk}" in page


def test_a_follow_up_of_a_pilot_has_its_light_as_the_cause(pilot: Pilot, agency: Agency, minister: Client) -> None:
    Milestone.objects.update(stage="plan_issued")
    link = "/actions/new/?pilot=red&cause=pilot"
    page = text_of(minister.get("/pilots/red/"))
    assert page.count(link.replace("&", "&amp;")) == 1  # beside the light
    sent = {"subject": "pilot:red", "cause": "pilot", "kind": "assignment", "title_en": "Plan", "title_zh": "方案"}
    days = {"opened_on": day(5).isoformat(), "due_on": day(-5).isoformat()}
    assert minister.post(link, {**sent, **days, "owner_agency": agency.pk}).status_code == 302
    opened = FollowUp.objects.get()
    assert (opened.cause, opened.cause_colour, opened.cause_reason_en, opened.cause_reason_zh) == (
        "pilot",
        "red",
        "Furnace 2 is 115 days overdue",
        "“二号炉”逾期115天",
    )
    page = text_of(minister.get("/pilots/red/"))
    assert link.replace("&", "&amp;") not in page
    assert page.count(f'href="{opened.get_absolute_url()}">follow-up {opened.number}, due ') == 1


def test_a_light_names_one_owner(pilot: Pilot, minister: Client, client: Client) -> None:
    """The agency of the open follow-up, overdue first; else the department of the milestone."""

    def owners() -> dict[str, str]:
        api = client.get("/api/v1/progress/").json()["pilots"][0]["light"]["reasons"]
        listed = client.get("/pilots/").context["listing"].table
        at_home = client.get("/").context["attention"]["rows"]
        batch = client.get(f"/batches/{pilot.batch.slug}/").context["pilots"]
        page = client.get("/pilots/red/").context
        brief = client.get("/brief/pilot/red/?export=json").content.decode()
        of_table = {
            name: next(
                str(c.value) for column, c in zip(table.columns, table.rows[0], strict=True) if column.key == "owner"
            )
            for name, table in (("list", listed), ("batch", batch))
        }
        return {
            **of_table,
            "overview": at_home[0]["status"].owner,
            "page": page["status"].owner,
            "reason": page["status"].told_reasons[0]["owner"],
            "api": api[0]["owner"],
            "brief": re.findall(r"Responsible: ([^·\"]*?) ·", brief)[0],
        }

    Milestone.objects.update(owner="Bureau")
    assert set(owners().values()) == {"Bureau"}
    milestone = Milestone.objects.get()
    cause: dict[str, Any] = {"cause": "milestone", "cause_milestone": milestone}
    make.follow_up(
        pilot, opened_on=day(9), due_on=day(-7), number="2026-801", owner_agency=make.agency(name_en="Next"), **cause
    )
    assert set(owners().values()) == {"Next"}
    late = make.follow_up(
        pilot, opened_on=day(9), due_on=day(1), number="2026-802", owner_agency=make.agency(name_en="Late"), **cause
    )
    assert set(owners().values()) == {"Late"}
    for move in (Move.SIGN, Move.REPORT, Move.VERIFY):
        make.step(late, move, day(0))
    assert set(owners().values()) == {"Next"}
