"""Budgets in words."""

from __future__ import annotations

from decimal import Decimal

from dashboard.formats import in_dimension
from store.dimensions import short_name


def of_whom(dimension: str | None, value: str) -> str:
    """Whose budget it is: `everything`, `tenant acme`, `no tenant`."""
    if dimension is None:
        return "everything"
    name = in_dimension(value, dimension)
    return f"{short_name(dimension).replace('_', ' ')} {name}" if value else name


def percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"
