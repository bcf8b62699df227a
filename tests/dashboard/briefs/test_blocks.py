"""Blocks of a brief: the texts that every writer prints, JSON and checksum."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from dashboard.briefs.blocks import (
    Brief,
    BriefLight,
    Fact,
    Facts,
    Line,
    Lines,
    Source,
    Table,
    as_data,
    checksum,
    from_data,
    text_lines,
)

BRIEF = Brief(
    kind="pilot",
    slug="tianjin-1",
    language="en",
    title="天津",
    subtitle="First national batch",
    headline="Red.",
    light=BriefLight("red", "Red", "Carbon is behind."),
    blocks=(
        Facts("", (Fact("Targets", "3", "of 4 targets", "as of 2025"), Fact("Plan", "no data"))),
        Lines("Red", (Line("A", "late", "Bureau · 2026-001", "red"), Line("B")), more=7),
        Lines("What to ask", (), empty="Nothing follows from the records."),
        Table("Reductions", ("Indicator", "2025"), (("Carbon", "−1.5 %"), ("NOx", "disputed")), more=1),
    ),
    sources=(Source(1, "Ministry", "https://example.org/1"), Source(2, "Bureau")),
    as_of=date(2026, 6, 30),
    known=date(2026, 7, 5),
    since=date(2026, 3, 31),
    made_at=datetime(2026, 7, 5, 1, 2, tzinfo=UTC),
    address="https://tracker.example/brief/pilot/tianjin-1/",
    demonstration=True,
    more_sources=3,
)

ENGLISH = [
    "天津",
    "First national batch",
    "Red.",
    "Red",
    "Carbon is behind.",
    *("Targets", "3", "of 4 targets", "as of 2025", "Plan", "no data"),
    *("Red", "A", "late", "Bureau · 2026-001", "B", "and 7 more"),
    *("What to ask", "Nothing follows from the records."),
    *("Reductions", "Indicator", "2025", "Carbon", "−1.5 %", "NOx", "disputed", "and 1 more"),
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
    chinese = text_lines(replace(BRIEF, language="zh-hans"))
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


def test_a_brief_is_read_from_its_json_again():
    for brief in (BRIEF, replace(BRIEF, light=None, since=None, blocks=(), sources=())):
        assert from_data(as_data(brief)) == brief
    data = as_data(BRIEF)
    data["blocks"][0]["type"] = "picture"
    with pytest.raises(ValueError, match="picture"):
        from_data(data)


def test_the_checksum_leaves_out_when_it_was_made_alone():
    later = replace(BRIEF, made_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert checksum(later) == checksum(BRIEF)
    assert len(checksum(BRIEF)) == 64
    assert checksum(replace(BRIEF, headline="Yellow.")) != checksum(BRIEF)
