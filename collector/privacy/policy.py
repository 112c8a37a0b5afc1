"""Whose message content is stored, and what is taken out of it first."""

from __future__ import annotations

from dataclasses import dataclass

from collector.privacy.analyzer import load_analyzer
from collector.privacy.dimensions import refuse_content
from collector.privacy.redact import Redactor
from collector.settings import EVERY_PROJECT, CollectorSettings


@dataclass(frozen=True)
class ContentPolicy:
    """What the owner of this collector decided about message content. Nothing is captured unless a project is named."""

    projects: frozenset[str]
    redactor: Redactor
    max_characters: int

    def captures(self, project: str) -> bool:
        """Whether message content of this project is stored."""
        return EVERY_PROJECT in self.projects or project in self.projects


def policy_of(settings: CollectorSettings) -> ContentPolicy:
    """Raises ConfigError when an own pattern or the analyser cannot be used, or a dimension would hold content."""
    refuse_content(settings.dimensions)
    analyzer = load_analyzer(settings.redact_analyzer) if settings.redact_analyzer else None
    redactor = Redactor(settings.redact_builtin, settings.redact_patterns, analyzer)
    return ContentPolicy(frozenset(settings.capture_projects), redactor, settings.capture_max_characters)
