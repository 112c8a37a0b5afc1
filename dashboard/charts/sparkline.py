"""A course without a scale, beside a figure: how it went, not how much. A small picture, where a figure would load a library."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

from dashboard.charts.parts import SKY

_HEIGHT = 20


def sparkline(values: Sequence[float | Decimal], shape: Literal["line", "bars"] = "line") -> str:
    """The values from zero up as an HTML image without words; empty when there is no course to see."""
    highest = max(values, default=0)
    if len(values) < 2 or not highest:
        return ""
    heights = [round(_HEIGHT * max(float(value), 0.0) / float(highest)) for value in values]
    drawn = _bars(heights) if shape == "bars" else _line(heights)
    # As a picture, because drawings within the text are taken out of it by Streamlit.
    return f'<img class="sparkline" alt="" src="data:image/svg+xml,{quote(drawn)}">'


def _line(heights: Sequence[int]) -> str:
    points = " ".join(f"{n},{_HEIGHT - height}" for n, height in enumerate(heights))
    line = f'<polyline points="{points}" fill="none" stroke="{SKY}" stroke-width="1.5" vector-effect="non-scaling-stroke"/>'
    return _svg(f"0 -1 {len(heights) - 1} {_HEIGHT + 2}", line)


def _bars(heights: Sequence[int]) -> str:
    drawn = "".join(f"M{n} {_HEIGHT}v-{height}h.8v{height}z" for n, height in enumerate(heights) if height)
    return _svg(f"0 0 {len(heights)} {_HEIGHT}", f'<path d="{drawn}" fill="{SKY}"/>')


def _svg(box: str, drawn: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" preserveAspectRatio="none">{drawn}</svg>'
