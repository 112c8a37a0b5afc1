"""What calls can be grouped and filtered by: the names, as the queries of this folder take them in `$by` and `$dimension`.

Eleven are columns of the view `calls` (store/views/dimension.sql); any other name is looked up in its `dims`.
"""

from __future__ import annotations

import re

# Name -> how people shorten it, on the command line and in addresses.
BUILT_IN = {
    "tenant_id": "tenant",
    "user_id": "user",
    "session_id": "session",
    "feature": "feature",
    "environment": "environment",
    "model": "model",
    "provider": "provider",
    "service_name": "service",
    "prompt_name": "prompt",
    "agent_name": "agent",
    "emitter": "emitter",
}
_CUSTOM = re.compile(r"[a-z][a-z0-9_]{0,39}")


def is_dimension_name(name: str) -> bool:
    """Whether this can name a dimension of one's own: lower-case snake case, at most 40 characters."""
    return _CUSTOM.fullmatch(name) is not None


def dimension_named(name: str) -> str:
    """A dimension as the queries call it: `tenant` is `tenant_id`; what is not built in stays as it is."""
    return next((full for full, short in BUILT_IN.items() if name == short), name)


def short_name(dimension: str) -> str:
    """As people call it: `tenant_id` is `tenant`."""
    return BUILT_IN.get(dimension, dimension)
