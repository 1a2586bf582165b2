"""What the CRM posts when records change, read with suspicion: anybody may post anything to an address.

A notice names records and proves nothing but that its sender knows the channel's token; what the records hold is
asked of the CRM afterwards.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

LARGEST_BODY = 256 * 1024
MODULES = frozenset({"Accounts", "Contacts", "Deals", "Quotes", "Sales_Orders", "Invoices"})
"""Whose changes we ask to be told."""
_OPERATIONS = frozenset({"insert", "update", "delete"})
_MOST_IDS = 1000
_LONGEST_ID = 20


class Malformed(ValueError):
    """The body is no notification of the CRM."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification. `digest` is the same for the same text, however it is spaced."""

    module: str
    operation: str
    crm_ids: tuple[str, ...]
    digest: str
    token: str = field(repr=False)


def read(body: bytes) -> Notice:
    """The notice in a request's body; raises Malformed."""
    said = _decoded(body)
    module, operation, token = said.get("module"), said.get("operation"), said.get("token")
    if not isinstance(token, str) or not token:
        raise Malformed("there is no token")
    if not isinstance(module, str) or module not in MODULES:
        raise Malformed("the module is not one of those we follow")
    if not isinstance(operation, str) or operation not in _OPERATIONS:
        raise Malformed("the operation is unknown")
    return Notice(module, operation, _ids(said.get("ids")), _digest(said), token)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error
    if not isinstance(said, dict):
        raise Malformed("the body is not an object")
    return said


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_IDS:
        raise Malformed("there are no ids")
    ids = tuple(dict.fromkeys(_id(each) for each in value))
    if not all(each.isascii() and each.isdecimal() and len(each) <= _LONGEST_ID for each in ids):
        raise Malformed("an id is not a number")
    return ids


def _id(value: Any) -> str:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise Malformed("an id is not a number")


def _digest(said: dict[str, Any]) -> str:
    try:
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    except (ValueError, RecursionError) as error:  # numbers too long to write down, or nested too deeply
        raise Malformed("the body cannot be read") from error
