"""Who sends a request: the one place that decides on whose behalf something is stored."""

from __future__ import annotations

from collections.abc import Mapping

from collector import keyring
from collector.keyring import Keyring
from collector.keys import Caller
from collector.receiver.refusals import BadRequestError, ForbiddenError, UnauthenticatedError
from collector.roles import roles_with
from collector.settings import CollectorSettings

# An ingest key writes telemetry and the records of eval runs; what removes data asks for more.
_ADMIN_RECORDS = (
    "erasures",
    "tenants",
    "attribution_rules",
    "rate_cards",
    "agreements",
    "fx_rates",
    "pricing_runs",
    "periods",
    "budgets",
)
# What people keep of the pages: written by who looks at them, and by no program that sends telemetry.
_PEOPLES_RECORDS = ("saved",)


class KeysUnreadableError(OSError):
    """The key file is damaged: our own trouble, so the sender is told to come again."""

    def __str__(self) -> str:
        return str(self.strerror)


class Callers:
    """Tells the sender of a request from its headers (HTTP) or metadata (gRPC), names in lower case."""

    def __init__(self, settings: CollectorSettings) -> None:
        self._keyring = Keyring.of(settings)

    def of(self, headers: Mapping[str, str]) -> Caller:
        """The sender, who may write telemetry. Cheap enough to ask before the body is read.

        Raises UnauthenticatedError (401), ForbiddenError (403), BadRequestError (400: not a project name) and
        KeysUnreadableError, an OSError (503).
        """
        caller = self._known(headers)
        if not caller.may("send"):
            raise ForbiddenError(
                f"{caller.described} sends nothing; use a key with the role "
                "'ingest' (`steelyard keys add --role ingest`)"
            )
        return caller

    def _known(self, headers: Mapping[str, str]) -> Caller:
        try:
            return self._keyring.caller(headers)
        except keyring.UnauthenticatedError as refused:
            raise UnauthenticatedError(str(refused)) from None
        except keyring.ForbiddenError as refused:
            raise ForbiddenError(str(refused)) from None
        except keyring.NotAProjectError as refused:
            raise BadRequestError(str(refused)) from None
        except keyring.KeysUnreadableError as trouble:
            raise KeysUnreadableError(0, str(trouble)) from None

    def _person(self, headers: Mapping[str, str]) -> Caller:
        """Who keeps something under a name, in the project that is theirs."""
        caller = self._known(headers)
        if not caller.may("save"):
            raise ForbiddenError(
                f"{caller.described} saves nothing for others; it takes one of the roles {roles_with('save')}"
            )
        # It would show in the menu of everybody in the project, and a tenant's people see nothing of theirs.
        if caller.tenant or caller.environment:
            raise ForbiddenError(
                f"{caller.described} is bound to a tenant or an environment; what is saved is for a whole project"
            )
        return caller

    def of_records(self, kind: str, headers: Mapping[str, str]) -> Caller:
        """The sender of records of this kind. Raises as `of` does."""
        if kind in _PEOPLES_RECORDS:
            return self._person(headers)
        caller = self.of(headers)
        if kind in _ADMIN_RECORDS and not caller.may("administer"):
            raise ForbiddenError(f"{caller.described}: records of kind {kind!r} need an admin key")
        return caller
