"""The pages there are. To add one, add a module to `views` and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.roles import Right
from dashboard.filters import RUN, Filters, Own
from dashboard.views import evals, gates, overview, reliability, sessions, setup, spend, sql, traces

# What narrows calls, wherever calls are counted over a range.
CALLS = frozenset({"range", "env", "tenant", "model", "prompt", "dim", "by"})


@dataclass(frozen=True)
class Place:
    """A page: `shows` are the filters above it, `own` the fields that its address has besides."""

    title: str
    path: str
    icon: str
    draw: Callable[[Filters], None]
    shows: frozenset[str] = frozenset()
    own: tuple[Own, ...] = ()
    # The right without which it shows nothing; None = everybody may look.
    needs: Right | None = None


PLACES = (
    Place("Overview", "overview", ":material/monitoring:", overview.draw, CALLS, own=(overview.LIVE,)),
    Place(
        "Spend",
        "spend",
        ":material/payments:",
        spend.draw,
        CALLS - {"range"} | {"month"},
        own=(Own("open", "Open row", visible=False), Own("split", "Taken apart by", visible=False)),
    ),
    Place(
        "Reliability",
        "reliability",
        ":material/network_check:",
        reliability.draw,
        CALLS,
        reliability.OWN,
    ),
    Place("Traces", "traces", ":material/account_tree:", traces.draw, CALLS - {"by"}, traces.OWN),
    Place("Sessions", "sessions", ":material/forum:", sessions.draw, CALLS - {"by"}, sessions.OWN),
    Place(
        "Prompts & evals",
        "evals",
        ":material/compare_arrows:",
        evals.draw,
        CALLS - {"by"},
        own=evals.OWN,
    ),
    Place("Gates", "gates", ":material/verified:", gates.draw, own=(RUN,)),
    Place("SQL", "sql", ":material/terminal:", sql.draw, own=sql.OWN, needs="sql"),
    Place("Setup", "setup", ":material/cable:", setup.draw, needs="pipeline"),
)
