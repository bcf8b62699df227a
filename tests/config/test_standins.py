"""Lists drawn from plain rows say what the records themselves would say, and read no more than they write."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from rest_framework import serializers

from config import resources
from config.revisions import revision_of, with_revision
from config.serializers import Face
from config.standins import Part, part_for, part_of, stand_ins
from pilots.models import Batch, Pilot
from pilots.serializers import PilotSerializer
from policies.models import Industry, Province, Source
from tests.config.test_api import RESOURCES
from tests.factories import (
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)

pytestmark = pytest.mark.django_db
COMPUTED = {  # what is told by no column: with one of these among its fields a list is drawn from the records
    "batches": {"kinds"},
    "pilots": {"stage", "days_in_stage", "light"},
    "milestones": {"done", "light", "why", "delay_days"},
}
DAYS = ("", "&as_of=2024-01-30")


def face_of(resource: str) -> type[Face]:
    face: type[Face] = resolve(f"/api/v1/{resource}/").func.cls.serializer_class  # type: ignore[attr-defined]
    return face


def names_of(resource: str, *, computed: bool) -> list[str]:
    left_out = set() if computed else COMPUTED.get(resource, set())
    return [name for name in face_of(resource)().fields if name not in left_out]


@pytest.fixture
def records() -> None:
    """One of whatever the product does not begin with, some of it still ahead on the days asked for."""
    pilot = make_pilot(make_batch(), make_province(), make_industry(), make_industry(), name_en="")
    pilot.sources.add(make_source(published_on=date(2024, 1, 2)), make_source(), make_source(title="A"))
    make_pilot(pilot.batch, pilot.province, kind="park", parent=pilot)
    indicator = make_indicator("AIR_SO2_2")
    make_target(pilot, indicator, 100, 70).steps.create(year=2025, value=80)
    make_reading(pilot, indicator, "2023", 99, reported_on=date(2024, 1, 2), note="low").sources.add(make_source())
    make_reading(pilot, indicator, "2022", 99.5)
    make_stage(pilot, "listed", date(2024, 1, 15))
    make_stage(pilot, "plan_issued", date(2025, 2, 1), reason="late", planned_on=date(2024, 1, 1))
    for completed_on in (None, date(2024, 1, 3), date(2025, 2, 1)):
        make_milestone(pilot, date(2024, 1, 1), completed_on, evidence="seen")


@pytest.mark.parametrize("resource", RESOURCES)
def test_plain_rows_say_what_the_records_say(client: Client, monkeypatch: Any, records: None, resource: str) -> None:
    """Byte by byte: each field alone and all of them, on two days, in both languages, as a page and as a file."""
    plain, whole = ",".join(names_of(resource, computed=False)), ",".join(names_of(resource, computed=True))
    chosen = [*names_of(resource, computed=True), plain, whole]
    asked = [f"fields={names}&page_size=200{day}" for names in chosen for day in DAYS]
    asked += [f"fields={plain}&lang=zh-hans", f"fields={plain}&cursor=first", f"fields={plain}&page=2&page_size=1"]
    asked += [f"fields={names}&format=csv{day}&lang=zh-hans" for names in (plain, whole) for day in DAYS]

    def bodies() -> dict[str, bytes]:
        found = {query: client.get(f"/api/v1/{resource}/?{query}") for query in asked}
        return {query: b"".join(response) for query, response in found.items()}  # type: ignore[call-overload]

    drawn = bodies()
    assert drawn[asked[0]].count(b"{") > 1
    monkeypatch.setattr(resources, "part_of", lambda *_args: None)
    assert drawn == bodies()


@pytest.mark.parametrize("resource", RESOURCES)
def test_only_what_no_column_tells_needs_the_records(client: Client, monkeypatch: Any, resource: str) -> None:
    read: dict[str, Part | None] = {}

    def watched(face: Any, rows: QuerySet[Any]) -> Part | None:
        (name,) = face.fields
        read[name] = part_of(face, rows)
        return read[name]

    monkeypatch.setattr(resources, "part_of", watched)
    for name in names_of(resource, computed=True):
        client.get(f"/api/v1/{resource}/?fields={name}&page_size=1")
    assert set(read) == set(names_of(resource, computed=True))
    assert {name for name, part in read.items() if part is None} == COMPUTED.get(resource, set())


def test_only_the_columns_behind_the_chosen_fields_are_read() -> None:
    names = ("name", "batch", "industries", "sources", "unverified", "page", "revision")
    assert part_for(PilotSerializer, names, Pilot, frozenset({"revision"})) == Part(
        Pilot,
        ("pk", "slug", "confidence", "name_en", "name_zh", "revision"),
        {"batch": Part(Batch, ("pk", "slug", "title_en", "title_zh"), {}, {})},
        {
            "industries": Part(Industry, ("pk", "slug", "name_en", "name_zh"), {}, {}),
            "sources": Part(Source, ("pk", "id", "title", "url"), {}, {}),
        },
    )


def test_a_list_of_codes_reads_no_more_than_codes(client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        client.get("/api/v1/provinces/?fields=slug&page_size=1")
    rows = asked[-1]["sql"].partition(" FROM ")[0].replace(' AS "pk"', "").replace(' AS "slug"', "")
    assert rows.split("SELECT ")[1].split(", ") == ['"policies_province"."id"', '"policies_province"."slug"']


def test_a_property_that_does_not_say_what_it_reads_needs_the_records() -> None:
    class Short(serializers.ModelSerializer):
        short = serializers.CharField(read_only=True)

        class Meta:
            model = Province
            fields = ("slug", "short")

    assert part_for(Short, ("slug", "short"), Province, frozenset()) is None
    assert part_for(Short, ("slug",), Province, frozenset()) == Part(Province, ("pk", "slug"), {}, {})


def test_a_face_that_draws_in_a_way_of_its_own_needs_the_records() -> None:
    class Loud(PilotSerializer):
        def to_representation(self, instance: Any) -> Any:
            return {**super().to_representation(instance), "slug": instance.slug.upper()}

    assert part_for(Loud, ("slug",), Pilot, frozenset()) is None


def test_a_stand_in_has_what_was_read_and_nothing_else() -> None:
    first = Province.objects.order_by("pk")[:1]
    (record,) = stand_ins(Part(Province, ("pk", "slug"), {}, {}), first)
    assert vars(record) == {"pk": first[0].pk, "slug": first[0].slug}
    with pytest.raises(AttributeError, match="name_en"):
        _ = record.name


def test_a_file_is_read_by_chunks_with_each_ones_relations(records: None) -> None:
    pilots = Pilot.objects.order_by("pk")
    part = part_for(PilotSerializer, ("industries", "parent"), Pilot, frozenset())
    assert part is not None
    found = [
        (item.pk, item.parent and item.parent.pk, [other.pk for other in item.industries])
        for item in stand_ins(part, pilots, 7)
    ]
    assert found == [(p.pk, p.parent_id, [other.pk for other in p.industries.all()]) for p in pilots]


def test_the_revision_counts_the_record_and_its_rows(records: None) -> None:
    for model in (Pilot, Batch, Province, Industry):
        found = {record.pk: record.revision for record in with_revision(model._default_manager.all())}
        assert found == {record.pk: revision_of(record) for record in model._default_manager.all()}
