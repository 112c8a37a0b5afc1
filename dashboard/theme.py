"""How Streamlit is set up for us: its options as data, so that `serve` and the browser tests agree."""

from __future__ import annotations

from typing import Any

# Nothing may leave the machine, and nothing may watch or change files.
SERVER: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
    "logger.hideWelcomeMessage": True,
    "runner.magicEnabled": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
}

_SHARED: dict[str, Any] = {
    "baseFontSize": 14,
    "baseRadius": "0.4rem",
    "headingFontSizes": ["1.45rem", "1.2rem", "1.05rem", "1rem", "0.95rem", "0.9rem"],
    "metricValueFontSize": "1.45rem",
    "paddingBottom": "2rem",
    "paddingTop": "0.9rem",
    "showWidgetBorder": True,
}

# Text and greys meet 4.5:1 on their background, captions (which Streamlit fades) included.
_LIGHT: dict[str, Any] = {
    "backgroundColor": "#FFFFFF",
    "borderColor": "#D8DCE3",
    "dataframeHeaderBackgroundColor": "#F7F8FA",
    "grayTextColor": "#4A5567",
    "greenTextColor": "#0A6B45",
    "orangeTextColor": "#8A4B00",
    "primaryColor": "#0059B3",
    "redTextColor": "#A81E2B",
    "secondaryBackgroundColor": "#F4F6F9",
    "textColor": "#0B1220",
}
_DARK: dict[str, Any] = {
    "backgroundColor": "#0D1117",
    "borderColor": "#2D3542",
    "dataframeHeaderBackgroundColor": "#141A23",
    "grayTextColor": "#A9B4C4",
    "primaryColor": "#58A6FF",
    "secondaryBackgroundColor": "#161C26",
    "textColor": "#F0F4FA",
}

OPTIONS: dict[str, Any] = {
    **SERVER,
    **{f"theme.{name}": value for name, value in _SHARED.items()},
    **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in _DARK.items()},
}
