"""The entry script of the dashboard: navigation, the filters above every page, and one place for failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import pieces, sign_in
from dashboard.filters import CannotNarrowError, Filters, toolbar
from dashboard.places import PLACES, Place
from dashboard.saved.menu import menu
from dashboard.visitor import Visitor
from errors import NotSignedInError, UserError
from store.projects import DEMO_PROJECT

# A local picture: a Material icon here would make the browser fetch it from another host.
ICON = Path(__file__).parent / "icon.png"


def main() -> None:
    st.set_page_config(page_title="Steelyard", page_icon=str(ICON), layout="wide")
    st.html(pieces.CSS)
    drawn: list[Filters] = []
    visiting = sign_in.find()
    # Before anybody is signed in too: the address must go on naming the page that they came for.
    page = st.navigation(_pages(drawn, visiting), position="top" if visiting else "hidden")
    if visiting is None:
        sign_in.draw()
        return
    sign_in.draw_visitor()
    place = next(place for place in PLACES if place.title == page.title)
    try:
        fields = [field for every in PLACES for field in every.own]
        drawn.append(toolbar(place.title, place.shows, place.own, fields))
        menu(place, drawn[0], PLACES)
        if drawn[0].project == DEMO_PROJECT:
            st.warning(
                "Demo data – generated, not measured. Remove it with `steelyard demo --remove`",
                icon=":material/science:",
            )
        page.run()
    except NotSignedInError as refused:
        sign_in.ask_again()
        pieces.cannot_read(refused)
    except CannotNarrowError as asked:
        pieces.cannot_narrow(asked)
    except UserError as mistake:
        pieces.cannot_read(mistake)


def _pages(drawn: list[Filters], visiting: Visitor | None) -> list[StreamlitPage]:
    """Every page, which draws itself with the filters that are in `drawn` by then.

    Those that show nothing to who visits are not offered.
    """

    def drawing(place: Place) -> Callable[[], None]:
        return lambda: place.draw(drawn[0])

    first, *others = PLACES
    return [
        st.Page(drawing(first), title=first.title, icon=first.icon, url_path="", default=True),
        *(
            st.Page(
                drawing(place),
                title=place.title,
                icon=place.icon,
                url_path=place.path,
                visibility="visible" if _is_offered(place, visiting) else "hidden",
            )
            for place in others
        ),
        # The default page answers at `/` only; this one makes `/overview` work too.
        st.Page(drawing(first), title=first.title, url_path=first.path, visibility="hidden"),
    ]


def _is_offered(place: Place, visiting: Visitor | None) -> bool:
    return place.needs is None or visiting is None or visiting.may(place.needs)


main()
