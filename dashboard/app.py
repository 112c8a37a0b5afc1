"""The entry script of the dashboard: navigation, the filters above every page, and one place for failures."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import pieces
from dashboard.filters import Filters, toolbar
from dashboard.views import gates, overview, setup, spend
from errors import UserError
from store.projects import DEMO_PROJECT

# A local picture: a Material icon here would make the browser fetch it from another host.
ICON = Path(__file__).parent / "icon.png"


def main() -> None:
    st.set_page_config(page_title="Steelyard", page_icon=str(ICON), layout="wide")
    st.html(pieces.CSS)
    drawn: list[Filters] = []
    pages = {
        "Overview": st.Page(
            lambda: overview.draw(drawn[0]),
            title="Overview",
            icon=":material/monitoring:",
            url_path="",
            default=True,
        ),
        "Spend": st.Page(
            lambda: spend.draw(drawn[0]), title="Spend", icon=":material/payments:", url_path="spend"
        ),
        "Gates": st.Page(
            lambda: gates.draw(drawn[0]), title="Gates", icon=":material/verified:", url_path="gates"
        ),
        "Setup": st.Page(
            lambda: setup.draw(drawn[0]), title="Setup", icon=":material/cable:", url_path="setup"
        ),
    }
    # The default page answers at `/` only; this one makes `/overview` work too.
    alias = st.Page(
        lambda: overview.draw(drawn[0]), title="Overview", url_path="overview", visibility="hidden"
    )
    page = st.navigation([*pages.values(), alias], position="top")
    try:
        drawn.append(
            toolbar(
                page.title,
                shows_range=page.title == "Overview",
                shows_month=page.title == "Spend",
                shows_run=page.title == "Gates",
            )
        )
        if drawn[0].project == DEMO_PROJECT:
            st.warning(
                "Demo data – generated, not measured. Remove it with `steelyard demo --remove`",
                icon=":material/science:",
            )
        page.run()
    except UserError as mistake:
        pieces.cannot_read(mistake)


main()
