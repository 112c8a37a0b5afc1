"""Prompts & evals: is B better than A, case by case, and what do the versions in use cost?"""

from dashboard.views.evals.page import OWN, draw

__all__ = ["OWN", "draw"]
