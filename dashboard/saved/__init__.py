"""What people keep of the pages under a name: views (a page with its filters) and queries (a SELECT with its figure)."""

from dashboard.saved.kept import Saved, SavedKind, find, keep, listed, may_keep, remove, why_not, wrong_name

__all__ = [
    "Saved",
    "SavedKind",
    "find",
    "keep",
    "listed",
    "may_keep",
    "remove",
    "why_not",
    "wrong_name",
]
