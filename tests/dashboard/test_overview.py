"""Overview page: of a small invented programme, of few records, and of changes."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.translation import override

from core.history.models import ChangeEvent
from core.history.recording import write_history_entries, written_by_import
from core.http.as_of import today
from core.imports.models import Import, ImportState
from pilots.models import Indicator, Milestone, Pilot
from tests.factories import (
    make_batch,
    make_indicator,
    make_milestone,
    make_pilot,
    make_province,
    make_reading,
    make_stage,
    make_target,
)
from tests.support.csv_files import csv_records
from tests.support.histories import rewrite_entries
from tests.support.snapshots import assert_snapshot, page_content

pytestmark = pytest.mark.django_db
DAY = "2026-11-24"


def file_rows(client: Client, table: str, **params: str) -> list[dict[str, str]]:
    return csv_records(client.get("/", {"as_of": DAY, "export": f"{table}.csv", **params}))


def make_rated(slug: str, value: int | None, **fields: Any) -> Pilot:
    """Make a pilot with one binding target, from 12,000 in 2023 to 9,600 in 2026: 10,400 is due for 2025."""
    pilot = make_pilot(fields.pop("batch"), fields.pop("province"), slug=slug, name_en=slug.capitalize(), **fields)
    sulphur = Indicator.objects.filter(code="AIR_SO2").first() or make_indicator("AIR_SO2", name_en="SO2 emissions")
    make_target(pilot, sulphur, 12000, 9600)
    if value is not None:
        make_reading(pilot, sulphur, "2025", value)
    make_stage(pilot, "listed", date(2024, 1, 15))
    return pilot


@pytest.fixture
def programme(empty: None) -> dict[str, Pilot]:
    """A batch of five: on the path, far behind, overdue since the last quarter, waiting to be accepted, silent."""
    batch = make_batch(
        slug="first", short_name_en="first batch", city_count=3, park_count=2, term_end=date(2026, 12, 31)
    )
    place = {"batch": batch, "province": make_province(slug="hebei", name_en="Hebei", short_en="Hebei")}
    pilots = {
        "good": make_rated("good", 10200, kind="city", **place),
        "behind": make_rated("behind", 11900, kind="park", **place),
        "overdue": make_rated("overdue", 10300, kind="park", **place),
        "waiting": make_rated("waiting", None, kind="city", **place),
        "silent": make_rated("silent", None, kind="city", **place),
    }
    make_reading(pilots["waiting"], Indicator.objects.get(), "2025", 10000, state="reported", accepted_on=None)
    make_milestone(pilots["overdue"], date(2026, 7, 15), title_en="Platform live", owner="Bureau", is_key=True)
    return pilots


# -- the first screen ------------------------------------------------------------------------------------


def test_what_the_page_says_and_draws(programme: Any, client: Client) -> None:
    """What is red, how it moved and what is on the path; figures with their batch; past quarters like for like."""
    milestones = list(Milestone.objects.order_by("pk"))
    assert_snapshot("page-overview", page_content(client.get("/", {"as_of": DAY})), milestones=milestones)


def test_a_figure_says_withdrawn_and_to_enter_where_a_pilot_has_withdrawn(programme: Any, client: Client) -> None:
    Pilot.objects.filter(pk=programme["behind"].pk).update(withdrawn_on=date(2026, 10, 1))
    figures = client.get("/", {"as_of": DAY}).context["figures"]
    assert [(figure["value"], figure["of"], figure["note"]) for figure in figures[1:3]] == [
        (3, "of 3 announced", "First batch"),
        (1, "of 2 announced", "First batch, 1 withdrawn, 0 to enter"),
    ]


def test_one_strip_stands_above_the_reasons_and_both_before_the_map(programme: Any, client: Client) -> None:
    page = client.get("/", {"as_of": DAY}).content.decode()
    assert page.count('class="lights"') == 1
    order = ['class="figures"', 'id="chart-lights"', 'class="reasons"', 'id="chart-map"', 'id="chart-funnel"']
    order += ['id="longest"', 'id="chart-plan-lag"', 'id="not-reported"', 'id="chart-coverage"', 'id="changes"']
    assert [page.count(part) for part in order] == [1] * len(order)
    places = [page.index(part) for part in order]
    assert places == sorted(places)


def test_each_reason_says_why_whose_and_how_late(programme: Any, client: Client) -> None:
    context = client.get("/", {"as_of": DAY}).context
    first, second = context["reasons"]
    assert (first["pilot"].value, first["light"].tag, first["since"].value) == ("Behind", "red", date(2026, 3, 20))
    assert (second["pilot"].value, second["why"].value, second["owner"].value, second["days"].value) == (
        "Overdue", "Platform live is 132 days overdue", "Bureau", 41,
    )  # fmt: skip
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/", {"as_of": DAY}).content.decode()))
    assert "Platform live is 132 days overdue Responsible: Bureau 41 days, since 14 October 2026" in text


def test_page_api_and_files_agree_on_what_is_due(programme: Any, client: Client) -> None:
    page = client.get("/", {"as_of": DAY}).context["overview"]
    api = client.get("/api/v1/overview/", {"as_of": DAY}).json()
    found = page.progress.on_track
    assert (found.on_path, found.rated, found.unrated, found.total) == (2, 3, 2, 5)
    assert api["on_track"] == {"on_path": 2, "rated": 3, "unrated": 2, "total": 5}
    assert file_rows(client, "on-track") == [
        {
            "Indicator": "SO2 emissions",
            "On the path": "2",
            "of rated": "3",
            "Behind": "0",
            "Far behind": "1",
            "Not rated": "2",
        }
    ]
    assert api["lights"]["now"] == {colour.value: n for colour, n in page.progress.strip.now.items()}
    assert [row["lights"]["red"] for row in api["quarters"]] == [1, 1, 1]
    assert [(row["Pilot"], row["Held up"]) for row in file_rows(client, "not-reported")] == [
        ("Silent", "nothing handed in"), ("Waiting", "handed in, waiting to be accepted"),
    ]  # fmt: skip
    missing = api["not_reported"]
    assert [pilot["slug"] for pilot in missing.pop("pilots")] == ["silent", "waiting"]
    assert missing == {
        "year": 2025,
        "due_on": "2026-03-31",
        "owing": 5,
        "count": 2,
        "by_place": {"nothing": 1, "waiting": 1, "disputed": 0},
    }


def test_who_has_not_reported_stands_by_name_where_the_values_are_held_up(programme: Any, client: Client) -> None:
    context = client.get("/", {"as_of": DAY}).context
    assert context["outstanding_finding"] == "2 of 5 pilots have not reported for 2025"
    assert context["outstanding_scope"] == (
        "First batch: no accepted value for 2025, due on 31 March 2026, 238 days ago"
    )
    assert [(group["title"], [pilot.slug for pilot, _name in group["pilots"]]) for group in context["outstanding"]] == [
        ("Nothing handed in (1)", ["silent"]),
        ("Handed in, waiting to be accepted (1)", ["waiting"]),
    ]
    before = client.get("/", {"as_of": "2026-03-10"}).context  # 2024 is due, and no pilot has a value for it
    assert before["overview"].outstanding.year == 2024
    reading = programme["waiting"].readings.get()
    reading.state, reading.accepted_on = "disputed", date(2026, 5, 1)
    reading.save()
    after = client.get("/", {"as_of": DAY}).context["outstanding"]
    assert [group["title"] for group in after] == [
        "Nothing handed in (1)", "Objected to, to be corrected by the pilot (1)",
    ]  # fmt: skip


def test_what_is_reduced_is_the_number_of_the_synergy_page(client: Client, empty: None) -> None:
    from tests.pilots.test_status_pages import make_measured  # noqa: PLC0415

    batch = make_batch(slug="first", city_count=1)
    make_measured(make_pilot(batch, make_province(), slug="one", kind="city"), (12000, 10200), (4200, 4074))
    for lang, value in (("en", "1.26\xa0Mt"), ("zh-hans", "126万吨")):
        context = client.get("/", {"as_of": DAY, "lang": lang}).context
        assert context["reduced"][0]["value"] == value
    synergy = client.get(context["synergy_url"], {"as_of": DAY}).context["synergy"]
    assert synergy.carbon_total.value == 1_260_000


def test_a_total_names_its_set_and_leads_to_the_same_set(client: Client, empty: None) -> None:
    from tests.pilots.test_status_pages import make_measured  # noqa: PLC0415

    for slug, fields in (("first", {}), ("other", {"level": "provincial", "province": make_province()})):
        pilot = make_pilot(make_batch(slug=slug, title_en=slug.title(), **fields), make_province(), slug=f"in-{slug}")
        make_measured(pilot, (12000, 10200), (4200, 4074))
    response = client.get("/", {"as_of": DAY, "lang": "en"})
    notes = ["First; 1 of 1 pilots counted"] * 2
    assert [figure["note"] for figure in response.context["reduced"]] == notes
    assert "First; 1 of 1 pilots counted" in response.content.decode()
    assert response.context["synergy_url"] == "/synergy/?batch=first"
    assert totals_of(client, f"{response.context['synergy_url']}&") == [
        ("1.26\xa0Mt", "1 of 1 pilots counted; 0 parks inside pilot cities left out; First"),
        ("1,895", "1 of 1 pilots counted; First"),
    ]
    assert totals_of(client, "/synergy/?") == [
        ("2.52\xa0Mt", "2 of 2 pilots counted; 0 parks inside pilot cities left out; all 2 recorded pilots"),
        ("3,789", "2 of 2 pilots counted; all 2 recorded pilots"),
    ]


def totals_of(client: Client, path: str) -> list[tuple[str, str]]:
    """Return the totals of the synergy page, each with its note."""
    figures = client.get(f"{path}as_of={DAY}&lang=en").context["figures"][2:4]
    return [(figure["value"], figure["note"]) for figure in figures]


# -- plans that are inferred or only known by a latest day ------------------------------------------------

UNCERTAIN = "5 only inferred, 25 known only by a latest day"


def test_the_issued_plans_say_how_many_are_inferred_or_only_known_by_a_latest_day(client: Client) -> None:
    """Of the shipped records: in figure, titles, first sentence, brief and API, in both languages."""
    response = client.get("/", {"as_of": DAY, "lang": "en"})
    figure = next(f for f in response.context["figures"] if f["label"] == "Provincial plans issued")
    assert (figure["value"], figure["note"]) == (32, f"Synergy plan 2022; {UNCERTAIN}")
    charts = response.context["charts"]
    assert charts["map"].title == (
        f"“Synergy plan 2022”: 32 of 32 provinces have a plan ({UNCERTAIN}), 13 have a recorded pilot"
    )
    assert charts["adoption"].title == (
        "Synergy plan 2022: the last plans were issued by 30 January 2024 at the latest; 16 are known only by that day"
    )
    sentence = f"Synergy plan 2022: 32 of 32 provinces have issued a plan; {UNCERTAIN}."
    assert response.context["finding"].endswith(sentence)
    chinese = client.get("/", {"as_of": DAY, "lang": "zh-hans"}).context["finding"]
    assert chinese.endswith("32个省级单位中，32个已印发方案；其中5个为推断、25个仅知最迟日期。")
    brief = client.get("/brief/nation/", {"as_of": DAY, "lang": "en"}).content.decode()
    assert f"Synergy plan 2022; {UNCERTAIN}" in brief
    api = client.get("/api/v1/overview/", {"as_of": DAY}).json()["rollout"]
    assert [api[name] for name in ("issued", "dated", "known_by", "inferred")] == [32, 7, 25, 5]
    policy = client.get("/policies/synergy-implementation-plan-2022/", {"as_of": DAY, "lang": "en"}).context
    assert policy["figures"][0]["note"] == "known to be issued by 24 November 2026; 5 only inferred"


# -- few records -----------------------------------------------------------------------------------------


def test_without_values_the_first_line_says_what_is_missing(client: Client) -> None:
    response = client.get("/", {"as_of": DAY})
    page, value = response.content.decode(), response.context["overview"]
    cities, parks = value.cities, value.parks
    assert response.context["finding"].startswith(
        f"{cities.recorded + parks.recorded} of 64 pilots entered, none reports values; "
        f"missing: {cities.to_enter} cities, {parks.to_enter} parks. "
    )
    assert 'href="/data/?as_of=2026-11-24">What is missing, and how it is entered</a>' in page
    for absent in ('class="lights"', 'id="chart-funnel"', 'id="longest"', 'id="on-track"', 'id="not-reported"'):
        assert absent not in page
    assert "can be rated" not in page
    rows = response.context["reasons"]  # what is behind is still listed
    assert (len(rows), page.count('class="reasons"')) == (value.progress.needing_attention, 1 if rows else 0)


def test_few_plans_stand_by_name_beside_who_has_none(client: Client) -> None:
    chart = client.get("/", {"as_of": DAY}).context["charts"]["plan_lag"]
    statuses = [item.list_to_plan for item in client.get("/", {"as_of": DAY}).context["overview"].progress.pilots]
    done = sum(span.done for span in statuses if span)
    waiting = sum(not span.done for span in statuses if span)
    assert len(chart.names[-1]["rows"]) == waiting
    drawn = chart.data["data"]["datasets"][0]["data"] if chart.data else []
    assert len(drawn) == (done if done >= 10 else 0)


@pytest.mark.parametrize(("rated", "few"), [(1, True), (2, False)])
def test_up_to_a_fifth_rated_are_few(empty: None, client: Client, rated: int, few: bool) -> None:
    place = {"batch": make_batch(slug="first"), "province": make_province()}
    for number in range(5):
        make_rated(f"pilot-{number}", 10200 if number < rated else None, **place)
    page = client.get("/", {"as_of": DAY}).content.decode()
    assert ('class="lights"' not in page) is few
    assert ("pilots entered, " in page) is few


def test_who_may_enter_records_gets_the_way_there(client: Client) -> None:
    client.force_login(User.objects.create_superuser("chief", password="a long enough password"))
    page = client.get("/").content.decode()
    assert '<a href="/admin/pilots/pilot/add/">Enter a pilot</a> · <a href="/admin/import/">Import a file</a>' in page
    assert "What is missing, and how it is entered" not in page


def test_below_four_fifths_what_is_missing_comes_before_the_lights(programme: Any, client: Client) -> None:
    batch = programme["good"].batch
    batch.park_count = 4
    batch.save()
    finding = client.get("/", {"as_of": DAY}).context["finding"]
    assert finding.startswith("5 of 7 pilots entered, 3 report values; missing: 2 parks. 2 of 5 pilots are red, ")


# -- recent changes --------------------------------------------------------------------------------------


def recent_changes(client: Client, **params: str) -> list[tuple[str, str, tuple[str, ...]]]:
    groups = client.get("/", params).context["changes"]
    return [(group.what, group.text, tuple(colour.value for colour in group.light or ())) for group in groups]


def backdate(record: Any, when: str) -> None:
    """Set the date of all history entries of a record."""
    rewrite_entries(record.history.all(), history_date=f"{when}T10:00:00+00:00")


def test_changes_of_a_pilot_are_one_line_that_says_how_its_light_turned(programme: Any, client: Client) -> None:
    for pilot in programme.values():
        for record in (
            pilot,
            *pilot.stages.all(),
            *pilot.milestones.all(),
            *pilot.targets.all(),
            *pilot.readings.all(),
        ):
            backdate(record, "2026-10-20")
    milestone = Milestone.objects.get()
    milestone.completed_on = date(2026, 11, 1)
    milestone.save()
    sulphur = Indicator.objects.get()
    make_reading(programme["overdue"], sulphur, "2024", 11100)
    make_reading(programme["overdue"], sulphur, "2024-Q1", 2800)
    assert recent_changes(client)[0] == ("Overdue", "1 milestone changed; 2 values entered", ("red", "green"))
    pilots = {what: (text, light) for what, text, light in recent_changes(client)}
    assert pilots["Silent"][1] == ()  # entered whole: it had no light to turn


def test_values_are_counted_with_their_year(programme: Any, client: Client) -> None:
    backdate(programme["good"], "2026-10-20")
    make_reading(programme["good"], make_indicator("AIR_NOX"), "2025", 500)
    assert recent_changes(client)[0][:2] == (
        "Good",
        "stage “Listed” entered; 1 target added; 2 values for 2025 entered",
    )


def make_import(pilot: Pilot, count: int) -> Import:
    record = Import.objects.create(kind="readings", file_name="secret.xlsx", state=ImportState.CONFIRMED, created=count)
    values = [make_reading(pilot, Indicator.objects.get(), str(2010 + n), 100 + n) for n in range(count)]
    for value in values:
        value.history.all().delete()
    ChangeEvent.objects.filter(model="pilots.reading", record_id__in=[value.pk for value in values]).delete()
    with written_by_import(record):
        write_history_entries(values, "+", by=None, reason="")
    return record


def test_an_import_is_one_line_and_so_is_undoing_it(programme: Any, client: Client) -> None:
    from core.imports.apply import undo  # noqa: PLC0415

    record = make_import(programme["good"], 12)
    found = recent_changes(client)
    assert found[0] == (f"Import {record.pk}", "import of 12 values", ())
    assert "Silent" in [what for what, _text, _light in found], "a long one hides no other kind"
    with override("en"):
        undo(record, by=None, reason="Wrong file")
    assert recent_changes(client)[:2] == [
        (f"Import {record.pk}", "import of 12 values undone", ()),
        (f"Import {record.pk}", "import of 12 values", ()),
    ]
    chinese = client.get("/", {"lang": "zh-hans"})
    assert [group.text for group in chinese.context["changes"][:2]] == ["撤销数据12个的导入", "导入数据12个"]
    page = chinese.content.decode()
    assert "undone" not in page
    assert "secret.xlsx" not in page
    assert "Wrong file" not in page


def test_a_record_s_entries_beyond_the_window_are_counted_too(
    programme: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.analytics.recent_changes.WINDOW_SIZE", 3)
    backdate(programme["good"], "2026-10-20")
    for year in range(2010, 2020):
        make_reading(programme["good"], Indicator.objects.get(), str(year), 100)
    text = next(text for what, text, _light in recent_changes(client) if what == "Good")
    assert "11 values entered" in text


def test_shipped_records_are_one_line(client: Client) -> None:
    assert recent_changes(client) == [("Shipped with the product", "records loaded", ())]


def test_the_file_of_changes_holds_the_groups(programme: Any, client: Client) -> None:
    rows = file_rows(client, "changes", as_of=today().isoformat())
    assert [row["Which"] for row in rows][:5] == ["Overdue", "Waiting", "Silent", "Behind", "Good"]
    assert rows[0]["Record"] == "pilot"
    assert rows[0]["What happened"] == (
        "added; stage “Listed” entered; 1 milestone added; 1 target added; 1 value for 2025 entered"
    )


def test_a_light_is_compared_with_what_stood_before_the_edit_not_before_the_day(programme: Any, client: Client) -> None:
    """Everything was entered today, by a command; then a user reports the milestone done."""
    for pilot in programme.values():
        for record in (
            pilot,
            *pilot.stages.all(),
            *pilot.milestones.all(),
            *pilot.targets.all(),
            *pilot.readings.all(),
        ):
            rewrite_entries(record.history.all(), history_change_reason="Demonstration data")
    milestone = Milestone.objects.get()
    milestone.completed_on = date(2026, 11, 1)
    milestone.save()
    assert recent_changes(client)[:2] == [
        ("Overdue", "1 milestone changed", ("red", "green")),
        ("Demonstration data", "records loaded", ()),
    ]


def test_a_stage_entered_late_is_named_with_the_change_of_the_light(programme: Any, client: Client) -> None:
    pilot = programme["good"]
    entry = make_stage(pilot, "plan_issued", None, planned_on=today() - timedelta(100))
    for record in (pilot, *(row for name in ("stages", "targets", "readings") for row in getattr(pilot, name).all())):
        rewrite_entries(record.history.all(), history_change_reason="Demonstration data")
    entry.entered_on = today() - timedelta(1)
    entry.save()
    assert recent_changes(client)[0] == ("Good", "1 stage entry changed", ("red", "green"))


@pytest.mark.parametrize(("others", "value"), [(4, None), (3, 1)])
def test_nothing_is_said_of_the_path_while_at_most_a_fifth_is_rated(
    empty: None, client: Client, others: int, value: int | None
) -> None:
    """One target is rated: of five that is too few, of four it is not."""
    batch = make_batch(slug="first", short_name_en="first batch", level="national", known_by=date(2024, 1, 15))
    province = make_province()
    make_rated("rated", 10000, batch=batch, province=province)
    for number in range(others):
        silent = make_rated(f"silent-{number}", None, batch=batch, province=province)
        make_milestone(silent, date(2026, 10, 1))  # which rates the pilot, and none of its targets
    page = client.get("/", {"as_of": DAY}).context
    figure = next(item for item in page["figures"] if item["label"] == "Binding targets on the path")
    assert figure["value"] == value
    assert ("1 of 5 rated: too few to say" in figure["note"]) == (value is None)
    text = "1 of 5 binding targets are rated: too few to say how many are on the path"
    assert page["on_track_finding"].startswith(text if value is None else "1 of 1 rated binding target is on the path")
