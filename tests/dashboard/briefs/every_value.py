"""A brief with every kind of value, for tests of its writers."""

from dashboard.briefs.build import Brief, fact, facts, line, lines, table

HOSTILE = '<b>&amp; #emph[x] $x$ \\ * _ ` {{ 7*7 }} {% x %} @ref <label> // c /* d */ #panic("x") ] </w:t>'
STATUSES = ("red", "yellow", "green", "grey", "")


def brief_with_every_value(language: str, length: int = 5) -> Brief:
    """Return a brief with missing, disputed, inferred, very long, Chinese, English and hostile texts."""
    rows = [(f"PM2.5 第{i}项", "暂无数据", "31.5 µg/m³ ≤ 35 ✓ ▲") for i in range(length)]
    items = [line(f"Pilot {i}", f"text {i} → new", "Owner, 2026-017", STATUSES[i % 5]) for i in range(length)]
    blocks = [
        facts(
            fact("Targets on path", "1", "of 3"),
            fact("CO₂", "no data", "of 64 pilots", "missing"),
            fact("单位GDP二氧化碳排放", "−18.2%", "比2020年", "仅强度"),
            fact("Parks", "12–14", "of 20", "disputed by two sources; inferred"),
        ),
        {**lines("Since the last brief", items, "Nothing changed."), "items": items, "more": 7},
        lines("Red lights", (), "没有红灯。"),
        {**table("Indicators", ("Indicator", "2024", "2025"), rows), "more": 2},
        lines(f"What to ask {HOSTILE}", [line(HOSTILE, "x" * 90 + " 很长的文字" * 60, HOSTILE, "red")]),
    ]
    sources = [
        {
            "number": 1,
            "text": "生态环境部等七部门《减污降碳协同增效实施方案》, p. 3",
            "url": f"https://www.mee.gov.cn/{'long-name-' * 12}.html",
        },
        {"number": 2, "text": "Without an address", "url": ""},
    ]
    return {
        "kind": "pilot",
        "slug": "suzhou-park",
        "language": language,
        "title": f"苏州工业园区 Suzhou {HOSTILE}",
        "subtitle": "第一批 · 园区 · Jiangsu",
        "headline": "1 of 3 targets is off its path, 2 have no data.",
        "light": {"status": "red", "label": "Red", "reason": "关键里程碑逾期45天"},
        "blocks": blocks,
        "sources": sources,
        "as_of": "2026-06-30",
        "known": "2026-11-27",
        "since": "2026-03-31",
        "made_at": "2026-11-27T03:04:00+00:00",
        "address": "https://tracker.example.gov.cn/brief/pilot/suzhou-park/?as_of=2026-06-30&known=2026-11-27",
        "demonstration": True,
        "more_sources": 3,
    }
