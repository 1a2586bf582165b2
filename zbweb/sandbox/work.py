"""One unit of work on the CRM's records: who acts, when, and what changed.

Everything that changes a record (API, pages, control) runs inside `Sandbox.changing(actor)`; when the unit is
committed its changes are handed to the notifications. Nothing is announced that was rolled back.
"""

import sqlite3
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from zbweb.sandbox.catalog import FIRST_RECORD_ID, Catalog
from zbweb.sandbox.members import Member
from zbweb.sandbox.organisation import Organisation
from zbweb.sandbox.store import take_ids


class Operation(StrEnum):
    """What happened to a record, in the words of a notification."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One record's change; `values` are the written fields of an update, as stored."""

    module: str
    operation: Operation
    record_id: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Work:
    """The open unit: `now` is the same second for all of it, as it is for one request at the CRM."""

    connection: sqlite3.Connection
    catalog: Catalog
    organisation: Organisation
    members: dict[int, Member]
    actor: Member
    now: int
    changes: list[Change] = field(default_factory=list)

    def take_id(self, count: int = 1) -> int:
        return take_ids(self.connection, "record", count=count, first=FIRST_RECORD_ID)


class Refused(Exception):
    """The CRM refuses one record; `code`, `message` and `details` are what the wire says about it."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}
