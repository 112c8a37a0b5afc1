"""Figures, as pure functions from rows to a Plotly figure. Floats live here and nowhere else.

One module a family; what they share is in `parts`. Every function gives a `Picture`: the figure, the same in
words, and its values as rows of text, for the table that can be shown in its place.
"""

from dashboard.charts.answers import MOST_MARKS, answer_figure
from dashboard.charts.answers import number as as_number
from dashboard.charts.answers import text as answer_text
from dashboard.charts.budgets import STATUSES, ForecastDay, budget_positions, spend_to_date
from dashboard.charts.comparing import (
    forest,
    quality_against_cost,
    side_of_zero,
    sorted_deltas,
)
from dashboard.charts.errors import ERROR_OBJECTIVE, error_shares, requests_and_errors
from dashboard.charts.gates import verdict_history
from dashboard.charts.latency import latency_heatmap, latency_lines, latency_spread
from dashboard.charts.parts import ENTITY_COLOURS, GREEN, GREY, VERMILLION, Picture, bucket_width, colours
from dashboard.charts.sessions import TRUNCATIONS, context_growth
from dashboard.charts.sparkline import sparkline
from dashboard.charts.spend import spend_bars, spend_over_time
from dashboard.charts.traces import waterfall

__all__ = [
    "ENTITY_COLOURS",
    "ERROR_OBJECTIVE",
    "GREEN",
    "GREY",
    "MOST_MARKS",
    "STATUSES",
    "TRUNCATIONS",
    "VERMILLION",
    "ForecastDay",
    "Picture",
    "answer_figure",
    "answer_text",
    "as_number",
    "bucket_width",
    "budget_positions",
    "colours",
    "context_growth",
    "error_shares",
    "forest",
    "latency_heatmap",
    "latency_lines",
    "latency_spread",
    "quality_against_cost",
    "requests_and_errors",
    "side_of_zero",
    "sorted_deltas",
    "sparkline",
    "spend_bars",
    "spend_over_time",
    "spend_to_date",
    "verdict_history",
    "waterfall",
]
