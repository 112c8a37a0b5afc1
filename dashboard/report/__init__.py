"""One UTC month for people: its facts, which the page draws from too, and the report as one file that needs nothing else."""

from dashboard.report.html import as_html
from dashboard.report.month import Asked, Month, bounds, gather

__all__ = ["Asked", "Month", "as_html", "bounds", "gather"]
