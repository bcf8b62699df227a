"""Names, titles and texts of the demonstration."""

from dataclasses import dataclass
from datetime import date
from typing import Any

INVENTED_NOTES = {
    "note_en": "Invented for demonstration; nothing in it is real.",
    "note_zh": "演示用虚构内容，并非真实信息。",
}

SOURCES = {
    "national": "示例来源(虚构):国家文件与名单 / Example source (invented): national documents and lists",
    "provincial": "示例来源(虚构):省级方案 / Example source (invented): provincial plans",
    "plan": "示例来源(虚构):试点实施方案 / Example source (invented): plans of the pilots",
    "report": "示例来源(虚构):试点年度报告 / Example source (invented): yearly reports of the pilots",
    "case": "示例来源(虚构):经验做法案例 / Example source (invented): cases of good practice",
    "minutes": "示例来源(虚构):调度会议纪要 / Example source (invented): minutes of meetings",
}

AGENCIES = {
    "example-environment-ministry": ("示例环境部", "Example Ministry of Environment"),
    "example-planning-commission": ("示例计划委员会", "Example Planning Commission"),
    "example-industry-ministry": ("示例工业部", "Example Ministry of Industry"),
    "example-provincial-department": ("示例省环境厅", "Example Provincial Department of Environment"),
    "example-city-bureau": ("示例市生态环境局", "Example City Bureau of Environment"),
    "example-park-administration": ("示例园区管理委员会", "Example Park Administration"),
}

LISTED_ON, PROVINCIAL_LISTED_ON = date(2024, 1, 15), date(2024, 9, 20)
WITHDRAWN_ON = date(2025, 6, 18)
INDUSTRIES_ANNOUNCED = ("steel", "nonferrous-metals", "petrochemicals")
PROVINCE_OF_BATCH = "jiangsu"
LEAD_POLICY, LEAD_POLICY_ISSUED_ON = "example-synergy-plan", date(2022, 6, 10)

POLICIES: list[dict[str, Any]] = [
    {
        "slug": "example-guiding-opinions",
        "title_zh": "示例指导意见",
        "title_en": "Example Guiding Opinions",
        "doc_number": "示例发〔2021〕9号",
        "issued_on": date(2021, 9, 1),
        "issued_precision": "month",
        "agencies": ["example-planning-commission"],
    },
    {
        "slug": LEAD_POLICY,
        "title_zh": "示例协同方案",
        "title_en": "Example Synergy Plan",
        "short_name_zh": "示例协同方案",
        "short_name_en": "Example Synergy Plan",
        "doc_number": "示例综合〔2022〕1号",
        "issued_on": LEAD_POLICY_ISSUED_ON,
        "calls_for_provincial_plan": True,
        "is_lead": True,
        "parent": "example-guiding-opinions",
        "agencies": ["example-environment-ministry", "example-planning-commission", "example-industry-ministry"],
    },
    {
        "slug": "example-national-conference",
        "kind": "event",
        "title_zh": "示例全国会议",
        "title_en": "Example National Conference",
        "issued_on": date(2023, 7, 12),
    },
    {
        "slug": "example-clean-air-plan",
        "title_zh": "示例清洁空气行动计划",
        "title_en": "Example Clean Air Action Plan",
        "doc_number": "示例发〔2023〕20号",
        "issued_on": date(2023, 11, 20),
        "published_on": date(2023, 11, 28),
        "agencies": ["example-environment-ministry"],
    },
    {
        "slug": "example-pilot-list",
        "title_zh": "示例第一批试点名单",
        "title_en": "Example List of the First Batch of Pilots",
        "issued_on": LISTED_ON,
        "parent": LEAD_POLICY,
        "agencies": ["example-environment-ministry"],
    },
    {
        "slug": "example-task-lists",
        "title_zh": "关于印送示例试点任务清单的函",
        "title_en": "Example Letter with the Task Lists of the Pilots",
        "doc_number": "示例综合函〔2024〕3号",
        "issued_on": date(2024, 3, 4),
        "parent": "example-pilot-list",
        "agencies": ["example-environment-ministry"],
    },
    {
        "slug": "example-provincial-pilot-plan",
        "level": "provincial",
        "province": PROVINCE_OF_BATCH,
        "title_zh": "示例省级试点工作方案",
        "title_en": "Example Provincial Plan for Pilots",
        "doc_number": "示例环发〔2024〕7号",
        "issued_on": PROVINCIAL_LISTED_ON,
        "parent": LEAD_POLICY,
        "agencies": ["example-provincial-department"],
    },
    {
        "slug": "example-midterm-notice",
        "title_zh": "关于开展示例试点中期评估的通知",
        "title_en": "Example Notice on the Mid-term Evaluation of the Pilots",
        "issued_on": date(2025, 6, 1),
        "issued_precision": "month",
        "parent": "example-pilot-list",
        "agencies": ["example-environment-ministry"],
    },
]

POLICIES_FOLLOWED_UP = ("example-midterm-notice", "example-pilot-list")

MEASURES = [
    ("example-clean-power", "energy", "示例清洁电力", "Example clean power", ["new-energy", "power"]),
    ("example-steel-renewal", "industry", "示例钢铁改造", "Example renewal of steelworks", ["steel"]),
    ("example-low-voc", "industry", "示例低挥发原料替代", "Example low-VOC substitution", ["automobiles", "chemicals"]),
    (
        "example-rail-freight",
        "transport",
        "示例公转铁",
        "Example freight from road to rail",
        ["transport", "logistics"],
    ),
    ("example-green-buildings", "buildings", "示例绿色建筑", "Example green buildings", ["buildings"]),
    ("example-straw", "agriculture", "示例秸秆利用", "Example use of straw", ["agriculture"]),
]

