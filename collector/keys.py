"""Who is calling: what the access key of a request is bound to."""

from __future__ import annotations

from dataclasses import dataclass

from store.projects import DEFAULT_PROJECT


@dataclass(frozen=True)
class Caller:
    """Whom data comes from or goes to. The default is a program on this machine, where no key is needed."""

    project: str = DEFAULT_PROJECT
    key_id: str = ""
    # What the key is bound to beside its project; "" where it is not.
    tenant: str = ""
    environment: str = ""
