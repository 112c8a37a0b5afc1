"""The pages, one module each: choose filters, ask the store, draw."""

from dashboard.views import gates, overview, setup, spend

__all__ = ["gates", "overview", "setup", "spend"]
