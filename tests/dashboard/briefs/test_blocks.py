"""Blocks of a brief: the words beside the values, and what is left out."""

from dashboard.briefs.writers import brief_fields
from tests.dashboard.briefs.every_value import brief_with_every_value

ADDRESS = "https://tracker.example.gov.cn/brief/pilot/suzhou-park/?as_of=2026-06-30&known=2026-11-27"


def test_the_words_beside_the_values_are_in_the_brief_s_language() -> None:
    english, chinese = (brief_fields(brief_with_every_value(language)) for language in ("en", "zh-hans"))
    assert english["foot"] == [
        "As of: 30 June 2026",
        "As known on: 27 November 2026",
        "Compared with: 31 March 2026",
        "Made on: 27 November 2026, 11:04",
        ADDRESS,
        "Demonstration data: invented, not the real programme",
    ]
    assert chinese["foot"] == [
        "数据截至：2026年6月30日",
        "按此日已知情况：2026年11月27日",
        "对比日期：2026年3月31日",
        "生成时间：2026年11月27日 11:04",
        ADDRESS,
        "演示数据：系虚构，非真实工作数据",
    ]
    names = ("more_sources", "sources_title")
    texts = [(fields["blocks"][1]["more"], *map(fields.get, names)) for fields in (english, chinese)]
    assert texts == [("and 7 more", "and 3 more", "Sources"), ("另有7项", "另有3项", "来源")]
    assert english["sources"][1] == {"text": "[2] Without an address", "url": ""}
