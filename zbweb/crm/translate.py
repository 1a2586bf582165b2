"""What the CRM's refusals mean: one table from its codes and statuses to our errors. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zbweb.crm.backoff import retry_after_seconds
from zbweb.crm.errors import (
    Answered,
    AuthExpired,
    ListTooLong,
    ModuleUnavailable,
    PermissionDenied,
    RateLimited,
    Refused,
    ScopeMissing,
    TokenExpired,
    Unavailable,
    ViewGone,
)

SCOPE_MISMATCH = "OAUTH_SCOPE_MISMATCH"

_BY_CODE: dict[str, type[Answered]] = {
    "INVALID_TOKEN": AuthExpired,
    "INVALID_OAUTHTOKEN": AuthExpired,
    "AUTHENTICATION_FAILURE": AuthExpired,
    SCOPE_MISMATCH: ScopeMissing,
    "NO_PERMISSION": PermissionDenied,
    "AUTHORIZATION_FAILED": PermissionDenied,
    "INVALID_MODULE": ModuleUnavailable,
    "MODULE_NOT_AVAILABLE": ModuleUnavailable,
    "CVID_NOT_SUPPORTED": ViewGone,
    "TOO_MANY_REQUESTS": RateLimited,
    "RATE_LIMIT_EXCEEDED": RateLimited,
    "TOKEN_BOUND_DATA_MISMATCH": TokenExpired,
    "EXPIRED_VALUE": TokenExpired,
    "PAGINATION_LIMIT_EXCEEDED": ListTooLong,
    "INTERNAL_ERROR": Unavailable,
    "INTERNAL_SERVER_ERROR": Unavailable,
}
_BY_STATUS: dict[int, type[Answered]] = {401: AuthExpired, 403: PermissionDenied, 429: RateLimited}
_BY_WRONG_PARAMETER: dict[str, type[Answered]] = {"page_token": TokenExpired, "cvid": ViewGone}

_SENTENCES: dict[type[Answered], str] = {
    AuthExpired: "Zoho CRM no longer accepts these credentials. Update the credentials of the integration.",
    ScopeMissing: "The credentials do not reach as far as {subject}. Connect again and accept every scope.",
    PermissionDenied: "The connected Zoho CRM user may not work with {subject}. Give the user access in Zoho CRM.",
    ModuleUnavailable: "Zoho CRM does not offer {subject}: it is hidden there or not part of the plan.",
    RateLimited: "Zoho CRM asks to slow down: its allowance of requests is used up for now. Try again later.",
    TokenExpired: "The place where reading {subject} stopped is no longer known to Zoho CRM. Start reading again.",
    ListTooLong: "Zoho CRM lists no more than 100,000 records of {subject}. Choose a smaller view.",
    ViewGone: "The chosen view of {subject} no longer exists in Zoho CRM. Choose another one.",
    Unavailable: "Zoho CRM has trouble of its own. Try again in a moment.",
    Refused: "Zoho CRM refused this request about {subject}.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The CRM's own words."""

    code: str
    said: str
    details: dict[str, Any]


def refusal_in(body: Any) -> Refusal | None:
    """The error object of an answer, at its top or alone in its list; None when the answer holds none."""
    if isinstance(body, Mapping) and "status" not in body:
        body = next(iter(body.values()), None)
        body = body[0] if isinstance(body, Sequence) and len(body) == 1 else None
    if not isinstance(body, Mapping) or body.get("status") != "error":
        return None
    details = body.get("details")
    return Refusal(
        code=str(body.get("code") or ""),
        said=str(body.get("message") or ""),
        details=dict(details) if isinstance(details, Mapping) else {},
    )


def error_of(status: int, refusal: Refusal | None, *, subject: str, retry_after: str | None, at: datetime) -> Answered:
    """The error for an answer that is none; `subject` names what was asked about, `at` is now."""
    refusal = refusal or Refusal(code="", said="", details={})
    kind = _kind(status, refusal)
    said = f' Its words: "{refusal.said}".' if kind is Refused and refusal.said else ""
    return kind(
        f"{_SENTENCES[kind].format(subject=subject)}{said} (HTTP {status}{refusal.code and ', '}{refusal.code})",
        code=refusal.code or None,
        crm_status=status,
        retry_after=retry_after_seconds(retry_after, at=at),
        details=refusal.details,
    )


def _kind(status: int, refusal: Refusal) -> type[Answered]:
    parameter = refusal.details.get("param_name") or refusal.details.get("api_name")
    if refusal.code == "INVALID_DATA" and str(parameter) in _BY_WRONG_PARAMETER:
        return _BY_WRONG_PARAMETER[str(parameter)]
    if refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    return _BY_STATUS.get(status, Unavailable if status >= 500 else Refused)
