"""Spend: who spends what in a UTC month, will that be more than it may, and how much of it is known?"""

from dashboard.views.spend.page import draw

__all__ = ["draw"]
