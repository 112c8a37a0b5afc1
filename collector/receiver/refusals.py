"""Why a request is refused for good: each reason with its HTTP status and its google.rpc code.

Anything else that goes wrong is our own trouble (SpoolFullError, OSError), which a client should try again.
"""

from __future__ import annotations

# google.rpc.Code, as far as a collector answers with it.
INVALID_ARGUMENT = 3
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
UNAVAILABLE = 14
UNAUTHENTICATED = 16


class BadRequestError(Exception):
    """The request cannot be read; sending it again would not help."""

    status_code = 400
    code = INVALID_ARGUMENT


class UnsupportedError(BadRequestError):
    """A content type or encoding that this server does not take."""

    status_code = 415
    code = UNIMPLEMENTED


class TooLargeError(BadRequestError):
    """Over the body limit, before or after decompression."""

    status_code = 413
    code = RESOURCE_EXHAUSTED


class UnauthenticatedError(BadRequestError):
    """No access key where one is needed, or one that is not known."""

    status_code = 401
    code = UNAUTHENTICATED


class ForbiddenError(BadRequestError):
    """A known access key that does not allow this."""

    status_code = 403
    code = PERMISSION_DENIED
