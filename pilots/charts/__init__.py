"""The pilots' numbers as chart frames and tables; nothing is counted anew here."""

from pilots.charts.addresses import pilots_url
from pilots.charts.attention import attention_finding, attention_table
from pilots.charts.coverage import (
    coverage_chart,
    coverage_finding,
    fields_table,
    matrix_chart,
    notice_text,
    quotients_table,
    too_few,
)
from pilots.charts.names import distinct_names, names_in, pilot_cell
from pilots.charts.places import overview_map, provinces_chart, recorded_pilots
from pilots.charts.progress import (
    evidence_table,
    indicators_table,
    light_box,
    light_strip,
    lights_table,
    milestones_chart,
    milestones_table,
    trend_chart,
)
from pilots.charts.quarters import quarters_chart
from pilots.charts.reconciliation import batch_cell, reconciliation_table, withdrawals_table
from pilots.charts.stages import (
    cohort_chart,
    funnel_chart,
    longest_table,
    plan_lag_chart,
    stage_track,
    stay_chart,
    time_in_stage,
    track_notes,
)
from pilots.charts.synergy import (
    amber_table,
    classes_table,
    coordinates_chart,
    elasticity_table,
    joint_table,
    missing_groups,
    missing_table,
)

__all__ = [
    "amber_table",
    "attention_finding",
    "attention_table",
    "batch_cell",
    "classes_table",
    "cohort_chart",
    "coordinates_chart",
    "coverage_chart",
    "coverage_finding",
    "distinct_names",
    "elasticity_table",
    "evidence_table",
    "fields_table",
    "funnel_chart",
    "indicators_table",
    "joint_table",
    "light_box",
    "light_strip",
    "lights_table",
    "longest_table",
    "matrix_chart",
    "milestones_chart",
    "milestones_table",
    "missing_groups",
    "missing_table",
    "names_in",
    "notice_text",
    "overview_map",
    "pilot_cell",
    "pilots_url",
    "plan_lag_chart",
    "provinces_chart",
    "quarters_chart",
    "quotients_table",
    "reconciliation_table",
    "recorded_pilots",
    "stage_track",
    "stay_chart",
    "time_in_stage",
    "too_few",
    "track_notes",
    "trend_chart",
    "withdrawals_table",
]
