"""Lists and their pages: fields, order, the first 2,000 by number, everything further by token."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g, request
from itsdangerous import BadSignature, URLSafeSerializer

from zbweb.sandbox import queries
from zbweb.sandbox.api.answers import ApiError, invalid_param, missing_param
from zbweb.sandbox.api.gate import caller
from zbweb.sandbox.clock import iso, parse_iso
from zbweb.sandbox.criteria import Scope
from zbweb.sandbox.organisation import read_setting
from zbweb.sandbox.queries import Clause, Order, Row
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import Sandbox

LARGEST_PAGE = 200
MOST_BY_NUMBER = 2_000
MOST_BY_TOKEN = 100_000
MOST_FIELDS = 50
MOST_IDS = 100
TOKEN_SECONDS = 24 * 3600
_SORTS: Mapping[str, str] = {"id": "id", "Created_Time": "created", "Modified_Time": "modified"}


@dataclass(frozen=True, slots=True)
class Window:
    """Which page is asked for: by number from the start, or by what the token remembers."""

    number: int
    per_page: int
    order: Order
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None

    @property
    def start(self) -> tuple[Any, ...] | int:
        return (self.number - 1) * self.per_page if self.after is None else self.after


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of rows and whether more follow."""

    rows: list[Row]
    has_more: bool
    window: Window


def asked_fields() -> list[str]:
    """The mandatory `fields` parameter. Raises ApiError."""
    names = [name.strip() for name in request.args.get("fields", "").split(",") if name.strip()]
    if not names:
        raise missing_param("fields")
    if len(names) > MOST_FIELDS:
        details = {"limit": MOST_FIELDS, "param_name": "fields"}
        raise ApiError("LIMIT_EXCEEDED", "Cannot process the request due to limit exceeded", details)
    return names


def whole_number(name: str, default: int, *, most: int | None = None) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1 or (most is not None and int(text) > most):
        raise invalid_param(name, "invalid data", expected_data_type="integer")
    return int(text)


