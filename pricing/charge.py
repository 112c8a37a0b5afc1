"""The SQL that charges a batch of calls: text, for whoever owns a database."""

from __future__ import annotations

from importlib.resources import files

CHARGE_SQL: str = (files("pricing") / "charge.sql").read_text(encoding="utf-8")
