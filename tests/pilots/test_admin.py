"""Admin of batches and pilots: edits are visible in all numbers at once."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from pilots.analytics.reconciliation import build_reconciliation
from pilots.models import Batch, Pilot
from policies.models import Province
from tests.factories import make_batch, make_industry, make_pilot, make_province
from tests.support.admin_forms import form_errors, page_url, save, save_new

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def province() -> Province:
    return make_province(slug="zhejiang", name_zh="浙江省", name_en="Zhejiang")


@pytest.fixture
def batch() -> Batch:
    return make_batch(slug="national-1", city_count=21)


def test_a_new_pilot_is_counted_at_once(admin_client: Client, batch: Batch, province: Province) -> None:
    steel = make_industry(name_en="Steel")
    values = {"name_zh": "湖州市", "slug": "huzhou", "kind": "city", "batch": batch.pk, "province": province.pk}
    assert save_new(admin_client, Pilot, **values, industries=[steel.pk]).status_code == 302
    pilot = Pilot.objects.listed(date(2024, 1, 15)).get()
    assert (pilot.name_zh, list(pilot.industries.all())) == ("湖州市", [steel])
    (count,) = build_reconciliation(date(2024, 1, 15))
    assert (count.for_kind("city").announced, count.for_kind("city").recorded) == (21, 1)


def test_a_new_batch_is_known_from_its_announcement(admin_client: Client) -> None:
    values = {"title_zh": "第二批", "slug": "national-2", "announced_on": "2026-01-15", "park_count": "12"}
    assert save_new(admin_client, Batch, **values).status_code == 302
    batch = Batch.objects.get()
    assert (batch.known_by, batch.announced("park"), batch.announced("city")) == (date(2026, 1, 15), 12, None)


def test_a_batch_is_named_short_in_the_language_of_the_reader(admin_client: Client, batch: Batch) -> None:
    """By its title if it has no short name; industries of its notice are stored with it, in its history too."""
    steel = make_industry(slug="steel")
    values = {"short_name_zh": "国家首批", "short_name_en": "first national batch", "industries_announced": [steel.pk]}
    assert save(admin_client, batch, **values).status_code == 302
    batch.refresh_from_db()
    assert list(batch.industries_announced.all()) == [steel]
    assert [link.industry for link in batch.history.first().industries_announced.all()] == [steel]
    assert (batch.short, batch.label, batch.short_lang) == ("first national batch", "First national batch", "")
    with override("zh-hans"):
        assert batch.label == "国家首批"
    batch.short_name_en = ""
    assert (batch.short, batch.short_lang) == (batch.title_en, "")
    batch.title_en = ""
    assert (batch.short, batch.short_lang) == (batch.title_zh, "zh")


PILOT_FAULTS = [
    ({"kind": "park", "city_type": "resource"}, "city_type", "Only a city has a city type."),
    ({"prefecture_code": "33050"}, "prefecture_code", "A GB/T 2260 code has six digits."),
    ({"term_start": "2026-01-01", "term_end": "2025-01-01"}, "term_end", "The term ends before it starts."),
    ({"name_zh": "湖州市"}, "name_zh", "This batch already has a pilot of this name."),
    ({"withdrawn_on": "2099-01-01"}, "withdrawn_on", "This day lies ahead. Enter a day up to today."),
    ({"slug": "Hu zhou"}, "slug", "Use small letters, digits and single hyphens, for example huzhou-park."),
    ({"batch": ""}, "batch", "This field is required."),
]


@pytest.mark.parametrize(("values", "field", "text"), PILOT_FAULTS)
def test_an_error_in_a_pilot_stands_at_the_field_to_mend(admin_client, batch, province, values, field, text) -> None:
    make_pilot(batch, province, name_zh="湖州市")
    sound = {"name_zh": "嘉兴市", "slug": "jiaxing", "kind": "city", "batch": batch.pk, "province": province.pk}
    assert form_errors(save_new(admin_client, Pilot, **sound | values)) == {field: [text]}


def test_a_park_lies_in_a_city_and_a_city_in_none(admin_client: Client, batch: Batch, province: Province) -> None:
    park, city = make_pilot(batch, province, kind="park"), make_pilot(batch, province, kind="city")
    sound = {"name_zh": "园区", "slug": "park", "batch": batch.pk, "province": province.pk}
    wrong = form_errors(save_new(admin_client, Pilot, **sound, kind="park", parent=park.pk))
    assert wrong == {"parent": ["A park lies in a pilot city: choose a pilot of kind city."]}
    wrong = form_errors(save_new(admin_client, Pilot, **sound, kind="city", parent=city.pk))
    assert wrong == {"parent": ["A city does not lie in another pilot city."]}
    assert save_new(admin_client, Pilot, **sound, kind="park", parent=city.pk).status_code == 302


BATCH_FAULTS = [
    ({"level": "provincial"}, "province", "A provincial batch names its province, a national one names none."),
    ({"title_zh": None}, "title_zh", "Give the title in at least one language."),
    ({"announced_on": None}, "known_by", "Give the day of announcement, or the day by which the batch is known"),
    ({"term_start": "2026-01-01", "term_end": "2025-01-01"}, "term_end", "The term ends before it starts."),
]


@pytest.mark.parametrize(("values", "field", "start"), BATCH_FAULTS)
def test_an_error_in_a_batch_stands_at_the_field_to_mend(
    admin_client: Client, values: Any, field: str, start: str
) -> None:
    sound = {"title_zh": "第二批", "slug": "national-2", "announced_on": "2026-01-15"}
    found = form_errors(save_new(admin_client, Batch, **sound | values))
    assert list(found) == [field]
    assert found[field][0].startswith(start)


def test_a_batch_leads_to_its_pilots_and_to_a_new_one(admin_client: Client, province: Province) -> None:
    batch = make_batch(level="provincial", province=province)
    pilot, _other = make_pilot(batch, province), make_pilot(make_batch(), province)
    page = admin_client.get(page_url(batch))
    ways = dict(page.context["ways"])
    assert list(admin_client.get(ways["Pilots recorded (1)"]).context["cl"].result_list) == [pilot]
    form = admin_client.get(ways["Add a pilot"]).context["adminform"].form
    assert (form["batch"].value(), form["province"].value()) == (str(batch.pk), str(province.pk))


def test_a_batch_with_pilots_is_not_deleted(admin_client: Client, batch: Batch, province: Province) -> None:
    pilot = make_pilot(batch, province)
    answer = admin_client.post(page_url(batch, "delete"), {"post": "yes"})
    assert page_url(pilot) in answer.text
    assert Batch.objects.filter(pk=batch.pk).exists()
