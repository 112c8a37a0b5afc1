"""What a call is charged by, as the store knows it: the prices, and the rules that say whose a call is."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from pricing.book import Book
from pricing.prices import Prices, prices_of
from store import prices, tenants
from store.records import PRICE_KINDS
from store.tenants import NO_BILLING, AttributionRule

# Records that change by what later calls are charged.
TERMS_KINDS = PRICE_KINDS | {"tenants", "attribution_rules"}


@dataclass(frozen=True)
class Terms:
    """One state of knowledge; read again when a commit brought other prices, tenants or rules."""

    prices: Prices
    attribution: tuple[AttributionRule, ...] = ()
    billing: pa.Table = field(default_factory=lambda: NO_BILLING)

    @property
    def tell_tenants_apart(self) -> bool:
        """Whether what a call costs us depends on whom it is for."""
        return self.billing.num_rows > 0 or any(
            one.tenant_id is not None for one in self.prices.records.agreements
        )

    def read_again(self, session: duckdb.DuckDBPyConnection) -> Terms:
        """The terms by what is recorded by now."""
        return load(session, self.prices.book)


def load(session: duckdb.DuckDBPyConnection, book: Book) -> Terms:
    """The terms by everything that is recorded. `book` knows the names of models: the shipped one, or one of other terms."""
    return Terms(
        prices_of(book, prices.records(session)),
        attribution=tenants.attribution_rules(session),
        billing=tenants.billing(session),
    )
