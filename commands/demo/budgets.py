"""What the demo's tenants may spend a month: one of them goes beyond it, one is about to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from commands.demo.story import Edition

# US dollars a month per 50,000 calls of an edition; None = the whole project.
_MONTHLY_USD: Mapping[str | None, int] = MappingProxyType(
    {None: 300, "hooli": 60, "globex": 60, "initech": 60, "acme": 20, "umbrella": 25}
)
_OF_CALLS = 50_000


def records(edition: Edition) -> list[Mapping[str, object]]:
    """The budgets of an edition, as records; in force from its first month on."""
    return [
        {
            "budget_key": f"demo budget of {tenant or 'everything'}, {edition.name}",
            "dimension": "tenant_id" if tenant else None,
            "dimension_value": tenant,
            "valid_from": edition.since.date().replace(day=1).isoformat(),
            "status": "set",
            "monthly_usd": f"{Decimal(usd) * edition.calls / _OF_CALLS:.2f}",
            "soft_share": "0.8",
            "hard_share": "1",
            "recorded_at": f"{edition.since:%Y-%m-%dT%H:%M:%SZ}",
            "recorded_by": "demo",
        }
        for tenant, usd in _MONTHLY_USD.items()
    ]
