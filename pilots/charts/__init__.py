"""The pilots' numbers as chart frames and tables; nothing is counted anew here."""

from pilots.charts.addresses import pilots_url
from pilots.charts.coverage import coverage_chart, coverage_finding, fields_table, matrix_chart
from pilots.charts.places import overview_map, provinces_chart, recorded_pilots
from pilots.charts.reconciliation import reconciliation_table

__all__ = [
    "coverage_chart",
    "coverage_finding",
    "fields_table",
    "matrix_chart",
    "overview_map",
    "pilots_url",
    "provinces_chart",
    "reconciliation_table",
    "recorded_pilots",
]
