"""Data quality: every rule finds its planted case, and ignores similar valid ones."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from dashboard.quality import DataQuality, Severity, rules_on
from pilots.models import Batch, Indicator, Pilot
from policies.models import Figure, Policy, Province, ProvincialPlan, Source
from tests import factories as make
from tests.support.api_client import make_user

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 25)
RuleLines = list[tuple[str, str]]  # record, and what is particular to it


@dataclass(frozen=True)
class QualityWorld:
    """Programme without any finding of the rules below."""

    hebei: Province
    jiangsu: Province
    policy: Policy
    batch: Batch
    official: Source
    press: Source
    hearsay: Source

    def pilot(self, name: str, **fields: Any) -> Pilot:
        return make.pilot(self.batch, fields.pop("province", self.hebei), name_en=name, **fields)

    def plan(self, **fields: Any) -> ProvincialPlan:
        """Make the plan of a new province."""
        return make.plan(self.policy, make.province(), **{"title_en": "Plan", **fields})


@pytest.fixture
def world(empty: None) -> QualityWorld:
    policy = make.policy(title_en="National plan", issued_on=date(2022, 6, 1), calls_for_provincial_plan=False)
    return QualityWorld(
        hebei=make.province(slug="hebei", name_en="Hebei", short_en="Hebei", gb_code="130000", iso_code="CN-HE"),
        jiangsu=make.province(name_en="Jiangsu", short_en="Jiangsu", gb_code="320000", iso_code="CN-JS"),
        policy=policy,
        batch=make.batch(
            title_en="First batch",
            policy=policy,
            city_count=21,
            term_start=date(2024, 1, 1),
            term_end=date(2026, 12, 31),
        ),
        official=make.source(title="Bulletin", reliability="official", published_on=date(2024, 2, 1)),
        press=make.source(title="Daily", reliability="media", published_on=date(2024, 2, 1)),
        hearsay=make.source(title="Reprint", reliability="inferred", published_on=date(2024, 2, 1)),
    )


def build_report(province: Province | None = None, as_of: date = DAY) -> DataQuality:
    return DataQuality(as_of, province)


def found_by(code: str, province: Province | None = None) -> RuleLines:
    return [(item.record, item.detail) for item in build_report(province).findings(rule=code)]


# -- what is planted for each rule, beside what it must pass over --------------------------------------------------


def not_entered(w: QualityWorld) -> RuleLines:
    batch = make.batch(title_en="Second batch", city_count=3, park_count=1, county_count=0)
    make.pilot(batch, w.hebei, kind="city")
    make.pilot(batch, w.hebei, kind="park")  # all that were announced
    return [("Second batch", "city: 3 announced, 1 recorded")]


def beyond_announced(w: QualityWorld) -> RuleLines:
    batch = make.batch(title_en="Second batch", city_count=1, park_count=1)
    for kind in ("city", "city", "park"):
        make.pilot(batch, w.hebei, kind=kind)
    return [("Second batch", "city: 1 announced, 2 recorded")]


def plan_not_recorded(w: QualityWorld) -> RuleLines:
    policy = make.policy(title_en="Call", calls_for_provincial_plan=True)
    make.plan(policy, w.jiangsu, status="unknown", issued_on=None)  # a record, if an empty one
    fields_outside()
    return [("Hebei · Call", "")]


def fields_outside() -> Province:
    """Make a province outside the roster."""
    return make.province(in_roster=False, kind="sar", region="")


def plan_unknown(w: QualityWorld) -> RuleLines:
    make.plan(w.policy, w.hebei, status="unknown", issued_on=None, title_en="Unknown")
    w.plan(status="not_found", issued_on=None, searched_on=DAY, searched_where="site")
    make.plan(w.policy, fields_outside(), status="unknown", issued_on=None)
    return [("Unknown", "")]


def plan_search_old(w: QualityWorld) -> RuleLines:
    w.plan(title_en="Old", status="not_found", issued_on=None, searched_on=date(2026, 5, 28), searched_where="site")
    w.plan(title_en="Draft", status="drafting", issued_on=None)
    w.plan(title_en="Lately", status="not_found", issued_on=None, searched_on=date(2026, 5, 29), searched_where="x")
    w.plan(title_en="Needless", status="not_required", issued_on=None)
    make.plan(w.policy, fields_outside(), title_en="Outside", status="drafting", issued_on=None)
    return [("Old", "not found"), ("Draft", "drafting")]


def no_day(w: QualityWorld) -> RuleLines:
    make.policy(title_en="Undated", issued_on=None, published_on=date(2023, 1, 1))
    make.policy(title_en="Event", kind="event", issued_on=None, known_issued_by=date(2023, 1, 1))
    w.plan(title_en="Undated plan", issued_on=None, known_issued_by=date(2024, 1, 30))
    w.plan(title_en="By month", issued_precision="month")
    w.plan(title_en="None", status="unknown", issued_on=None)
    return [("Undated", ""), ("Undated plan", "")]


def milestone_late(w: QualityWorld) -> RuleLines:
    pilot = w.pilot("Huzhou")
    make.milestone(pilot, date(2026, 11, 24), title_en="Late")
    make.milestone(pilot, DAY, title_en="Due")
    make.milestone(pilot, date(2026, 5, 1), title_en="Plan", stage="plan_issued")
    make.milestone(pilot, date(2026, 5, 1), title_en="Started", stage="implementing")
    make.stage(pilot, "implementing", date(2026, 6, 1))
    objected = make.milestone(pilot, date(2026, 1, 1), date(2026, 3, 1), title_en="Objected")
    objected.completions.update(objected_on=DAY, objection="No report")
    decided = {"accepted": True, "decided_on": date(2026, 9, 1)}
    make.amendment(make.milestone(pilot, date(2026, 10, 1), title_en="Moved"), day=date(2027, 1, 1), **decided)
    make.amendment(make.milestone(pilot, date(2026, 10, 1), title_en="Dropped"), drop=True, **decided)
    make.milestone(pilot, date(2026, 10, 1), title_en="Asked for", promised_on=None)
    make.milestone(pilot, date(2026, 1, 1), date(2026, 3, 1), title_en="Done")
    make.milestone(w.pilot("Out", withdrawn_on=DAY), date(2025, 1, 1))
    return [("Huzhou · Late", ""), ("Huzhou · Plan", ""), ("Huzhou · Objected", "")]


def value_due(w: QualityWorld) -> RuleLines:
    Batch.objects.filter(pk=w.batch.pk).update(asked_from=2024)
    pilot = Pilot.objects.get(pk=w.pilot("Huzhou").pk)
    owed, given, disputed, over, later, words, free, moved = (make.indicator(c, name_en=c) for c in "ABCDEFGH")
    for indicator in (owed, given, disputed, words, moved):
        make.target(pilot, indicator, 100, 80)
    make.target(pilot, over, 100, 80, target_year=2024)
    make.target(pilot, later, 100, 80, base_year=2025)
    make.target(pilot, free, 100, 80, binding=False)
    make.reading(pilot, owed, "2024", 95)  # of another year
    make.reading(pilot, given, "2025", 90, accepted_on=None)
    make.reading(pilot, disputed, "2025", 90, disputed_on=DAY)  # it came, and is another rule's
    make.not_given(pilot, words, 2025)
    make.deadline(pilot, 2025, date(2026, 12, 31), indicator=moved)
    unasked = make.pilot(make.batch(announced_on=date(2024, 2, 1)), w.hebei)
    late = make.pilot(make.batch(announced_on=date(2026, 2, 1), asked_from=2024), w.hebei)
    for other in (unasked, late):
        make.target(other, owed, 100, 80)
    return [("Huzhou · A", "2025")]


def pilot_no_stage(w: QualityWorld) -> RuleLines:
    w.pilot("Nowhere")
    make.stage(w.pilot("Listed"), "listed", date(2024, 1, 15))
    w.pilot("Out", withdrawn_on=date(2025, 1, 1))
    return [("Nowhere", "First batch")]


def pilot_no_target(w: QualityWorld) -> RuleLines:
    w.pilot("Aimless")
    make.target(w.pilot("Aiming"), make.indicator("A"), 100, 80)
    w.pilot("Out", withdrawn_on=DAY)
    return [("Aimless", "First batch")]


def pilot_no_industry(w: QualityWorld) -> RuleLines:
    w.pilot("Park", kind="park")
    w.pilot("City", kind="city")
    make.pilot(w.batch, w.hebei, make.industry(), kind="park")
    return [("Park", "")]


def no_source(w: QualityWorld) -> RuleLines:
    for model in (Province, Policy, Batch):
        for record in model._default_manager.all():
            record.sources.add(w.official)
    w.pilot("Bare")
    w.pilot("Cited").sources.add(w.hearsay)
    w.plan(status="unknown", issued_on=None).province.sources.add(w.official)  # no fact yet
    return [("Bare", "")]


def make_waiting_reading(pilot: Pilot, code: str, day: date, **fields: Any) -> None:
    indicator = make.indicator(code, name_en=code)
    values = {"accepted_on": None, "reported_on": day}
    make.reading(pilot, indicator, "2025", 5, **{**values, **fields})


def reading_waits(w: QualityWorld) -> RuleLines:
    pilot = w.pilot("Huzhou")
    make_waiting_reading(pilot, "OLD", date(2026, 10, 25))
    make_waiting_reading(pilot, "NEW", date(2026, 10, 26))
    make_waiting_reading(pilot, "DONE", date(2026, 5, 1), accepted_on=date(2026, 6, 1))
    make_waiting_reading(pilot, "BACK", date(2026, 5, 1), returned_on=date(2026, 6, 1))
    make.not_given(pilot, make.indicator("WORDS", name_en="WORDS"), 2025)
    make.not_given(pilot, make.indicator("HEARD"), 2025, accepted_on=date(2026, 6, 1))
    make_waiting_reading(pilot, "TWICE", date(2026, 5, 1))
    make.reading(pilot, Indicator.objects.get(code="TWICE"), "2025", 6, version=2)  # the newer one was accepted
    return [("Huzhou · OLD 2025: 5", ""), ("Huzhou · WORDS 2025", "")]


def too_sure(w: QualityWorld) -> RuleLines:
    for name, confidence, sources in (
        ("Official from the press", "official", [w.press, w.hearsay]),
        ("Press from hearsay", "media", [w.hearsay]),
        ("Official from both", "official", [w.press, w.official]),
        ("Press from the bulletin", "media", [w.official]),
        ("Inferred", "inferred", [w.hearsay]),
        ("Citing nothing", "official", []),
    ):
        w.pilot(name, confidence=confidence).sources.set(sources)
    w.pilot("Out", withdrawn_on=DAY).sources.set([w.press])
    return [("Official from the press", "official"), ("Press from hearsay", "press")]


def known_after_publication(w: QualityWorld) -> RuleLines:
    day = date(2023, 2, 2)
    w.plan(title_en="Late", issued_on=None, published_on=day, known_issued_by=date(2023, 2, 3))
    w.plan(title_en="Same day", issued_on=None, published_on=day, known_issued_by=day)
    w.plan(title_en="By day", issued_on=date(2023, 1, 1), published_on=day)
    return [("Late", "")]


def before_its_policy(w: QualityWorld) -> RuleLines:
    w.plan(title_en="Too early", issued_on=date(2022, 5, 31))
    w.plan(title_en="That year", issued_on=date(2022, 1, 1), issued_precision="year")  # perhaps after it
    make.policy(title_en="Child", parent=w.policy, issued_on=date(2021, 1, 1))
    make.policy(title_en="Sibling", parent=w.policy, issued_on=date(2022, 6, 1))
    return [("Too early", ""), ("Child", "")]


def number_twice(w: QualityWorld) -> RuleLines:
    number = "冀环〔2022〕9号"
    w.plan(title_en="One", doc_number=number)
    w.plan(title_en="Two", doc_number=number)
    w.plan(title_en="Three", doc_number="冀环〔2022〕90号")
    w.plan(title_en="Four")
    w.plan(title_en="Five")
    return [("One", number), ("Two", number)]


def pilot_twice(w: QualityWorld) -> RuleLines:
    second = make.batch(title_en="Second batch")
    provincial = make.batch(title_en="Of Hebei", level="provincial", province=w.hebei)
    for batch, name, zh, province in (
        (w.batch, "Baoding", "保定市", w.hebei),
        (second, "Baoding City", "保定市", w.hebei),
        (provincial, "Baoding (province)", "保定市", w.hebei),  # a national and a provincial pilot at once
        (w.batch, "Development Zone", "开发区", w.hebei),
        (second, "Development Zone 2", "开发区", w.jiangsu),  # a name that several provinces use
        (w.batch, "Xiong'an", "雄安新区", w.hebei),
    ):
        make.pilot(batch, province, name_en=name, name_zh=zh)
    make.pilot(second, w.hebei, name_zh="雄安新区", withdrawn_on=date(2025, 1, 1))
    make.pilot(second, w.hebei, name_zh="试点甲", name_en="")
    make.pilot(w.batch, w.hebei, name_zh="试点乙", name_en="")
    return [("Baoding", "First batch"), ("Baoding City", "Second batch")]


def city_code_twice(w: QualityWorld) -> RuleLines:
    w.pilot("One", prefecture_code="130600")
    w.pilot("Two", prefecture_code="130600")
    w.pilot("Its park", kind="park", prefecture_code="130600")
    w.pilot("Codeless")
    w.pilot("Codeless too")
    w.pilot("Left", prefecture_code="130700")
    w.pilot("Has left", prefecture_code="130700", withdrawn_on=DAY)
    make.pilot(make.batch(), w.hebei, prefecture_code="130600")
    return [("One", "130600 in Hebei"), ("Two", "130600 in Hebei")]


def code_of_another_province(w: QualityWorld) -> RuleLines:
    w.pilot("Wrong", prefecture_code="320200")
    w.pilot("Wrong county", kind="county", prefecture_code="130600", county_code="320282")
    w.pilot("Right", prefecture_code="130600")
    w.pilot("Codeless")
    corps = make.province(name_en="Corps", kind="corps")
    w.pilot("Out", prefecture_code="320200", withdrawn_on=DAY)
    w.pilot("Of the corps", province=corps, prefecture_code="659001")
    return [("Wrong", "320200 in Hebei"), ("Wrong county", "130600 / 320282 in Hebei")]


def outside_its_city(w: QualityWorld) -> RuleLines:
    city = w.pilot("City", prefecture_code="130600")
    inside = {"kind": "park", "parent": city}
    w.pilot("Elsewhere", province=w.jiangsu, **inside)
    w.pilot("Other code", prefecture_code="130700", **inside)
    w.pilot("District", prefecture_code="130601", **inside)
    w.pilot("Codeless", **inside)
    w.pilot("Alone", kind="park", province=w.jiangsu)
    w.pilot("Out", province=w.jiangsu, withdrawn_on=DAY, **inside)
    return [
        ("Other code", "lies in Hebei, its city City in Hebei"),
        ("Elsewhere", "lies in Jiangsu, its city City in Hebei"),
    ]


def stage_order(w: QualityWorld) -> RuleLines:
    back = w.pilot("Back")
    make.stage(back, "implementing", date(2025, 1, 1), reason="x")
    make.stage(back, "listed", date(2025, 2, 1))
    explained = w.pilot("Explained")
    make.stage(explained, "listed", date(2024, 1, 15))
    make.stage(explained, "plan_issued", date(2024, 11, 15), reason="not published")
    return [("Back · Listed", "Listed: a stage cannot be entered before an earlier stage")]


def base_differs(w: QualityWorld) -> RuleLines:
    pilot = w.pilot("Huzhou")
    wrong, right, reported, mended, baseless = (make.indicator(code, name_en=code) for code in "ABCDE")
    for indicator in (wrong, right, reported, mended):
        make.target(pilot, indicator, 1200, 900)
    make.target(pilot, baseless, None, 900, base_year=None)
    make.reading(pilot, wrong, "2023", Decimal("1250.5"))
    make.reading(pilot, right, "2023", Decimal("1200.000000"))
    make.reading(pilot, right, "2024", 1100)
    make.reading(pilot, reported, "2023", 1300, accepted_on=None)
    make.reading(pilot, mended, "2023", 1300)
    make.reading(pilot, mended, "2023", 1200, version=2)
    amended = make.target(pilot, make.indicator("F"), 1200, 900)  # after a census, with its base
    make.amendment(amended, base_value=1300, base_year=2023, accepted=True, decided_on=date(2026, 6, 1))
    make.reading(pilot, amended.indicator, "2023", 1300)
    gone = w.pilot("Out", withdrawn_on=DAY)
    make.target(gone, wrong, 1200, 900)
    make.reading(gone, wrong, "2023", 1)
    return [("Huzhou · A", "base of 2023 1,200, reading 1,250.5")]


def wrong_way(w: QualityWorld) -> RuleLines:
    pilot = w.pilot("Huzhou")
    make.target(pilot, make.indicator("A", name_en="A"), 100, 120)
    make.target(pilot, make.indicator("B"), 100, 100)
    make.target(pilot, make.indicator("C", direction="higher"), 100, 120)
    make.target(pilot, make.indicator("D"), 100, 120, kind="limit")
    make.target(pilot, make.indicator("E"), None, 120)
    amended = make.target(pilot, make.indicator("G"), 100, 120)
    make.amendment(amended, value=80, accepted=True, decided_on=date(2026, 6, 1))
    make.target(w.pilot("Out", withdrawn_on=DAY), make.indicator("F"), 100, 120)
    return [("Huzhou · A", "100 → 120 (Lower is better)")]


def target_no_base(w: QualityWorld) -> RuleLines:
    pilot = w.pilot("Huzhou")
    make.target(pilot, make.indicator("A", name_en="A"), None, 80, base_year=None)
    make.target(pilot, make.indicator("B", name_en="B"), None, 80)  # half of one
    make.target(pilot, make.indicator("C"), None, 80, base_year=None, binding=False)
    make.target(pilot, make.indicator("D"), None, 80, base_year=None, kind="limit")
    make.target(pilot, make.indicator("E"), None, 80, base_year=None, promised_on=None)
    amended = make.target(pilot, make.indicator("F"), None, 80, base_year=None)
    make.amendment(amended, base_value=100, base_year=2023, accepted=True, decided_on=date(2026, 6, 1))
    return [("Huzhou · A", "2026"), ("Huzhou · B", "2026")]


def reading_disputed(w: QualityWorld) -> RuleLines:
    pilot, indicator = w.pilot("Huzhou"), make.indicator("A", name_en="A")
    make.reading(pilot, indicator, "2024", 9, disputed_on=DAY)
    make.reading(pilot, indicator, "2023", 9, disputed_on=DAY)
    make.reading(pilot, indicator, "2023", 8, version=2)  # corrected since
    return [("Huzhou · A 2024: 9", "")]


def against_rules(w: QualityWorld) -> RuleLines:
    pilot, author, sink = w.pilot("Huzhou"), make_user("author", "admin"), make.indicator("SINK", signed=True)
    make.target(pilot, make.indicator("A", name_en="A"), None, 80)
    make.target(pilot, make.indicator("B", name_en="B"), 100, -5, kind="limit")
    make.target(pilot, sink, 10, -5)
    make.reading(pilot, make.indicator("C", name_en="C"), "2024", -1)
    make.reading(pilot, sink, "2024", -1)
    long, over, grey, short = (w.pilot(name) for name in ("Long", "Over", "Grey", "Short"))
    make.override(long, "green", author, set_on=date(2026, 6, 1), expires_on=date(2026, 11, 29))
    make.override(over, "red", author, set_on=date(2026, 11, 1), expires_on=date(2027, 1, 2))
    make.override(grey, "grey", author, set_on=date(2026, 11, 1), expires_on=date(2026, 12, 1))
    make.override(short, "red", author, set_on=date(2026, 7, 6), expires_on=date(2027, 1, 1))
    make.override(short, "grey", author, set_on=date(2026, 1, 1), expires_on=date(2026, 2, 1))  # ended
    return [
        ("Huzhou · A", "half a base"),
        ("Huzhou · B", "below zero: -5"),
        ("Huzhou · C 2024: -1", "below zero: -1"),
        ("Long · Long: Green", "for 181 days"),
        ("Over · Over: Red", "beyond the term"),
        ("Grey · Grey: grey", "set to grey"),
    ]


PLANTED_CASES: dict[str, Callable[[QualityWorld], RuleLines]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        *(not_entered, beyond_announced, plan_not_recorded, plan_unknown, plan_search_old, no_day),
        *(milestone_late, value_due, pilot_no_stage, pilot_no_target),
        *(pilot_no_industry, no_source, reading_waits, too_sure, known_after_publication, before_its_policy),
        *(number_twice, pilot_twice, city_code_twice, code_of_another_province, outside_its_city),
        *(stage_order, base_differs, wrong_way, target_no_base, reading_disputed, against_rules),
    )
}


def test_every_rule_is_tried() -> None:
    assert sorted(PLANTED_CASES) == sorted(rule.code for rule in rules_on(DAY))


@pytest.mark.parametrize("code", PLANTED_CASES)
def test_a_rule_finds_what_was_planted_and_nothing_that_looks_like_it(
    world: QualityWorld, code: str, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its line leads to the page, and the place on it, where it is mended."""
    monkeypatch.setattr("dashboard.quality.rules_on", lambda day: [rule for rule in rules_on(day) if rule.code == code])
    before = found_by(code)
    planted = PLANTED_CASES[code](world)
    assert Counter(found_by(code)) - Counter(before) == Counter(planted)
    quality = build_report()
    lines, (rule,) = quality.findings(rule=code), quality.rules
    assert rule.count == len(lines) == quality.count(lines[0].rule.severity)
    assert rule.count <= rule.of or code == "stage-order"
    address, _hash, anchor = lines[-1].url.partition("#")
    page = admin_client.get(address, follow=True)  # what was entered today is corrected in place
    assert page.status_code == 200
    assert not anchor or f'id="{anchor}"' in page.text, anchor


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_a_province_hears_only_of_its_own(world: QualityWorld) -> None:
    mine, other = world.pilot("Mine"), world.pilot("Other", province=world.jiangsu)
    for pilot in (mine, other):
        make.milestone(pilot, date(2026, 1, 1), title_en="Late")
        make.stage(pilot, "implementing", date(2025, 1, 1), reason="x")
        make.stage(pilot, "listed", date(2025, 2, 1))
    make.batch(level="provincial", province=world.hebei, city_count=3)
    make.batch(level="provincial", province=world.jiangsu, city_count=3)
    make.policy(calls_for_provincial_plan=True)
    Figure.objects.create(slug="national", name_zh="全国", value=1, unit="%", kind="outcome")
    quality = build_report(world.hebei)
    assert {line.province for line in quality.findings()} == {world.hebei}
    assert [line.record for line in quality.findings(rule="milestone-late")] == ["Mine · Late"]
    assert [line.record for line in quality.findings(rule="stage-order")] == ["Mine · Listed"]
    assert len(quality.findings(rule="plan-not-recorded")) == len(quality.findings(rule="not-entered")) == 1
    assert (quality.province, len(quality.batches)) == (world.hebei, 1)
    counts = {result.code: (result.count, result.of) for result in quality.rules}
    assert counts["milestone-late"] == (1, 1)


def test_the_shipped_records_have_no_error() -> None:
    """The seed records are consistent; missing ones are reported as gaps."""
    quality = build_report()
    assert [(line.what, line.record) for line in quality.findings(severity="error")] == []
    assert quality.count("gap") == len(quality.findings(severity="gap")) > 50
    severities = [line.rule.severity for line in quality.findings()]
    assert severities == sorted(severities, key=list(Severity).index)
