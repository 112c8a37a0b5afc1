"""Every mistake a person can make, as one tree.

A `UserError` is printed without a traceback and ends the command with exit code 3. Its text says what
happened, to what, and what to do next. Anything else that escapes is our bug and keeps its traceback.

    UserError
    ├── ConfigError        a setting, a flag or an environment variable
    ├── DataDirError       a data directory that is in use, unreadable, full, or from another version
    ├── ServerError        the store server or the receiver did not answer as it should
    ├── QueryError         a query that is unknown, refused or wrong
    │   └── NotSignedInError   without an access key that the server takes
    ├── SuiteError         a suite, a prompt file, a golden set or a run folder
    └── ProviderError      a model provider that cannot be used as configured
"""

from __future__ import annotations


class UserError(Exception):
    """A mistake outside the program, with the way out in its text."""


class ConfigError(UserError):
    """A setting, a flag or an environment variable."""


class DataDirError(UserError):
    """A data directory that is in use, unreadable, full, or from another version."""


class ServerError(UserError):
    """The store server or the receiver did not answer as it should."""


class QueryError(UserError):
    """A query that is unknown, refused or wrong."""


class NotSignedInError(QueryError):
    """A query without an access key that the server takes: none, a wrong one, or one that was revoked."""


class SuiteError(UserError):
    """A suite, a prompt file, a golden set or a run folder."""


class ProviderError(UserError):
    """A model provider that cannot be used as configured."""
