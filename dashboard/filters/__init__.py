"""The filters above every page: what can be chosen, what the address says of it, and how it is drawn."""

from dashboard.filters.choices import (
    DEFAULT_RANGE,
    RANGES,
    CannotNarrowError,
    Filters,
    Range,
    Window,
    custom_window,
    window,
)
from dashboard.filters.own import ERROR_CLASS, ERROR_CLASSES, RUN, SPAN, TRACE, Own, choose
from dashboard.filters.toolbar import toolbar

__all__ = [
    "DEFAULT_RANGE",
    "ERROR_CLASS",
    "ERROR_CLASSES",
    "RANGES",
    "RUN",
    "SPAN",
    "TRACE",
    "CannotNarrowError",
    "Filters",
    "Own",
    "Range",
    "Window",
    "choose",
    "custom_window",
    "toolbar",
    "window",
]
