"""What the sync refuses, as a tree. Each error carries the sentence that people read.

SyncError (409)
├── NotConnected      nothing may be said to the CRM: not connected, or disabled
├── Paused            the sync waits until somebody resumes it
├── AlreadyRunning    a run of this module is going on
├── CreditsLow        the CRM's allowance is nearly used up
├── SetupIncomplete   the five steps are not finished
├── Taken             the CRM organisation is connected to another organisation here
├── Unfit             the CRM organisation or its user does not meet what the integration needs
│   └── CurrencyMismatch (currency.py)
├── WouldReplace      another CRM organisation is connected; a person has to confirm the change
└── CannotUndo        something was built on what the run did
"""

from zbweb.errors import AppError


class SyncError(AppError):
    """Root of what the sync refuses."""

    status = 409


class NotConnected(SyncError):
    """There is no connection, or it is disabled."""

    def __init__(self, message: str = "Zoho CRM is not connected. Connect or enable it in Settings first.") -> None:
        super().__init__(message)


class Paused(SyncError):
    """The sync is paused."""

    def __init__(self, message: str = "The sync is paused. Choose Resume Sync first.") -> None:
        super().__init__(message)


class AlreadyRunning(SyncError):
    """A run is going on."""


class SetupIncomplete(SyncError):
    """The module has not been configured."""

    def __init__(self, message: str = "Customers are not configured yet. Choose Configure Now first.") -> None:
        super().__init__(message)


class CreditsLow(SyncError):
    """The CRM's allowance is nearly used up; what is left is kept for people."""

    def __init__(self, remaining: int) -> None:
        super().__init__(
            f"Zoho CRM allows only {remaining} more requests today, and the rest is kept for people. "
            "The next automatic sync goes on."
        )


class Taken(SyncError):
    """One CRM organisation is two-way with one organisation only."""


class Unfit(SyncError):
    """The CRM organisation, or the user of it, does not meet what the integration needs; nothing was saved."""

    status = 422


class WouldReplace(SyncError):
    """Another CRM organisation is connected; a person has to confirm that this one takes its place."""


class CannotUndo(SyncError):
    """The run cannot be undone (any more)."""
