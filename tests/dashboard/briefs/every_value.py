"""A brief with every kind of value, for tests of its writers."""

from datetime import UTC, date, datetime

from dashboard.briefs.blocks import Brief, BriefLight, Fact, Facts, Line, Lines, Source, Table

HOSTILE = '<b>&amp; #emph[x] $x$ \\ * _ ` {{ 7*7 }} {% x %} @ref <label> // c /* d */ #panic("x") ] </w:t>'
STATUSES = ("red", "yellow", "green", "grey", "")


def brief_with_every_value(language: str, lines: int = 5) -> Brief:
    """Return a brief with missing, disputed, inferred, very long, Chinese, English and hostile texts."""
    rows = tuple((f"PM2.5 第{i}项", "暂无数据", "31.5 µg/m³ ≤ 35 ✓ ▲") for i in range(lines))
    blocks = (
        Facts(
            "",
            (
                Fact("Targets on path", "1", "of 3"),
                Fact("CO₂", "no data", "of 64 pilots", "missing"),
                Fact("单位GDP二氧化碳排放", "−18.2%", "比2020年", "仅强度"),
                Fact("Parks", "12–14", "of 20", "disputed by two sources; inferred"),
            ),
        ),
        Lines(
            "Since the last brief",
            tuple(Line(f"Pilot {i}", f"text {i} → new", "Owner, 2026-017", STATUSES[i % 5]) for i in range(lines)),
            7,
            "Nothing changed.",
        ),
        Lines("Red lights", (), 0, "没有红灯。"),
        Table("Indicators", ("Indicator", "2024", "2025"), rows, 2),
        Lines(f"What to ask {HOSTILE}", (Line(HOSTILE, "x" * 90 + " 很长的文字" * 60, HOSTILE, "red"),)),
    )
    sources = (
        Source(
            1,
            "生态环境部等七部门《减污降碳协同增效实施方案》, p. 3",
            f"https://www.mee.gov.cn/{'long-name-' * 12}.html",
        ),
        Source(2, "Without an address"),
    )
    return Brief(
        kind="pilot",
        slug="suzhou-park",
        language=language,
        title=f"苏州工业园区 Suzhou {HOSTILE}",
        subtitle="第一批 · 园区 · Jiangsu",
        headline="1 of 3 targets is off its path, 2 have no data.",
        light=BriefLight("red", "Red", "关键里程碑逾期45天"),
        blocks=blocks,
        sources=sources,
        as_of=date(2026, 6, 30),
        known=date(2026, 11, 27),
        since=date(2026, 3, 31),
        made_at=datetime(2026, 11, 27, 3, 4, tzinfo=UTC),
        address="https://tracker.example.gov.cn/brief/pilot/suzhou-park/?as_of=2026-06-30&known=2026-11-27",
        demonstration=True,
        more_sources=3,
    )
