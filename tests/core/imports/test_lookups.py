"""Lookups: a record is found by any of its names, never by a guess."""

from typing import Any

import pytest
from django.utils import translation

from core.imports.columns import RecordLookup
from core.spreadsheets.cells import AmbiguousCell
from pilots.models import Pilot
from policies.models import Agency, Industry, Policy, Province, Source
from tests import factories as make

pytestmark = pytest.mark.django_db


def rejection_code(model: Any, text: str, *, many: bool = False) -> tuple[str, str]:
    """Return why a name is rejected: (code, message)."""
    library = RecordLookup()
    with pytest.raises(AmbiguousCell) as caught:
        (library.find_list if many else library.find)(model, text)
    return caught.value.code, caught.value.message


def shaanxi() -> Province:
    return Province.objects.get(slug="shaanxi")


@pytest.mark.parametrize(
    "text",
    ["SHAANXI", "陕西", "陕西省", "shaanxi ", "610000", "CN-SN", "ｓｈａａｎｘｉ", "６１００００"],
)
def test_a_province_by_any_name(text: str) -> None:
    assert RecordLookup().find(Province, text) == shaanxi()


def test_a_near_miss_offers_the_nearest() -> None:
    assert rejection_code(Province, "山西自治区")[0] == "unknown_record"
    assert rejection_code(Province, "Shanxii") == (
        "unknown_record",
        "There is no province “Shanxii”. Did you mean “Shanxi”?",
    )


def test_a_name_of_several_is_ambiguous() -> None:
    """The same city is in two batches: its batch or its code decides."""
    province = make.province()
    first = make.batch(short_name_en="first national batch", short_name_zh="国家首批")
    city = {"name_zh": "甲甲市", "name_en": "Jia A"}
    one = make.pilot(first, province, slug="jia-shi", **city)
    two = make.pilot(make.batch(title_en="Batch 2", title_zh="第二批"), province, slug="jia-shi-2026", **city)
    assert rejection_code(Pilot, "甲甲市") == (
        "ambiguous",
        "“甲甲市” stands for several: write the code, jia-shi, jia-shi-2026.",
    )
    assert RecordLookup().find(Pilot, "jia-shi-2026") == two
    library = RecordLookup()
    written = {
        "en": ["Jia A (first national batch)", "Jia A (Batch 2)"],
        "zh-hans": ["甲甲市（国家首批）", "甲甲市（第二批）"],
    }
    for language, names in written.items():
        with translation.override(language):
            assert [library.index(Pilot).name_for(pilot) for pilot in (one, two)] == names
    for reader in written:  # either language is read, whatever the reader's own
        with translation.override(reader):
            for names in written.values():
                assert [library.find(Pilot, name) for name in names] == [one, two]
                assert library.find_list(Pilot, "\n".join(names)) == [one, two]


def test_a_name_that_is_another_ones_code() -> None:
    """An exact code means its record; the same text as a name would be a guess and is rejected."""
    province = make.province()
    one = make.pilot(make.batch(), province, slug="jia-city", name_zh="甲市一", name_en="Something else")
    two = make.pilot(make.batch(title_en="Batch 2"), province, slug="yi-city", name_zh="乙市一", name_en="Jia-City")
    library = RecordLookup()
    assert library.find(Pilot, "jia-city") == one
    assert rejection_code(Pilot, "Jia-City") == (
        "ambiguous",
        "“Jia-City” stands for several: write the code, jia-city, yi-city.",
    )
    assert [library.index(Pilot).name_for(pilot) for pilot in (one, two)] == [
        "Something else",
        "Jia-City (Batch 2)",
    ]


def test_every_record_leads_back_to_itself() -> None:
    """What an export writes is read as the same record, in each language, also where names are treacherous."""
    treacherous = ["甲、乙", "丙；丁", "a; b", "#7", " 空 ", "换\n行", "陕西", "shaanxi", "Ａ", "A"]
    made = [make.source(title=title.strip(), url=f"https://example.org/t{n}") for n, title in enumerate(treacherous)]
    made += [make.source(title="甲、乙", url="https://example.org/again"), make.source(title="无址", url="")]
    for language in ("en", "zh-hans"):
        with translation.override(language):
            library = RecordLookup()
            for record in made:
                assert library.find_list(Source, library.index(Source).name_for(record)) == [record], record.title
            for model in (Province, Policy, Industry, Agency):
                for record in model._base_manager.all():
                    assert library.find(model, library.index(model).name_for(record)) == record
            assert library.find_list(Source, "\n".join(map(library.index(Source).name_for, made))) == made


@pytest.mark.parametrize(
    "text", ["甲业；乙业", "甲业;乙业", "甲业、乙业", "甲业\n乙业", "甲业 ；\n、乙业；", "jia-ye、乙业"]
)
def test_lists(text: str) -> None:
    jia, yi = make.industry(slug="jia-ye", name_zh="甲业"), make.industry(name_zh="乙业")
    assert RecordLookup().find_list(Industry, text) == [jia, yi]


def test_a_name_with_a_separator_inside_a_list() -> None:
    """A name that contains a separator is not split, alone or between stronger separators."""
    jia, ding = make.industry(name_zh="甲、乙业"), make.industry(name_zh="丁业")
    library = RecordLookup()
    assert library.find_list(Industry, "甲、乙业") == [jia]
    assert library.find_list(Industry, "甲、乙业；丁业") == [jia, ding]
    assert library.find_list(Industry, "丁业\n甲、乙业") == [ding, jia]
    assert rejection_code(Industry, "丁业、甲、乙业", many=True)[0] == "unknown_record"
