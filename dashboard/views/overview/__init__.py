"""Overview: is anything wrong, and what does it cost?"""

from dashboard.views.overview.live import LIVE
from dashboard.views.overview.page import draw

__all__ = ["LIVE", "draw"]
