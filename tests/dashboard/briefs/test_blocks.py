"""Blocks of a brief: the words beside the values, and what is left out."""

from dashboard.briefs.parts import brief_fields, fact, facts, line, lines, shortened, table
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


def test_what_is_cut_says_how_much_was_left_out() -> None:
    numbers = facts(fact("Targets", "3", "of 4 targets", "as of 2025"), fact("Plan", "no data"))
    reds = lines("Red", [line("A", "late", "Bureau · 2026-001", "red"), *(line(name) for name in "BCDEFGHI")], most=2)
    asked = lines("What to ask", [], "Nothing follows from the records.")
    reductions = table("Reductions", ("Indicator", "2025"), (("Carbon", "−1.5 %"), ("NOx", "disputed")))
    brief = {**brief_with_every_value("en"), "blocks": [numbers, reds, asked, reductions]}
    cut = shortened(brief, 1)
    assert cut["blocks"][0] == numbers
    assert (cut["blocks"][1]["items"], cut["blocks"][1]["more"]) == (reds["items"][:1], 8)
    assert cut["blocks"][2] == asked
    assert (cut["blocks"][3]["rows"], cut["blocks"][3]["more"]) == ([["Carbon", "−1.5 %"]], 1)
    assert (len(cut["sources"]), cut["more_sources"], len(brief["sources"])) == (1, 4, 2)
