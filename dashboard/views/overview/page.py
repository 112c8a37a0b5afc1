"""The Overview from top to bottom: key figures, what needs attention beside spend and failures, and who costs most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard import charts, formats, pieces, source
from dashboard.filters import Filters
from dashboard.formats import count
from dashboard.source import Row
from dashboard.views.overview import attending, key_figures, live, tops
from dashboard.views.overview.key_figures import Figures
from store.projects import DEMO_PROJECT

# All three rows of the page are to fit a screen of 900 pixels.
FIGURE_HEIGHT = 275  # pixels


def draw(filters: Filters) -> None:
    found = key_figures.read(filters)
    if not found.window["n_calls"]:
        _without_calls(filters)
        return
    is_live = live.is_on(filters)
    live.repeated(partial(_figures_of_now, filters), is_live)
    pieces.sampled(found.window)
    left, middle, right = st.columns([1.15, 1, 0.95], gap="small")
    with left:
        _spend(filters, found)
    with middle:
        _requests(found)
    buckets = [row["bucket_at"] for row in found.buckets]
    listed = tops.dimensions(filters)
    for column, dimension in zip(st.columns(len(listed), gap="small"), listed, strict=True):
        with column:
            tops.draw(filters, dimension, buckets)
    _footer(filters, found.window)
    # Last, so that nothing waits for it: it is looked for once a minute, and takes as long as the rest of the page.
    with right:
        attending.draw(filters, is_live)


def _figures_of_now(filters: Filters) -> None:
    now = live.of_now(filters)
    key_figures.draw(key_figures.read(now), now.compared_with)


def _spend(filters: Filters, found: Figures) -> None:
    buckets = [row["bucket_at"] for row in found.buckets]
    by = filters.by or "model"
    rows = tops.spent(filters, by)
    title, note = f"Spend by {formats.dimension(by)}", f"US dollars per {charts.bucket_width(buckets)}"
    if not rows:
        with pieces.card(title, note):
            st.caption("No call in this window could be priced. Setup lists the models without a price.")
        return
    in_order: Sequence[str] = filters.models_in_order if by == "model" else ()
    picture = charts.spend_over_time(rows, buckets, in_order, by)
    picture.figure.update_layout(height=FIGURE_HEIGHT)
    pieces.chart(title, picture, key="spend-over-time", note=note)


def _requests(found: Figures) -> None:
    width = charts.bucket_width([row["bucket_at"] for row in found.buckets])
    picture = charts.requests_and_errors(found.buckets, charts.ERROR_OBJECTIVE)
    picture.figure.update_layout(height=FIGURE_HEIGHT)
    pieces.chart(
        "Requests and share failed",
        picture,
        key="requests-and-errors",
        note=f"per {width}, n {count(found.window['n_calls'])}",
    )


def _footer(filters: Filters, totals: Row) -> None:
    shown = filters.window
    pieces.footer(
        f"latency of {count(totals['n_timed'])} calls that succeeded, cache hits excluded",
        formats.beside(totals).rstrip("."),
        pieces.price_book(filters.project, shown.since, shown.until),
        data_up_to=totals["last_started_at"],
        window=shown,
        left_out=f"{count(totals['n_unpriced'])} unpriced and {count(totals['n_no_usage'])} without usage "
        "are not in spend",
    )


def _without_calls(filters: Filters) -> None:
    """Either nothing has arrived yet, or the filters leave nothing: then what needs attention may say why."""
    extent = source.read_one("extent", filters.project)
    if not extent["n_calls"]:
        _nothing_yet(filters)
        return
    pieces.nothing_matches(filters.described)
    pieces.footer(
        f"newest call {formats.moment_exact(extent['last_started_at'])}",
        window=filters.window,
    )
    attending.draw(filters, is_live=False)


def _nothing_yet(filters: Filters) -> None:
    with st.container(border=True):
        st.markdown("## :material/inbox: No calls yet")
        st.markdown(
            f"Nothing has arrived in project **{formats.plain(filters.project)}**. Point an OpenTelemetry "
            "exporter at this machine, or load the demo data:"
        )
        st.code("export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\nsteelyard demo", language="bash")
        pieces.link(
            "setup",
            "Open Setup: snippets, and whether data is flowing",
            ":material/cable:",
            project=filters.project,
        )
        if filters.project != DEMO_PROJECT and DEMO_PROJECT in source.projects():
            pieces.link("overview", "Look at the demo data", ":material/science:", project=DEMO_PROJECT)
