"""Which attributes cannot be a dimension: those that hold what people and models wrote, or a credential.

A dimension's values are stored, shown in lists and printed in reports whether or not content is captured, so a key that
would bring content there is refused when the settings are checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.privacy.content import is_content, names_credential
from errors import ConfigError

# Where SDKs put what their user says about a call. The whole may be anything and is not stored; one member that the
# owner names is judged by its own name.
_OWN_VALUES = (
    "ai.telemetry.metadata.",
    "ai.settings.context.",
    "langfuse.trace.metadata.",
    "langfuse.observation.metadata.",
    "langsmith.metadata.",
    "metadata.",
    "baggage.",
)


def refuse_content(dimensions: Mapping[str, Sequence[str]]) -> None:
    """Check the `dimensions` setting. Raises ConfigError that names the dimension and the key."""
    for name, keys in dimensions.items():
        for key in keys:
            attribute = _own_name(key.removeprefix("resource:").removeprefix("baggage:"))
            held = (
                "a credential"
                if names_credential(attribute)
                else "content"
                if is_content(attribute)
                else None
            )
            if held:
                raise ConfigError(
                    f"setting dimensions, {name}: the attribute {key!r} may hold {held}, and the values of a dimension are "
                    f'stored and shown. Name an attribute that holds an identifier, such as {name} = ["app.{name}_id"]'
                )


def _own_name(attribute: str) -> str:
    return next(
        (attribute.removeprefix(prefix) for prefix in _OWN_VALUES if attribute.startswith(prefix)), attribute
    )
