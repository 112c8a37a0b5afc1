"""Who sends a request: the one place that decides on whose behalf something is stored."""

from __future__ import annotations

from collections.abc import Mapping

from collector import keyring
from collector.keyring import Keyring
from collector.keys import Caller
from collector.receiver.refusals import BadRequestError, ForbiddenError, UnauthenticatedError
from collector.settings import CollectorSettings

# An ingest key writes telemetry and the records of eval runs; what removes data asks for more.
_WRITERS = ("ingest", "admin", "owner")
_ADMIN_RECORDS = (
    "erasures",
    "tenants",
    "attribution_rules",
    "rate_cards",
    "agreements",
    "fx_rates",
    "pricing_runs",
    "periods",
)
_ADMINS = ("admin", "owner")


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
        try:
            caller = self._keyring.caller(headers)
        except keyring.UnauthenticatedError as refused:
            raise UnauthenticatedError(str(refused)) from None
        except keyring.ForbiddenError as refused:
            raise ForbiddenError(str(refused)) from None
        except keyring.NotAProjectError as refused:
            raise BadRequestError(str(refused)) from None
        except keyring.KeysUnreadableError as trouble:
            raise KeysUnreadableError(0, str(trouble)) from None
        if caller.role not in _WRITERS:
            raise ForbiddenError(
                f"access key {caller.key_id} has the role {caller.role!r}, which sends nothing; use one with the role "
                "'ingest' (`steelyard keys add --role ingest`)"
            )
        return caller

    def of_records(self, kind: str, headers: Mapping[str, str]) -> Caller:
        """The sender of records of this kind. Raises as `of` does."""
        caller = self.of(headers)
        if kind in _ADMIN_RECORDS and caller.role not in _ADMINS:
            raise ForbiddenError(
                f"access key {caller.key_id} has the role {caller.role!r}; records of kind {kind!r} need an admin key"
            )
        return caller
