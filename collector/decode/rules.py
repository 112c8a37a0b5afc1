"""What the owner of this collector decided about how telemetry is read."""

from __future__ import annotations

from dataclasses import dataclass

from collector.conventions.dimensions import Dimensions, dimensions_of
from collector.privacy.policy import ContentPolicy, policy_of
from collector.settings import CollectorSettings


@dataclass(frozen=True)
class Rules:
    """Whose message content is kept, and which attributes are whose."""

    content: ContentPolicy
    dimensions: Dimensions


def rules_of(settings: CollectorSettings) -> Rules:
    """Raises ConfigError when a redaction cannot be used, ValueError when a dimension cannot."""
    return Rules(policy_of(settings), dimensions_of(settings))
