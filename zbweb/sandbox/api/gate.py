"""What stands before and after every API call: faults, tokens, scopes, allowance, the log of calls."""

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from zbweb.sandbox import oauth
from zbweb.sandbox.api.answers import ApiError, answer, invalid_module
from zbweb.sandbox.faults import WRITES, Failure
from zbweb.sandbox.members import Member
from zbweb.sandbox.oauth import TokenKind
from zbweb.sandbox.organisation import Plan
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import Sandbox, current_sandbox
from zbweb.sandbox.traffic import Call, stopwatch

AUTH_SCHEME = "Zoho-oauthtoken "
HEAVY = "heavy"
HEAVY_LIMIT = 10
_MESSAGES = {
    400: ("INVALID_DATA", "invalid data"),
    401: ("INVALID_TOKEN", "invalid oauth token"),
    403: ("NO_PERMISSION", "permission denied"),
    404: ("INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"),
    429: ("TOO_MANY_REQUESTS", "You have crossed the allowed number of API calls. Please try again later."),
    500: ("INTERNAL_ERROR", "Internal Server Error"),
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls in 24 hours, and at one moment."""

    base: int
    for_each_user: int
    at_once: int


_ALLOWANCES = {
    Plan.FREE: Allowance(5_000, 0, 5),
    Plan.STANDARD: Allowance(50_000, 250, 10),
    Plan.PROFESSIONAL: Allowance(50_000, 500, 15),
    Plan.ENTERPRISE: Allowance(50_000, 1_000, 20),
}
_LARGEST = Allowance(50_000, 2_000, 25)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token the call carries, and what it may do."""

    member: Member
    scope: str


def install(app: Flask) -> None:
    """Put the gate around every path of the API and of the token endpoint; pages and control stay free."""
    app.before_request(_open)
    app.after_request(_close)
    app.teardown_request(_leave)
    app.register_error_handler(ApiError, _refusal)


def caller() -> Caller:
    return g.caller  # type: ignore[no-any-return]


def require(*needed: str) -> None:
    """Every one of these scopes must be covered by the token."""
    if not all(oauth.covers(caller().scope, scope) for scope in needed):
        raise ApiError("OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", status=401)


def record_module(name: str, operation: str) -> Module:
    """The module of a record call, when it exists and the caller may use it."""
    sandbox = current_sandbox()
    if not sandbox.catalog.has_records(name):
        raise invalid_module(0)
    require(f"ZohoCRM.modules.{name}.{operation}")
    if name in sandbox.faults.forbid_module:
        right = "View" if operation == "READ" else "Edit"
        details = {"permissions": [f"Crm_Implied_{right}_{name}"]}
        raise ApiError("NO_PERMISSION", "permission denied", details, status=403)
    return sandbox.catalog.module(name)


def charge(credits: int) -> None:
    """What this call costs of the day's allowance, where it is not one."""
    g.credits = credits


def occupy(lane: str = HEAVY) -> None:
    """Heavy calls (views, sorting, COQL, large writes) share a narrower lane of ten at once."""
    sandbox = current_sandbox()
    g.lanes.append(lane)
    limit = HEAVY_LIMIT if sandbox.faults.concurrency is None else sandbox.faults.concurrency
    if sandbox.traffic.enter(lane) > limit:
        raise _too_many("You have exceeded the sub-concurrency limit of this API. Please try again later.")


def _is_api() -> bool:
    """Is this a call of the API? One address beside it is where people see a record."""
    return request.path.startswith("/crm/") and not request.path.startswith("/crm/tab/")


def _is_guarded() -> bool:
    return _is_api() or request.path.startswith("/oauth/v2/token")


def _open() -> Response | None:
    g.lanes, g.credits, g.is_dropped = [], 1, False
    if not _is_guarded():
        return None
    g.started, g.wall = stopwatch(), time.time()
    sandbox = current_sandbox()
    is_api = _is_api()
    if is_api and sandbox.faults.take("drop_connections"):
        return _drop()
    if sandbox.faults.latency_ms:
        time.sleep(sandbox.faults.latency_ms / 1000)
    failure = sandbox.faults.take_failure(request.method, request.path, after_applying=False)
    if failure is not None:
        raise _failed(failure)
    if is_api:
        _admit(sandbox)
    return None


def _admit(sandbox: Sandbox) -> None:
    g.caller = _identify(sandbox)
    if _credits_left(sandbox) <= 0:
        raise _too_many("You have used all API credits of the last 24 hours. Please try again later.")
    limit = sandbox.faults.concurrency
    if limit is None:
        limit = _ALLOWANCES.get(sandbox.organisation.paid_type, _LARGEST).at_once
    g.lanes.append("all")
    if sandbox.traffic.enter("all") > limit:
        raise _too_many("You have reached the concurrency limit of the user for the app. Please try again later.")


def _identify(sandbox: Sandbox) -> Caller:
    header = request.headers.get("Authorization", "")
    if not header.startswith(AUTH_SCHEME):
        raise ApiError("AUTHENTICATION_FAILURE", "Authentication failed", status=401)
    with sandbox.reading() as connection:
        token = oauth.find_token(connection, header.removeprefix(AUTH_SCHEME).strip(), TokenKind.ACCESS)
    if token is None or not token.is_alive(sandbox.clock.now()):
        raise ApiError("INVALID_TOKEN", "invalid oauth token", status=401)
    member = sandbox.members.get(token.user_id)
    if member is None or not member.is_active:
        raise ApiError("AUTHENTICATION_FAILURE", "Authentication failed", status=401)
    return Caller(member, token.scope)


def _pool(sandbox: Sandbox) -> int:
    allowance = _ALLOWANCES.get(sandbox.organisation.paid_type, _LARGEST)
    return allowance.base + allowance.for_each_user * sandbox.organisation.users_license


def _credits_left(sandbox: Sandbox) -> int:
    wished = sandbox.faults.credits_remaining
    return _pool(sandbox) - sandbox.traffic.credits_used if wished is None else wished


def _too_many(message: str) -> ApiError:
    return ApiError("TOO_MANY_REQUESTS", message, status=429)


def _failed(failure: Failure) -> ApiError:
    code, message = _MESSAGES.get(failure.status, _MESSAGES[500])
    error = ApiError(failure.code or code, message, status=failure.status)
    error.retry_after = failure.retry_after
    return error


def _refusal(error: ApiError) -> Response:
    response = answer(error.as_json(), error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def is_for_programs() -> bool:
    """Is this the API's address, or the control's? The others are for people."""
    return _is_api() or request.path.startswith("/_sandbox/")


def http_error(error: HTTPException) -> Response:
    """What a program is told when no route took its call."""
    if request.path.startswith("/_sandbox/"):
        return answer({"error": error.description}, error.code or 500)
    if error.code == 405:
        return _refusal(ApiError("INVALID_REQUEST_METHOD", "The http request method type is not a valid one"))
    code, message = _MESSAGES.get(error.code or 500, _MESSAGES[500])
    return _refusal(ApiError(code, message, status=error.code or 500))


def _close(response: Response) -> Response:
    sandbox = current_sandbox()
    response.headers["Date"] = sandbox.clock.http_date()
    if not _is_guarded():
        return response
    if _is_api() and not g.is_dropped:
        response = _spoil(sandbox, response)
        _tell_credits(sandbox, response)
    _log(sandbox, response)
    return response


def _spoil(sandbox: Sandbox, response: Response) -> Response:
    """The faults that strike after the work was done."""
    is_write = request.method in WRITES and response.status_code < 400 and not request.path.endswith("/coql")
    if is_write and sandbox.faults.take("apply_then_drop"):
        return _drop()
    if response.status_code < 400:
        failure = sandbox.faults.take_failure(request.method, request.path, after_applying=True)
        if failure is not None:
            return _refusal(_failed(failure))
    if response.content_type and sandbox.faults.take("malformed"):
        text = response.get_data()
        response.set_data(text[: max(1, len(text) // 2)])
    return response


def _tell_credits(sandbox: Sandbox, response: Response) -> None:
    wished = sandbox.faults.spend_credits(g.credits)
    left = _credits_left(sandbox) - g.credits if wished is None else wished
    if wished is not None or left <= _pool(sandbox) / 2:
        response.headers["X-API-CREDITS-REMAINING"] = str(max(0, left))


def _log(sandbox: Sandbox, response: Response) -> None:
    is_api = _is_api()
    call = Call(
        method=request.method,
        path=request.path,
        status=0 if g.is_dropped else response.status_code,
        query=request.query_string.decode("utf-8", "replace"),
        at=g.wall,
        milliseconds=round(stopwatch() - g.started, 2),
        credits=g.credits if is_api else 0,
        records=g.get("records", 0),
    )
    sandbox.traffic.record(call)
    if is_api and request.method not in ("GET", "HEAD") and not g.is_dropped:
        sandbox.traffic.keep(call, sent=request.get_data(), answered=response.get_data())


def _leave(_error: BaseException | None) -> None:
    traffic = current_sandbox().traffic
    for lane in g.pop("lanes", []):
        traffic.leave(lane)


def _drop() -> Response:
    """Close the caller's connection, so that it gets no answer at all."""
    g.is_dropped = True
    peer: Any = request.environ.get("sandbox.connection")
    if peer is not None:
        with suppress(OSError):  # the caller may have left first
            peer.shutdown(socket.SHUT_RDWR)
    return Response(status=499)
