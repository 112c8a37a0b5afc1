"""Whether the server at the other end of a TLS connection is the right one.

Three cases, none of which skips the check:
- the server of a data directory on this machine: exactly the certificate that it serves. Its name is that of the
  machine for the rest of the world, never 127.0.0.1, so the certificate itself is compared instead of a name;
- any other, with `$STEELYARD_TLS_CA` (or setting `tls_ca`): certificates for its name by those authorities;
- any other: certificates for its name by the system's authorities.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from errors import ConfigError

# What httpx takes as `verify`; False only where there is no TLS to verify.
Verification = ssl.SSLContext | bool

TLS_CA = "STEELYARD_TLS_CA"

_FIRST_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)


def verification(
    url: str, *, certificate: Path | None = None, authorities: Path | None = None
) -> Verification:
    """What httpx takes as `verify` for this URL. `certificate` is the file of the one that the server must have.

    Raises ConfigError when a file cannot be used.
    """
    if not url.lower().startswith("https:"):
        return False  # no TLS, nothing to verify; loading authorities would cost every command 20 ms
    if certificate is not None:
        return exactly(certificate)
    named = authorities or os.environ.get(TLS_CA)
    try:
        return ssl.create_default_context(cafile=str(named) if named else None)
    except (OSError, ssl.SSLError) as unusable:
        raise ConfigError(
            f"{TLS_CA} = {named}: no authorities can be read there ({unusable.strerror or unusable}). "
            "Name a PEM file of certificates."
        ) from None


def exactly(certificate: Path) -> ssl.SSLContext:
    """Trust the first certificate of this PEM file and nothing else, whatever the host is called."""
    try:
        first = _FIRST_CERTIFICATE.search(certificate.read_text("ascii", "replace"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        # Without this flag only a root would do: here the server's own certificate is the whole chain.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=first.group() if first else "")
    except (OSError, ValueError, ssl.SSLError) as unusable:
        raise ConfigError(
            f"{certificate} cannot be used as the server's certificate: {unusable}. Name a PEM file (tls_cert)."
        ) from None
    return context
