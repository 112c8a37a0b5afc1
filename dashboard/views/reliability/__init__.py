"""Reliability: what fails, where, and how slow is it?"""

from dataclasses import replace

from dashboard.filters import ERROR_CLASS, SPAN, TRACE
from dashboard.views.reliability.page import draw
from dashboard.views.reliability.parts import PART

# The class is chosen among the failures themselves.
OWN = (replace(ERROR_CLASS, visible=False), PART, TRACE, SPAN)

__all__ = ["OWN", "draw"]
