"""Invented practices of the demonstration: their texts, their days, and how far their copies came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from pilots.metrics.practice_states import GiveUpReason

Text = tuple[str, str]
"""A text in English and in Chinese."""


class Fate(Enum):
    """How far a copy came by the day of the demonstration."""

    PLANNED = auto()
    UNDER_WAY = auto()
    CLAIMED = auto()  # in use
    CONFIRMED = auto()
    VERIFIED = auto()  # by a measured effect
    GIVEN_UP = auto()


class Adopter(Enum):
    PILOT = auto()
    PROVINCE = auto()
    PLACE = auto()


@dataclass(frozen=True)
class CopyTemplate:
    """Template of a copy; with a reason it is given up."""

    fate: Fate
    adopter: Adopter = Adopter.PILOT
    reason: GiveUpReason | None = None
    tried: bool = False  # given up after it was in use


@dataclass(frozen=True)
class PracticeTemplate:
    """Template of a practice. `days`: proposed, passed, in the library, recommended. `indicator` measures it."""

    field: str
    facet: str
    level: str
    origin: str  # kind of the pilot
    industries: Sequence[str]
    title: Text
    problem: Text
    action: Text
    conditions: Text
    risks: Text
    stated: Text
    days: Sequence[date]
    value: int | None = None  # stated
    unit: str = ""
    cost: int | None = None  # investment in 10,000 yuan
    indicator: str = ""
    measure: str = ""
    retired_on: date | None = None
    retired_reason: Text = ("", "")
    copies: Sequence[CopyTemplate] = ()


PLANNED, UNDER_WAY = CopyTemplate(Fate.PLANNED), CopyTemplate(Fate.UNDER_WAY)
CLAIMED, CONFIRMED, VERIFIED = (CopyTemplate(fate) for fate in (Fate.CLAIMED, Fate.CONFIRMED, Fate.VERIFIED))


def given_up(reason: GiveUpReason, *, tried: bool = False) -> CopyTemplate:
    return CopyTemplate(Fate.GIVEN_UP, reason=reason, tried=tried)


def in_province(fate: Fate) -> CopyTemplate:
    return CopyTemplate(fate, Adopter.PROVINCE)


PRACTICES: Sequence[PracticeTemplate] = (
    PracticeTemplate(
        "energy",
        "technology",
        "park",
        "park",
        ["steel"],
        ("Example: waste heat of a steelworks for the whole park", "示例：钢厂余热供全园区用汽"),
        (
            "Each plant of the park burned coal in a boiler of its own while the steelworks cooled its heat away.",
            "园区企业各自烧煤供汽，钢厂余热却白白排放，能耗和排放都高。",
        ),
        (
            "A steam main of 14 km joins the works’ waste heat with 23 plants; their 19 boilers were shut.",
            "建设14公里蒸汽管网，把钢厂余热锅炉与23家企业相连，关停分散锅炉19台。",
        ),
        (
            "A works that runs all year within 10 km of the users; contracts on heat of ten years and more.",
            "热源全年稳定运行，用户在10公里以内，签订十年以上供热合同。",
        ),
        (
            "The park is cold when the works stands still: one gas boiler is kept in reserve.",
            "钢厂检修时断汽，需保留一台燃气锅炉备用。",
        ),
        ("About 21,000 tce less a year", "年节约标准煤约2.1万吨"),
        (date(2024, 10, 18), date(2024, 11, 20), date(2025, 1, 16), date(2025, 6, 25)),
        21_000,
        "tce/yr",
        8_600,
        "ENE_IVA",
        "example-clean-power",
        copies=(VERIFIED, VERIFIED, CONFIRMED, CLAIMED, given_up(GiveUpReason.CONDITIONS), UNDER_WAY),
    ),
    PracticeTemplate(
        "industry",
        "technology",
        "enterprise",
        "park",
        ["steel"],
        ("Example: sinter flue gas led back into the strand", "示例：烧结烟气内循环"),
        (
            "Sintering made most of the works’ NOx, and cleaning all of the flue gas cost much power.",
            "烧结工序氮氧化物占全厂大半，全量烟气治理耗电多、成本高。",
        ),
        (
            "A third of the hot flue gas goes back to the strand, so that less gas is cleaned and less coke is burned.",
            "将三成高温烟气返回烧结机，减少治理烟气量和固体燃料用量。",
        ),
        (
            "Strands of 180 square metres and more, with room for the ducts, and a stop of 25 days for the fitting.",
            "烧结机面积180平方米以上，有管道布置空间，停机改造约25天。",
        ),
        (
            "Quality of the sinter falls where oxygen is short: it has to be measured without pause.",
            "氧含量不足会影响烧结矿质量，须连续监测。",
        ),
        ("About 420 t less NOx and 9,500 t less CO₂ a year", "年减排氮氧化物约420吨、二氧化碳约9500吨"),
        (date(2024, 11, 5), date(2024, 12, 12), date(2025, 2, 20), date(2025, 9, 16)),
        420,
        "t NOx/yr",
        3_200,
        "AIR_NOX",
        "example-steel-renewal",
        copies=(VERIFIED, CONFIRMED, given_up(GiveUpReason.MONEY), CLAIMED, UNDER_WAY),
    ),
    PracticeTemplate(
        "industry",
        "technology",
        "enterprise",
        "park",
        ["automobiles"],
        ("Example: water-borne paint with shared solvent recovery", "示例：水性涂料替代与溶剂集中回收"),
        (
            "Small suppliers of parts could not pay for solvent recovery each on its own.",
            "零部件小企业单独建设溶剂回收设施负担重，挥发性有机物排放居高不下。",
        ),
        (
            "Eleven suppliers changed to water-borne paint; remaining solvent is recovered in one plant of the park.",
            "11家配套企业改用水性涂料，剩余溶剂由园区集中回收装置处理。",
        ),
        (
            "At least eight users within the park, and a fee for each tonne treated that covers the running costs.",
            "园区内用户不少于8家，按吨收取处理费并能覆盖运行成本。",
        ),
        (
            "Colours of the old range fail at first; two months of trials are to be planned.",
            "部分旧色号初期不合格，需预留两个月试生产时间。",
        ),
        ("About 160 t less VOCs a year", "年减排挥发性有机物约160吨"),
        (date(2024, 11, 22), date(2024, 12, 25), date(2025, 3, 6), date(2025, 10, 28)),
        160,
        "t VOCs/yr",
        1_450,
        "AIR_VOC",
        "example-low-voc",
        copies=(VERIFIED, CONFIRMED, given_up(GiveUpReason.NO_EFFECT, tried=True), CLAIMED, PLANNED),
    ),
    PracticeTemplate(
        "transport",
        "project",
        "city",
        "city",
        [],
        ("Example: shuttle trains between works and port", "示例：厂港铁路班列公转铁"),
        (
            "Bulk goods went to the port by 900 lorries a day through the districts where people live.",
            "大宗货物每天由约900辆货车穿城运往港口，氮氧化物和颗粒物排放集中。",
        ),
        (
            "A siding of 6 km and a daily shuttle train; the city pays the difference in freight for two years.",
            "新建6公里专用线，开行厂港班列，前两年由市财政补足运价差。",
        ),
        (
            "Two million tonnes a year from few senders, and a railway with free paths at night.",
            "货源集中，年运量200万吨以上，铁路夜间有富余通过能力。",
        ),
        (
            "When the subsidy ends, goods return to the road unless the contracts run longer.",
            "补贴到期后货物可能回流公路，须签订更长期运输合同。",
        ),
        ("About 310 t less NOx a year", "年减排氮氧化物约310吨"),
        (date(2025, 1, 9), date(2025, 2, 27), date(2025, 4, 24)),
        310,
        "t NOx/yr",
        12_400,
        "AIR_NOX",
        "example-rail-freight",
        copies=(
            CONFIRMED,
            given_up(GiveUpReason.APPROVAL),
            UNDER_WAY,
            CopyTemplate(Fate.PLANNED, Adopter.PLACE),
        ),
    ),
    PracticeTemplate(
        "transport",
        "technology",
        "park",
        "park",
        [],
        ("Example: electric lorries with exchange of batteries", "示例：园区换电重卡短驳"),
        (
            "Short trips between the plants of the park were made by old diesel lorries.",
            "园区内短途倒运以老旧柴油重卡为主，碳排放和污染排放都高。",
        ),
        (
            "120 electric lorries on fixed rounds, with two stations that change a battery in five minutes.",
            "投运120辆换电重卡固定线路短驳，建设两座五分钟换电站。",
        ),
        (
            "Rounds of up to 80 km, 100 lorries and more, and a second line of supply for the stations.",
            "单程不超过80公里，车辆规模100辆以上，换电站双回路供电。",
        ),
        (
            "One maker’s batteries fit no other’s lorries; the standard is to be fixed in the tender.",
            "不同厂家的电池互不通用，招标时应统一技术标准。",
        ),
        ("About 7,800 t less CO₂ a year", "年减排二氧化碳约7800吨"),
        (date(2025, 2, 14), date(2025, 3, 20), date(2025, 5, 29), date(2026, 3, 19)),
        7_800,
        "t CO2/yr",
        5_300,
        "CO2_TOT",
        "example-rail-freight",
        copies=(CONFIRMED, CLAIMED, given_up(GiveUpReason.MONEY), UNDER_WAY),
    ),
    PracticeTemplate(
        "policy",
        "management",
        "city",
        "city",
        [],
        ("Example: one inventory of pollutants and carbon", "示例：大气污染物与温室气体融合清单"),
        (
            "Two offices asked the same plants twice a year for almost the same figures, and they never agreed.",
            "两个部门每年向同一批企业重复采集数据，口径不一、结果对不上。",
        ),
        (
            "One form, one deadline and one check for both inventories; deviations of more than 5 % go back at once.",
            "统一一张表、一个时限、一次审核，偏差超过5%的当场退回。",
        ),
        (
            "A decree that both offices sign, and three people who know both methods.",
            "两部门联合发文，配备3名熟悉两套方法的专职人员。",
        ),
        (
            "Figures of earlier years have to be made anew, or the series break.",
            "须同步回算往年数据，否则各年数据之间无法比较。",
        ),
        ("2,100 plants asked once instead of twice a year", "2100家企业由每年填报两次减为一次"),
        (date(2024, 10, 10), date(2024, 11, 6), date(2024, 12, 30), date(2025, 4, 17)),
        2_100,
        "plants",
        cost=180,
        copies=(
            in_province(Fate.CONFIRMED),
            in_province(Fate.CLAIMED),
            CONFIRMED,
            given_up(GiveUpReason.STAFF),
        ),
    ),
    PracticeTemplate(
        "energy",
        "project",
        "park",
        "park",
        [],
        ("Example: microgrid of green power in a park", "示例：园区绿电微电网"),
        (
            "Plants of the park wanted green power, and the roofs could feed only a part of it into the grid.",
            "园区企业绿电需求大，屋顶光伏受并网容量限制难以消纳。",
        ),
        (
            "Roofs of 38 plants, a store of 40 MWh and one meter to the grid; surplus is settled among neighbours.",
            "38家企业屋顶光伏与40兆瓦时储能组成微电网，统一并网、邻间结算。",
        ),
        (
            "One body that may sell power inside the park, and roofs that bear the weight.",
            "园区内有具备售电资质的主体，屋顶荷载满足安装要求。",
        ),
        (
            "Rules on selling power differ between provinces and change from year to year.",
            "各省售电规则不同且逐年调整，收益存在不确定性。",
        ),
        ("About 16,000 t less CO₂ a year expected", "预计年减排二氧化碳约1.6万吨"),
        (date(2025, 6, 12), date(2025, 7, 24), date(2025, 10, 16)),
        16_000,
        "t CO2/yr",
        9_700,
        "CO2_TOT",
        "example-clean-power",
        copies=(CONFIRMED, UNDER_WAY, given_up(GiveUpReason.LEADERSHIP), PLANNED),
    ),
    PracticeTemplate(
        "buildings",
        "technology",
        "city",
        "city",
        [],
        ("Example: cold from the river for a district", "示例：江水源区域集中供冷"),
        (
            "Cooling each building by itself made the highest load of the year on hot afternoons.",
            "楼宇分散制冷推高夏季用电高峰，制冷剂泄漏点多。",
        ),
        (
            "A station takes its cold from the river and serves 1.2 million square metres of offices and halls.",
            "建设江水源能源站，为120万平方米公共建筑集中供冷。",
        ),
        (
            "Dense new districts within 2 km of the water, joined before the buildings are fitted out.",
            "新建片区密度高、距水体2公里以内，并在装修前完成接入。",
        ),
        (
            "Few buildings at first: the station runs at a loss in its first years.",
            "投运初期楼宇接入率低，能源站前几年处于亏损运行状态。",
        ),
        ("About 3,900 t less CO₂ a year expected", "预计年减排二氧化碳约3900吨"),
        (date(2026, 1, 20), date(2026, 4, 9)),
        3_900,
        "t CO2/yr",
        24_000,
        measure="example-green-buildings",
    ),
    PracticeTemplate(
        "agriculture",
        "technology",
        "city",
        "city",
        ["agriculture"],
        ("Example: gas from straw for villages", "示例：秸秆气化集中供气"),
        (
            "Straw was burned on the fields each autumn, and villages cooked with coal.",
            "秋季秸秆露天焚烧屡禁不止，村庄炊事仍用散煤。",
        ),
        (
            "A plant for each township makes gas of straw and supplies the villages around it.",
            "每个乡镇建设一座秸秆气化站，向周边村庄集中供气。",
        ),
        (
            "Straw of 3,000 ha within 15 km, and dry storage for nine months.",
            "15公里范围内秸秆可收集面积4.5万亩以上，具备九个月干燥储存条件。",
        ),
        (
            "Tar blocks the pipes in winter; repairs cost more than the gas brings in.",
            "冬季焦油堵塞管道，维修费用高于供气收入。",
        ),
        ("About 5,200 t less straw burned in the open a year", "年减少露天焚烧秸秆约5200吨"),
        (date(2024, 10, 25), date(2024, 12, 3), date(2025, 2, 11)),
        5_200,
        "t straw/yr",
        2_600,
        measure="example-straw",
        retired_on=date(2026, 2, 10),
        retired_reason=(
            "Three of three copies were given up: the plants do not run through the winter.",
            "三地推广均已放弃，气化站冬季无法稳定运行。",
        ),
        copies=(
            given_up(GiveUpReason.NO_EFFECT, tried=True),
            given_up(GiveUpReason.CONDITIONS, tried=True),
            given_up(GiveUpReason.OTHER),
        ),
    ),
    PracticeTemplate(
        "policy",
        "management",
        "province",
        "city",
        [],
        ("Example: one appraisal for air and carbon", "示例：大气与碳排放目标合并考核"),
        (
            "Districts met the goal of one appraisal with measures that missed that of the other.",
            "县区为完成一项考核采取的措施，往往影响另一项考核的完成。",
        ),
        (
            "Both goals stand in one contract; a district passes only with both, and earns the grant only then.",
            "两项目标写入同一责任书，同时完成方为合格，并与资金挂钩。",
        ),
        (
            "A party committee and a government that sign together, and values of both by March.",
            "党委政府联合签署，两项数据均能在3月前核定。",
        ),
        (
            "Values of carbon come later than those of air: the first year is to be run without consequences.",
            "碳数据出数晚于大气数据，首年宜试运行、不与奖惩挂钩。",
        ),
        ("All 14 districts met both goals in the first year of trial", "试行首年14个县区两项目标全部完成"),
        (date(2026, 3, 3), date(2026, 5, 12)),
        14,
        "districts",
        copies=(in_province(Fate.PLANNED),),
    ),
    PracticeTemplate(
        "ecology",
        "path",
        "city",
        "city",
        [],
        ("Example: wetland behind the sewage works", "示例：污水厂尾水人工湿地"),
        (
            "The last step of cleaning took as much power as all the steps before it.",
            "尾水深度处理的耗电量接近前端各道工艺的总和。",
        ),
        (
            "A wetland of 60 hectares takes over the last step for 50,000 cubic metres a day.",
            "建设900亩人工湿地承担每日5万立方米尾水深度净化。",
        ),
        (
            "Flat land beside the works, and winters that seldom freeze.",
            "厂旁有平整土地，冬季少有冰冻，便于全年运行。",
        ),
        (
            "Reeds that are not cut give back in spring what they took up.",
            "芦苇未及时收割会在春季释放已吸收的营养物。",
        ),
        ("About 2.6 million kWh less a year", "年节电约260万千瓦时"),
        (date(2026, 8, 19),),
        2_600_000,
        "kWh/yr",
    ),
    PracticeTemplate(
        "industry",
        "technology",
        "enterprise",
        "park",
        ["cement"],
        ("Example: sorted waste as fuel of a cement kiln", "示例：水泥窑协同使用替代燃料"),
        (
            "Coal is most of the cost of the kiln, and sorted waste of the city went to the landfill.",
            "水泥窑燃煤成本高，城市分拣后的可燃物却进入填埋场。",
        ),
        (
            "A line dries and shreds sorted waste, which replaces a fifth of the coal in the calciner.",
            "建设干燥破碎线，分拣可燃物在分解炉替代两成燃煤。",
        ),
        (
            "200 t of sorted waste a day within 60 km, and a bypass for chlorine.",
            "60公里内每日可供应200吨分拣可燃物，配套旁路放风除氯。",
        ),
        (
            "Chlorine in the fuel clogs the preheater: each delivery is sampled.",
            "燃料含氯会造成预热器结皮，进厂燃料须逐车取样检测。",
        ),
        ("About 28,000 t less CO₂ a year expected", "预计年减排二氧化碳约2.8万吨"),
        (date(2026, 9, 30),),
        28_000,
        "t CO2/yr",
        4_100,
    ),
)

GIVE_UP_TEXTS: dict[GiveUpReason, Text] = {
    GiveUpReason.LEADERSHIP: (
        "Example: the park’s new management set other priorities.",
        "示例：园区管理层调整，工作重点改变。",
    ),
    GiveUpReason.APPROVAL: (
        "Example: the siding was not approved, since it crosses a protection zone.",
        "示例：专用线穿越保护区，未获批准。",
    ),
    GiveUpReason.MONEY: (
        "Example: costs were half as high again as at the origin, and no bank lent.",
        "示例：造价比原单位高一半，未能落实贷款。",
    ),
    GiveUpReason.STAFF: (
        "Example: nobody in the office knew both methods, and no post was granted.",
        "示例：缺少熟悉两套方法的人员，编制未获批。",
    ),
    GiveUpReason.CONDITIONS: (
        "Example: the source stands still for four months a year, unlike at the origin.",
        "示例：热源或原料每年有四个月不足，与原单位条件不同。",
    ),
    GiveUpReason.NO_EFFECT: (
        "Example: after eight months in use no change could be seen in the readings.",
        "示例：投用八个月后监测数据未见变化。",
    ),
    GiveUpReason.OTHER: (
        "Example: the villages were joined to the gas grid meanwhile.",
        "示例：期间村庄已接入天然气管网。",
    ),
}
CHANGED_TEXTS: Sequence[Text] = (
    ("", ""),
    ("Example: at half the size, with rented equipment.", "示例：规模减半，设备采用租赁方式。"),
    ("Example: paid by the users instead of the budget.", "示例：由用户付费，未用财政资金。"),
)
STATED_COPY: Text = (
    "Example: in use without a stop; saving stated by the adopter",
    "示例：运行稳定，成效由推广单位自报",
)
PLACES: Sequence[str] = ("示例临港片区", "示例高新片区", "示例东部新城")
