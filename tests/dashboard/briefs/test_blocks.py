"""Blocks of a brief: the texts that every writer prints, and what is left out."""

from dashboard.briefs.blocks import fact, facts, line, lines, shortened, table, with_sources
from tests.support.briefs import text_lines

BRIEF = {
    "kind": "pilot",
    "slug": "tianjin-1",
    "language": "en",
    "title": "天津",
    "subtitle": "First national batch",
    "headline": "Red.",
    "light": {"status": "red", "label": "Red", "reason": "Carbon is behind."},
    "blocks": [
        facts(fact("Targets", "3", "of 4 targets", "as of 2025"), fact("Plan", "no data")),
        lines("Red", [line("A", "late", "Bureau · 2026-001", "red"), *(line(name) for name in "BCDEFGHI")], most=2),
        lines("What to ask", [], "Nothing follows from the records."),
        table("Reductions", ("Indicator", "2025"), (("Carbon", "−1.5 %"), ("NOx", "disputed"))),
    ],
    "sources": [
        {"number": 1, "text": "Ministry", "url": "https://example.org/1"},
        {"number": 2, "text": "Bureau", "url": ""},
    ],
    "as_of": "2026-06-30",
    "known": "2026-07-05",
    "since": "2026-03-31",
    "made_at": "2026-07-05T01:02:00+00:00",
    "address": "https://tracker.example/brief/pilot/tianjin-1/",
    "demonstration": True,
    "more_sources": 3,
}

ENGLISH = [
    "天津",
    "First national batch",
    "Red.",
    "Red",
    "Carbon is behind.",
    *("Targets", "3", "of 4 targets", "as of 2025", "Plan", "no data"),
    *("Red", "A", "late", "Bureau · 2026-001", "B", "and 7 more"),
    *("What to ask", "Nothing follows from the records."),
    *("Reductions", "Indicator", "2025", "Carbon", "−1.5 %", "NOx", "disputed"),
    *("Sources", "[1] Ministry", "https://example.org/1", "[2] Bureau", "and 3 more"),
    "As of: 30 June 2026",
    "As known on: 5 July 2026",
    "Compared with: 31 March 2026",
    "Made on: 5 July 2026, 09:02",
    "https://tracker.example/brief/pilot/tianjin-1/",
    "Demonstration data: invented, not the real programme",
]


def test_texts_are_in_reading_order_and_in_the_brief_s_language():
    assert text_lines(BRIEF) == ENGLISH
    chinese = text_lines({**BRIEF, "language": "zh-hans"})
    assert chinese[16] == "另有7项"
    assert chinese[chinese.index("来源") :] == [
        "来源",
        "[1] Ministry",
        "https://example.org/1",
        "[2] Bureau",
        "另有3项",
        "数据截至：2026年6月30日",
        "按此日已知情况：2026年7月5日",
        "对比日期：2026年3月31日",
        "生成时间：2026年7月5日 09:02",
        "https://tracker.example/brief/pilot/tianjin-1/",
        "演示数据：系虚构，非真实工作数据",
    ]


def test_what_is_cut_says_how_much_was_left_out():
    numbers, reds, asked, reductions = BRIEF["blocks"]
    assert shortened(numbers, 0) == numbers
    assert shortened(asked, 0) == asked
    assert (shortened(reds, 1)["items"], shortened(reds, 1)["more"]) == (reds["items"][:1], 8)
    assert (shortened(reductions, 1)["rows"], shortened(reductions, 1)["more"]) == ([["Carbon", "−1.5 %"]], 1)
    assert with_sources(BRIEF, 1)["more_sources"] == 4
    assert len(BRIEF["sources"]) == 2
