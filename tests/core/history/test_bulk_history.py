"""Bulk history: entries are as simple-history would write them one by one."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.history.recording import HISTORY, m2m_rows, write_history_entries
from pilots.models import Pilot, Target, TargetStep
from policies.models import Agency
from tests.factories import (
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


def records() -> list[Any]:
    """Make one record of every kind that imports write, each with two related records in every list."""
    province = make_province()
    agencies = [Agency.objects.create(slug=f"agency-{n}", name_zh=f"部门{n}") for n in (1, 2)]
    policy = make_policy(note="=1+1\n第二行")
    policy.agencies.set(agencies)
    pilot = make_pilot(make_batch(), province, make_industry(), make_industry(), term_end=date(2026, 1, 14))
    target = make_target(pilot, make_indicator("AIR_A"), 120, Decimal("80.125"))
    step = TargetStep.objects.create(target=target, year=2024, value=Decimal("0.000001"))
    found = [
        policy,
        make_plan(policy, province),
        pilot,
        make_stage(pilot, "listed", date(2024, 1, 15)),
        make_milestone(pilot, date(2025, 1, 1)),
        target,
        make_reading(pilot, target.indicator, "2024", Decimal("1.5")),
    ]
    sources = [make_source(), make_source()]
    for record in found:
        record.sources.set(sources)
        record.refresh_from_db()
    return [*found, step]


def entry_contents(entry: Any) -> dict[str, Any]:
    """Return the values of a history entry without key and time, with the rows of its lists."""
    own = {f.attname: getattr(entry, f.attname) for f in entry._meta.concrete_fields}
    del own["history_id"], own["history_date"]
    for field in entry._history_m2m_fields:
        rows = getattr(entry, field.name).all()
        own[field.name] = [
            {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}
            | {"history_id": None}
            for row in rows.order_by("id")
        ]
    return own


@pytest.mark.parametrize("sign", ["+", "~", "-"])
def test_as_one_by_one(sign: str) -> None:
    user = User.objects.create(username="li")
    for record in records():
        record._history_user, record._change_reason = user, "because"
        HISTORY.create_historical_record(record, sign)
        alone = record.history.order_by("-history_id").first()
        (key,) = write_history_entries([record], sign, by=user, reason="because")
        together = record.history.get(history_id=key)
        assert entry_contents(together) == entry_contents(alone), type(record)
        lists = [name for name, value in entry_contents(together).items() if isinstance(value, list)]
        assert sorted(lists) == sorted(getattr(type(record), "_history_m2m_fields", []))
        assert all(len(entry_contents(together)[name]) == 2 for name in lists)
        assert (together.history_type, together.history_user, together.history_change_reason) == (sign, user, "because")


def test_keys_in_the_order_of_the_records_and_nothing_else() -> None:
    """Each record gets its own lists, also across chunks; no other record gets an entry."""
    batch, province = make_batch(), make_province()
    pilots = [make_pilot(batch, province, name_zh=f"甲{n}") for n in range(3)]
    industry = make_industry()
    pilots[1].industries.add(industry)
    before = Pilot.history.count()
    keys = write_history_entries(pilots[::-1], "~", by=None, reason="")
    assert Pilot.history.count() == before + 3
    entries = Pilot.history.in_bulk(keys)
    assert [entries[key].id for key in keys] == [pilot.pk for pilot in pilots[::-1]]
    assert [[row.industry_id for row in entries[key].industries.all()] for key in keys] == [[], [industry.pk], []]
    assert {entries[key].history_change_reason for key in keys} == {None}


def test_nothing_to_write(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert write_history_entries([], "+", by=None, reason="") == []


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_the_records(django_assert_num_queries: Any, count: int) -> None:
    """The entries, their lines among the changes, and for the one list of a target its rows read; no row, no insert."""
    pilot = make_pilot(make_batch(), make_province())
    targets = [make_target(pilot, make_indicator(f"AIR_{n}"), 2, 1) for n in range(count)]
    with django_assert_num_queries(3):
        write_history_entries(targets, "~", by=None, reason="")


def test_links_of_many_records() -> None:
    batch, province, industry = make_batch(), make_province(), make_industry()
    pilots = [make_pilot(batch, province, industry) for _ in range(3)]
    through = Pilot.industries.through
    field = Pilot._meta.get_field("industries")
    keys = {row.pilot_id: row.pk for row in through.objects.all()}
    assert m2m_rows(field, [pilot.pk for pilot in pilots[:2]]) == {
        pilot.pk: [(keys[pilot.pk], industry.pk)] for pilot in pilots[:2]
    }
    assert m2m_rows(Target._meta.get_field("sources"), []) == {}
