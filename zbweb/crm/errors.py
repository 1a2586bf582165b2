"""What can go wrong with the CRM, as a tree. Class attributes say what to do; constructors only store.

    CrmError                   retryable: the same call may succeed later
    ├── NotAsked               the CRM did not hear us
    │   ├── Unreachable        no connection, or it broke                        retryable
    │   └── TimedOut           no answer in time                                 retryable
    ├── AnswerLost             a write was sent and its answer never came: look before writing again
    └── Answered               the CRM said no
        ├── MalformedAnswer    what it said cannot be read                       retryable
        ├── Unavailable        it has trouble of its own (5xx)                   retryable
        ├── RateLimited        too many requests (429, token throttle)           retryable
        ├── Unauthorised       the credential does not open the door
        │   ├── AuthExpired    access was withdrawn
        │   ├── CredentialsRefused   client, code or refresh token is wrong
        │   │   └── WrongKey   e-mail and ZSC key do not belong together
        │   └── CredentialsUnreadable   stored, but encrypted with a key we no longer have
        ├── ScopeMissing       the credential was granted too little
        ├── PermissionDenied   the CRM user may not do this
        ├── ModuleUnavailable  the module is hidden, or not in this edition
        ├── ViewGone           the view no longer exists
        ├── TokenExpired       a page token too old, or from another question
        ├── ListTooLong        more records than pages reach: export them instead
        └── Refused            anything else; `code` and `details` are the CRM's own

`message` is for people, `code` and `crm_status` are the CRM's own words for whoever looks closer.
"""

from typing import Any

from zbweb.errors import AppError


class CrmError(AppError):
    """A call to the CRM that brought no result."""

    status = 502
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        crm_status: int | None = None,
        retry_after: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.crm_status = crm_status
        self.retry_after = retry_after
        self.details = details or {}

    @property
    def word(self) -> str:
        """What it is called where it is kept: the CRM's code, or the kind of error where the CRM gave none."""
        return self.code or type(self).__name__


class NotAsked(CrmError):
    """The question did not reach the CRM, or was harmless enough to be asked again."""

    status = 504
    retryable = True


class Unreachable(NotAsked):
    """No connection to the CRM, or it broke."""


class TimedOut(NotAsked):
    """The CRM did not answer in time."""


class AnswerLost(CrmError):
    """A write was sent and its answer never came: it may have been carried out. Look before writing again."""

    status = 504


class Answered(CrmError):
    """The CRM answered, but not with what was asked for."""


class MalformedAnswer(Answered):
    """The CRM's answer is not in the form its contract promises."""

    retryable = True


class Unavailable(Answered):
    """The CRM has trouble of its own."""

    status = 503
    retryable = True


class RateLimited(Answered):
    """Too many requests; `retry_after` seconds when known."""

    status = 503
    retryable = True


class Unauthorised(Answered):
    """The credential does not open the door; a person has to act."""

    status = 409


class AuthExpired(Unauthorised):
    """The CRM no longer accepts the access it once gave."""


class CredentialsRefused(Unauthorised):
    """Client id, client secret, code or refresh token is wrong."""

    status = 422


class WrongKey(CredentialsRefused):
    """The e-mail address and the ZSC key do not belong together."""


class CredentialsUnreadable(Unauthorised):
    """The stored credential was encrypted with a key that is no longer configured."""


class ScopeMissing(Answered):
    """The credential was granted too little for this call."""

    status = 409


class PermissionDenied(Answered):
    """The CRM user of the credential may not do this."""

    status = 409


class ModuleUnavailable(Answered):
    """The CRM has no such module for us: hidden, or not part of its edition."""

    status = 409


class ViewGone(Answered):
    """The chosen view was deleted in the CRM, or is no longer shared with us."""

    status = 409


class TokenExpired(Answered):
    """A page token that is too old or belongs to another question: begin again from the first page."""

    status = 409


class ListTooLong(Answered):
    """The list goes on beyond the 100,000 records that pages reach; an export has no such end."""

    status = 409


class Refused(Answered):
    """The CRM refused for a reason of its own; see `code` and `details`."""

    status = 422