FIGURES = [
    ("example-pilot-cities", "示例试点城市数", "Example pilot cities", "21", "count", "", "2024-01-15", "count"),
    ("example-pilot-parks", "示例试点园区数", "Example pilot parks", "43", "count", "", "2024-01-15", "count"),
    ("example-so2-decline", "示例二氧化硫下降", "Example decline in SO2", "31.5", "%", "2018", "2023", "outcome"),
    ("example-nox-decline", "示例氮氧化物下降", "Example decline in NOx", "18.2", "%", "2018", "2023", "outcome"),
    ("example-pm25-target", "示例细颗粒物目标", "Example target for PM2.5", "28", "ug/m3", "", "2026", "target"),
]


@dataclass(frozen=True)
class MilestoneTemplate:
    """Template of a milestone: facet, titles, responsible office and planned date."""

    facet: str
    title_zh: str
    title_en: str
    owner: str
    planned_on: date
    key: bool = False


ENVIRONMENT, PLANNING = "示例生态环境局 / Example Environment Bureau", "示例发展改革局 / Example Planning Bureau"
INDUSTRY, TRANSPORT = "示例工业局 / Example Industry Bureau", "示例交通局 / Example Transport Bureau"
OFFICE = "示例试点办公室 / Example Pilot Office"

PLAN_ISSUED_MILESTONE = MilestoneTemplate(
    "goal", "印发试点实施方案", "Implementation plan issued", OFFICE, date(2024, 11, 30), key=True
)
MILESTONE_TEMPLATES = [
    MilestoneTemplate(
        "management", "建成融合排放清单", "Joint emission inventory built", ENVIRONMENT, date(2024, 12, 31), key=True
    ),
    MilestoneTemplate("goal", "报送2024年目标完成情况", "Targets of 2024 reported", OFFICE, date(2025, 2, 28)),
    MilestoneTemplate("project", "旗舰项目开工", "Flagship project started", INDUSTRY, date(2025, 3, 31)),
    MilestoneTemplate("management", "监测平台上线", "Monitoring platform live", ENVIRONMENT, date(2025, 6, 30)),
    MilestoneTemplate("path", "出台协同政策文件", "Policy document on synergy issued", PLANNING, date(2025, 9, 30)),
    MilestoneTemplate("technology", "完成技术示范", "Technology shown in use", INDUSTRY, date(2025, 12, 31)),
    MilestoneTemplate(
        "goal", "报送2025年目标完成情况", "Targets of 2025 reported", OFFICE, date(2026, 2, 28), key=True
    ),
    MilestoneTemplate(
        "path", "大宗货物改为清洁运输", "Bulk goods moved to clean transport", TRANSPORT, date(2026, 5, 31)
    ),
    MilestoneTemplate("management", "提交典型案例", "Case submitted", OFFICE, date(2026, 7, 31)),
    MilestoneTemplate("goal", "报送2026年目标完成情况", "Targets of 2026 reported", OFFICE, date(2027, 2, 28)),
]
COMMISSIONED_MILESTONE = MilestoneTemplate(
    "project", "旗舰项目投产", "Flagship project commissioned", INDUSTRY, date(2026, 9, 30), key=True
)
RETROFIT_MILESTONE = MilestoneTemplate(
    "technology", "完成超低排放改造", "Ultra-low emission retrofit done", INDUSTRY, date(2026, 8, 31)
)
SELF_ASSESSMENT_MILESTONE = MilestoneTemplate(
    "management", "提交自评估报告", "Self-assessment submitted", OFFICE, date(2026, 12, 15)
)

SKIP_REASONS = {
    "plan_draft": ("Example: the draft was not put out for comment.", "示例：未公开征求意见。"),
    "midterm": (
        "Example: the mid-term evaluation was joined with the final one.",
        "示例：中期评估并入总结评估。",
    ),
}
WITHDRAWN_BECAUSE = (
    "Example: its main plant moved away and the city asked to leave.",
    "示例：主要企业整体搬迁，市政府申请退出。",
)
EVIDENCE = {
    "recommended": "示例推荐函 / Example letter of recommendation",
    "reviewed": "示例评审意见 / Example opinion of the experts",
    "listed": "示例试点名单 / Example list of pilots",
    "tasked": "示例任务清单 / Example task list",
    "plan_draft": "示例征求意见稿 / Example draft for comment",
    "plan_issued": "示例实施方案 / Example implementation plan",
    "implementing": "示例开工报告 / Example report of the first works",
    "midterm": "示例中期评估报告 / Example mid-term report",
    "final_eval": "示例验收意见 / Example final opinion",
    "promoted": "示例典型案例 / Example case",
    "rectifying": "示例整改通知 / Example notice to rectify",
    "withdrawn": "示例退出函 / Example letter of withdrawal",
}
TEXT_TARGET = ("Complete the year’s task set by the province (example)", "完成省下达的年度任务（示例）")
OVERRIDE_REASON = (
    "示例:10月完成窑炉更换,年报数据待更新。Example: the kiln was replaced in October; yearly values will follow."
)
DEMO_EDITOR, DEMO_REPORTER = "demo-steward", "demo-reporter"
