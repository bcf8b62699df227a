"""Bilingual texts: language of a text, quantities."""

from decimal import Decimal

import pytest
from django.utils import translation

from core.text import is_chinese_text
from pilots.charts.cells import format_carbon


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
