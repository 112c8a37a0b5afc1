"""Providers by name: a file here is one (`openai`, `fake`); `my.module:Provider` is a user's own.

Each module offers a class `Provider` built from `Options` and satisfying `gateway.gateway.Provider`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path

from errors import ProviderError
from gateway.gateway import Provider


@dataclass(frozen=True)
class Options:
    """How to reach a provider. `timeout_s` bounds one attempt; `max_connections` is the run's concurrency."""

    base_url: str | None = None
    timeout_s: float = 60.0
    max_connections: int = 16


def names() -> list[str]:
    """The providers that ship with Steelyard."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str, options: Options) -> Provider:
    """The provider of this name, ready to use. Raises ProviderError when there is none or it has no key."""
    module_name, _, attribute = name.partition(":")
    if attribute:
        return _load_own(module_name, attribute, options)
    if name not in names():
        raise ProviderError(
            f"no provider is named {name!r}. There are: {', '.join(names())}; your own is written "
            "`my.module:Provider`. `--provider fake` needs no network and no key."
        )
    provider: Provider = importlib.import_module(f"{__name__}.{name}").Provider(options)
    return provider


def _load_own(module_name: str, attribute: str, options: Options) -> Provider:
    # An installed script does not have the working directory on its path; last, so it shadows nothing.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        if importlib.util.find_spec(module_name) is None:
            raise ModuleNotFoundError(module_name)
    except ModuleNotFoundError:
        raise ProviderError(
            f"provider `{module_name}:{attribute}`: no module {module_name!r} from {Path.cwd()}. "
            "Run the command where the module can be imported, or install it beside Steelyard."
        ) from None
    factory = getattr(importlib.import_module(module_name), attribute, None)
    if factory is None:
        raise ProviderError(
            f"provider `{module_name}:{attribute}`: the module has no {attribute!r}. Correct the name."
        )
    provider: Provider = factory(options)
    return provider
