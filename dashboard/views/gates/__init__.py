"""Gates: can we ship, and on what evidence?"""

from dashboard.views.gates.page import draw

__all__ = ["draw"]
