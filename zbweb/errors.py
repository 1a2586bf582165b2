"""What can go wrong, as a tree. Each error carries the sentence that people read and the HTTP status.

    AppError
    ├── NotFound            404  the record is not here (or not this organisation's)
    ├── NotAllowed          403  the person's role does not reach this far
    ├── Conflict            409  the record's state forbids it
    │   └── Stale           409  somebody saved it meanwhile
    ├── Invalid             422  values that cannot be accepted, by field
    ├── ConfigError         500  the environment holds nonsense
    └── zbweb.crm.errors.CrmError, zbweb.sync.errors.SyncError

A sentence says what happened and what to do. Constructors do nothing else.
"""

from collections.abc import Mapping


class AppError(Exception):
    """Root of every error that a person may be shown."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(AppError):
    """There is no such record for this organisation."""

    status = 404


class NotAllowed(AppError):
    """The signed-in person's role does not permit this."""

    status = 403


class Conflict(AppError):
    """The present state of the record forbids what was asked."""

    status = 409


class Stale(Conflict):
    """Somebody else saved the record since this person opened it."""


class Invalid(AppError):
    """Values that cannot be accepted; `fields` maps a field's name to its sentence."""

    status = 422

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class ConfigError(AppError):
    """An environment variable holds a value that makes no sense."""
