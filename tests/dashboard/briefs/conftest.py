"""World of the tests of briefs: a batch with a red, a cleared and a silent pilot, a policy, and follow-ups."""

from datetime import date

import pytest

from pilots.metrics import Move
from pilots.models import Pilot
from tests import factories as make


@pytest.fixture
def world(empty: None) -> dict[str, Pilot]:
    """Make three pilots of one batch and two provinces: one turned red, one red no longer, one without a value."""
    hebei = make.province(slug="hebei", name_en="Hebei", name_zh="河北省", short_en="Hebei", short_zh="河北")
    henan = make.province(slug="henan", name_en="Henan", name_zh="河南省", short_en="Henan", short_zh="河南")
    policy = make.policy(
        slug="plan",
        title_en="Synergy plan",
        title_zh="协同方案",
        short_name_en="the plan",
        short_name_zh="方案",
        is_lead=True,
    )
    policy.sources.add(make.source(title="Plan text", publisher="Ministry", url="https://example.org/plan"))
    make.plan(policy, hebei, issued_on=date(2026, 5, 10))
    batch = make.batch(
        slug="first",
        short_name_en="first batch",
        short_name_zh="首批",
        city_count=5,
        policy=policy,
        term_end=date(2026, 12, 31),
        asked_from=2024,
    )
    sulphur = make.indicator("AIR_SO2", name_en="SO2", name_zh="二氧化硫")
    pilots = {
        name: make.pilot(batch, province, slug=name, name_en=name.capitalize(), name_zh=f"试点{name}")
        for name, province in (("turned", hebei), ("better", hebei), ("silent", henan))
    }
    for pilot in pilots.values():
        make.target(pilot, sulphur, 100, 85)
    for name, first, second in (("turned", "95", "99"), ("better", "99", "89")):
        pilot = pilots[name]
        make.reading(pilot, sulphur, "2024", first, accepted_on=date(2025, 3, 20))
        make.reading(pilot, sulphur, "2025", second, accepted_on=date(2026, 4, 20), reported_on=date(2026, 4, 1))
        make.stage(pilot, "listed", date(2024, 1, 15))
    make.milestone(pilots["better"], date(2027, 1, 1), title_en="Platform live", title_zh="平台上线")
    agency = make.agency(name_en="Bureau of Hebei", name_zh="河北局")
    titles = {"title_en": "Report late", "title_zh": "迟报"}
    signed = (Move.SIGN, date(2026, 6, 2))
    make.follow_up(pilots["better"], signed, number="2026-001", owner_agency=agency, owner_person="Li Lei", **titles)
    return pilots