def asked_window(sandbox: Sandbox) -> Window:
    """Page, size and order of this request. Raises ApiError when they contradict each other."""
    per_page = whole_number("per_page", LARGEST_PAGE, most=LARGEST_PAGE)
    order = _asked_order()
    if "page_token" in request.args:
        if "page" in request.args:
            raise _ambiguous("page", "page_token")
        return _from_token(sandbox, request.args["page_token"], per_page, order)
    number = whole_number("page", 1)
    if number * per_page > MOST_BY_NUMBER:
        message = "You can only get the first 2000 records without using page_token param."
        raise ApiError("DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, {"limit": MOST_BY_NUMBER})
    return Window(number, per_page, order)


def asked_moment(header: str) -> int | None:
    """The ISO time in a header of this request, in epoch seconds. Raises ApiError."""
    text = request.headers.get(header)
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError:
        details = {"expected_data_type": "datetime", "param_name": header}
        raise ApiError("INVALID_DATA", "invalid data", details) from None


def modified_since() -> Clause | None:
    """The `If-Modified-Since` header as a condition."""
    moment = asked_moment("If-Modified-Since")
    return None if moment is None else Clause("record.modified > ?", (moment,))


def asked_ids() -> Clause | None:
    text = request.args.get("ids")
    if text is None:
        return None
    ids = [part.strip() for part in text.split(",")]
    if len(ids) > MOST_IDS:
        details = {"limit": MOST_IDS, "param_name": "ids"}
        raise ApiError("LIMIT_EXCEEDED", "Cannot process the request due to limit exceeded", details)
    if not all(part.isdecimal() and int(part) <= queries.LARGEST_ID for part in ids):
        raise invalid_param("ids", "the id given seems to be invalid")
    return Clause(f"record.id IN ({', '.join('?' * len(ids))})", tuple(int(part) for part in ids))


def read_page(connection: Any, module: Module, where: Clause, window: Window) -> Listing:
    rows = queries.find(
        connection,
        module.api_name,
        where=where,
        order=window.order,
        after=window.start,
        limit=window.per_page + 1,
    )
    g.records = min(len(rows), window.per_page)
    return Listing(rows[: window.per_page], len(rows) > window.per_page, window)


def scope_of(sandbox: Sandbox, module: Module) -> Scope:
    return Scope(sandbox.catalog, module, caller().member.id, sandbox.clock.now())


def info(sandbox: Sandbox, listing: Listing) -> dict[str, Any]:
    """The `info` of a list of records, with the tokens of its neighbours."""
    window, now = listing.window, sandbox.clock.now()
    follows = previous = None
    if listing.has_more:
        key = window.order.key_of(listing.rows[-1])
        follows = _to_token(sandbox, window.number + 1, now, after=key, before=window.after)
    if window.number > 1 and window.after is not None:
        previous = _to_token(sandbox, window.number - 1, now, after=window.before, before=None)
    expiry = iso(now + TOKEN_SECONDS, sandbox.organisation.time_zone) if follows or previous else None
    return {
        "call": False,
        "per_page": window.per_page,
        "next_page_token": follows,
        "count": len(listing.rows),
        "sort_by": next(name for name, column in _SORTS.items() if column == window.order.column),
        "page": window.number,
        "previous_page_token": previous,
        "page_token_expiry": expiry,
        "sort_order": "desc" if window.order.descending else "asc",
        "email": False,
        "more_records": listing.has_more,
    }


def _asked_order() -> Order:
    sort_by = request.args.get("sort_by", "id")
    if sort_by not in _SORTS:
        raise invalid_param("sort_by", supported_values=list(_SORTS))
    sort_order = request.args.get("sort_order", "desc")
    if sort_order not in ("asc", "desc"):
        raise invalid_param("sort_order", supported_values=["asc", "desc"])
    if "cvid" in request.args and "sort_by" in request.args:
        raise _ambiguous("cvid", "sort_by")
    return Order(_SORTS[sort_by], descending=sort_order == "desc")


def _ambiguous(first: str, second: str) -> ApiError:
    details = {"ambiguity_due_to": [{"param_name": first}, {"param_name": second}]}
    return ApiError("AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request", details)


def signer(sandbox: Sandbox, *, salt: str = "page") -> URLSafeSerializer:
    """Seals what a page token remembers."""
    with sandbox.reading() as connection:
        return URLSafeSerializer(str(read_setting(connection, "page_secret")), salt=salt)


def _fingerprint() -> str:
    """A page token is bound to the path and to all other parameters of the call."""
    bound = sorted((name, value) for name, value in request.args.items() if name not in ("page_token", "page"))
    header = request.headers.get("If-Modified-Since", "")
    return hashlib.sha256(repr((request.path, header, bound)).encode()).hexdigest()[:16]


def _to_token(
    sandbox: Sandbox, number: int, now: int, *, after: tuple[Any, ...] | None, before: tuple[Any, ...] | None
) -> str:
    content = {"n": number, "a": after, "b": before, "f": _fingerprint(), "u": caller().member.id, "t": now}
    return str(signer(sandbox).dumps(content))


def _from_token(sandbox: Sandbox, text: str, per_page: int, order: Order) -> Window:
    try:
        content = signer(sandbox).loads(text)
    except BadSignature:
        raise invalid_param("page_token") from None
    if content["u"] != caller().member.id:
        raise invalid_param("page_token")
    if content["f"] != _fingerprint():
        message = "The page_token given seems to be invalid or input param is added or altered or deleted"
        raise ApiError("TOKEN_BOUND_DATA_MISMATCH", message, {"param_name": "page_token"})
    if sandbox.clock.now() > content["t"] + TOKEN_SECONDS:
        details = {"api_name": "page_token", "json_path": "$.query.page_token"}
        raise ApiError("EXPIRED_VALUE", "page_token has expired", details)
    if content["n"] * per_page > MOST_BY_TOKEN:
        message = "You can only get the first 100000 records using page_token param."
        raise ApiError("PAGINATION_LIMIT_EXCEEDED", message, {"param_name": "page_token"})
    after = tuple(content["a"]) if content["a"] is not None else None
    before = tuple(content["b"]) if content["b"] is not None else None
    return Window(content["n"], per_page, order, after, before)
