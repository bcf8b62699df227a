"""Bilingual texts: language of a text, text shown, quantities."""

from decimal import Decimal

import pytest
from django.utils import translation

from core.text import is_chinese_text
from pilots.charts.cells import format_carbon
from policies.models import Agency


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("", False),
        ("2024", False),
        ("2018年组建", True),
        ("PM2.5浓度以自动监测数据为准", True),
        ("Named in it: 日照市, 临沂市 (cities), 济南临港经济开发区 (park), 青岛特殊钢铁有限公司 (enterprise).", False),
        ("厦府办〔2024〕35号", True),
    ],
)
def test_the_language_of_a_text(text: str, chinese: bool) -> None:
    assert is_chinese_text(text) == chinese


@pytest.mark.parametrize(
    ("english", "chinese", "wanted"),
    [
        ("Note", "备注", ("Note", "备注")),
        ("Note", "", ("Note", "Note")),
        ("", "备注", ("备注", "备注")),
        ("", "", ("", "")),
    ],
)
def test_a_note_is_in_the_reader_s_language_else_in_the_other(
    english: str, chinese: str, wanted: tuple[str, str]
) -> None:
    agency, seen = Agency(note_en=english, note_zh=chinese), []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            seen.append(agency.note)
    assert tuple(seen) == wanted


def test_a_note_that_is_set_goes_where_its_language_is() -> None:
    agency = Agency(note="Note")
    agency.note = "备注"
    assert (agency.note_en, agency.note_zh) == ("Note", "备注")
    agency.note = ""
    assert (agency.note_en, agency.note_zh) == ("", "")


@pytest.mark.parametrize(
    ("tonnes", "english", "chinese"),
    [
        ("6718800", "6.72 Mt", "671.88万吨"),
        ("51900", "51.9 kt", "5.19万吨"),
        ("850", "850 t", "0.08万吨"),
        ("1234560000", "1,235 Mt", "123,456万吨"),
        ("-6718800", "−6.72 Mt", "−671.88万吨"),
        ("0", "0 t", "0万吨"),
    ],
)
def test_carbon_as_people_read_it(tonnes: str, english: str, chinese: str) -> None:
    assert format_carbon(Decimal(tonnes)).replace("\u00a0", " ") == english
    with translation.override("zh-hans"):
        assert format_carbon(Decimal(tonnes)) == chinese
