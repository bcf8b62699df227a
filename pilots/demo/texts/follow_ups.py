"""Meetings, tasks and remarks of the demonstration's follow-ups. Remarks are single texts, in Chinese."""

from collections.abc import Mapping, Sequence
from datetime import date

from pilots.metrics.follow_up_states import Move

MEETINGS: Mapping[date, str] = {
    date(2025, 1, 16): "2025年第一次示例试点调度会（1月16日）",
    date(2025, 4, 24): "2025年第二次示例试点调度会（4月24日）",
    date(2025, 7, 22): "2025年第三次示例试点调度会（7月22日）",
    date(2025, 10, 23): "2025年第四次示例试点调度会（10月23日）",
    date(2026, 1, 22): "2026年第一次示例试点调度会（1月22日）",
    date(2026, 4, 23): "2026年第二次示例试点调度会（4月23日）",
    date(2026, 7, 23): "2026年第三次示例试点调度会（7月23日）",
    date(2026, 10, 22): "2026年第四次示例试点调度会（10月22日）",
}
INDICATOR_TITLE = ("Bring back on its path: %s", "整改落后指标：%s")
INDICATOR_TASK = (
    "Find out why the value is behind, name the works that bring it back, and report the next accepted value.",
    "查清指标落后原因，列出整改项目和完成时限，以下一次审定数据说明成效。",
)
MILESTONE_TITLE = ("Complete the overdue milestone: %s", "限期完成逾期任务：%s")
MILESTONE_TASK = (
    "Say what holds it up, complete it by the due date, and send the document that shows it.",
    "说明滞后原因，在时限内完成该项任务，并报送证明材料。",
)
PILOT_TITLE = ("Turn the light of the pilot: %s", "试点红灯整改：%s")
PILOT_TASK = (
    "Make a plan for all items that are behind, and report on each of them by the due date.",
    "针对全部落后事项制定整改方案，并在时限内逐项报告。",
)
OTHERS: Sequence[tuple[str, str, date, tuple[str, str], tuple[str, str]]] = (
    (
        "province",
        "evaluation",
        date(2025, 6, 12),
        ("Finish the provincial plan", "加快印发省级实施方案"),
        (
            "Put the provincial plan through the last round of comments and issue it.",
            "完成省级方案最后一轮征求意见并印发。",
        ),
    ),
    (
        "province",
        "guidance",
        date(2025, 11, 18),
        ("Send experts to the pilots of the province", "组织专家赴试点帮扶"),
        (
            "Name three experts and visit each pilot that is behind within the quarter.",
            "选派三名专家，季度内对落后试点逐一开展现场帮扶。",
        ),
    ),
    (
        "province",
        "meeting",
        date(2026, 9, 9),
        ("Report what became of the province’s pilots", "报告本省试点总体进展"),
        (
            "Report on all pilots of the province, those of its own batches included.",
            "报告本省全部试点进展，含省级试点。",
        ),
    ),
    (
        "policy",
        "assignment",
        date(2025, 7, 3),
        ("Carry out the notice on the mid-term evaluation", "落实中期评估通知"),
        (
            "Set up the group of experts and send the form of the evaluation to all pilots.",
            "组建专家组，并向全部试点下发评估表。",
        ),
    ),
    (
        "policy",
        "assignment",
        date(2026, 8, 20),
        ("Draft the rules for the final evaluation", "起草终期评估办法"),
        (
            "Put a draft of the rules to the ministries that issued the plan.",
            "形成评估办法初稿，征求联合印发部门意见。",
        ),
    ),
    (
        "practice",
        "promotion",
        date(2025, 9, 24),
        ("Show the practice to pilots of the same industry", "向同行业试点推介该做法"),
        (
            "Hold a day on site for pilots of the same industry, and list who wants to copy it.",
            "面向同行业试点召开现场会，形成意向推广名单。",
        ),
    ),
    (
        "practice",
        "promotion",
        date(2026, 6, 16),
        ("Write the guide to the practice", "编写做法操作指南"),
        (
            "Write down scale, cost, permits and what went wrong, so that another can do it alone.",
            "写清规模、投资、审批和常见问题，便于其他地区独立实施。",
        ),
    ),
    (
        "practice",
        "promotion",
        date(2026, 10, 14),
        ("Find adopters in the western provinces", "在西部省份落实推广单位"),
        (
            "Name two pilots that copy the practice, with the day on which work begins.",
            "落实两个推广单位，明确开工时间。",
        ),
    ),
)
"""Follow-ups that no light caused: subject, kind, day of opening, title and task."""

REMARKS: Mapping[Move, Sequence[str]] = {
    Move.SIGN: ("", "", "已签收，明确专人负责。", "已签收，纳入本单位督办台账。"),
    Move.REPORT: (
        "整改任务已完成，相关数据和材料已上报。",
        "已按要求完成整改，重点项目均已投运。",
        "已完成全部任务，并建立月调度机制防止反弹。",
    ),
    Move.VERIFY: ("同意销号。", "材料齐全，予以销号。", "经核实整改到位，同意销号。"),
    Move.RETURN: (
        "佐证材料不足，缺少投运后的监测数据，请补充。",
        "报告只写了措施，没有说明成效，请补充后重报。",
    ),
    Move.EXTEND: (
        "设备到货延迟，同意延期一次。",
        "停产检修窗口推后，同意延期。",
    ),
    Move.WITHDRAW: ("与另一督办事项重复，予以撤回。", "职责调整，改由其他单位承担，撤回本事项。"),
    Move.REOPEN: ("销号后指标仍未好转，重新督办。", "现场复查发现设施未正常运行，重新督办。"),
}
EVIDENCE_TITLES: Sequence[str] = (
    "示例整改完成报告（虚构）",
    "示例设施投运验收单（虚构）",
    "示例在线监测曲线（虚构）",
)
