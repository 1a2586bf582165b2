"""One field over many records at once, lookups followed: what COQL selects and exports write.

`Account_Name.Billing_City` costs one look into the store for each dot, however many records there are.
"""

import sqlite3
from typing import Any

from zbweb.sandbox import queries
from zbweb.sandbox.criteria import Scope, field_of
from zbweb.sandbox.queries import Row
from zbweb.sandbox.rendering import Renderer
from zbweb.sandbox.schema import Kind, Module
from zbweb.sandbox.state import Sandbox

_MEMBER_PARTS = ("id", "email", "first_name", "last_name", "full_name")


def check_column(path: str, scope: Scope) -> None:
    """Raises BadCriterion unless the path can be read: a field, one behind lookups, or a part of a user."""
    step, _, part = path.rpartition(".")
    owner = scope.module.by_name.get(step)
    is_of_member = owner is not None and owner.kind is Kind.OWNER and part in _MEMBER_PARTS
    if not is_of_member:
        field_of(path, scope)


class Columns:
    """Reads columns of rows of one module; references are given by their id only (`{"id": …}`)."""

    def __init__(self, sandbox: Sandbox, connection: sqlite3.Connection, module: Module) -> None:
        self._sandbox = sandbox
        self._connection = connection
        self._module = module

    def read(self, path: str, rows: list[Row]) -> list[Any]:
        """The field at the end of the path for each row; None where a lookup on the way is empty."""
        current: list[Row | None] = list(rows)
        module = self._module
        *lookups, last = path.split(".")
        for step in lookups:
            field = module.by_name[step]
            if field.kind is Kind.OWNER:
                return self._parts_of_members(self._bare(module, step, current), last)
            targets = [int(row.body[step]) if row and row.body.get(step) else 0 for row in current]
            found = queries.by_ids(self._connection, targets)
            current = [found.get(target) for target in targets]
            module = self._sandbox.catalog.module(field.target or "")
        return self._bare(module, last, current)

    def _bare(self, module: Module, api_name: str, rows: list[Row | None]) -> list[Any]:
        read = Renderer(self._sandbox, self._connection, module).bare(api_name)
        return [None if row is None else read(row) for row in rows]

    def _parts_of_members(self, references: list[Any], part: str) -> list[Any]:
        members = [self._sandbox.members.get(int(each["id"])) if each else None for each in references]
        return [None if member is None else getattr(member, part) for member in members]
