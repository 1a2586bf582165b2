"""How records are found: by id, by key order (for paging that never slows down), by lookup, by name."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zbweb.sandbox.store import fold

_COLUMNS = "id, module, name, owner_id, created_by, modified_by, created, modified, body"
_BATCH = 500
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One stored record. Times are epoch seconds; `body` holds the fields that are not empty."""

    id: int
    module: str
    name: str
    owner_id: int
    created_by: int
    modified_by: int
    created: int
    modified: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of SQL over the table `record` and its parameters."""

    sql: str = "1"
    params: tuple[Any, ...] = ()

    def __and__(self, other: "Clause") -> "Clause":
        return Clause(f"({self.sql}) AND ({other.sql})", (*self.params, *other.params))


EVERYTHING = Clause()


@dataclass(frozen=True, slots=True)
class Order:
    """`column` is `id`, `created`, `modified` or `name_key`; ties go by id in the same direction."""

    column: str = "id"
    descending: bool = True

    def sql(self) -> str:
        way = "DESC" if self.descending else "ASC"
        return f"id {way}" if self.column == "id" else f"{self.column} {way}, id {way}"

    def beyond(self, key: tuple[Any, ...]) -> Clause:
        """The rows after the one whose `key_of` is `key`."""
        sign = "<" if self.descending else ">"
        if self.column == "id":
            return Clause(f"id {sign} ?", key)
        return Clause(f"({self.column}, id) {sign} (?, ?)", key)

    def key_of(self, row: Row) -> tuple[Any, ...]:
        if self.column == "id":
            return (row.id,)
        return (fold(row.name) if self.column == "name_key" else getattr(row, self.column), row.id)


def find(
    connection: sqlite3.Connection,
    module: str,
    *,
    where: Clause = EVERYTHING,
    order: Order = Order(),
    after: tuple[Any, ...] | int = 0,
    limit: int = 200,
) -> list[Row]:
    """Up to `limit` records of a module after a key (see `Order.key_of`), or after skipping a number of them."""
    skipped = after if isinstance(after, int) else 0
    clause = where if isinstance(after, int) else where & order.beyond(after)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM record WHERE module = ? AND ({clause.sql}) ORDER BY {order.sql()} LIMIT ? OFFSET ?",
        (module, *clause.params, limit, skipped),
    )
    return [_row(row) for row in rows]


def count(connection: sqlite3.Connection, module: str, where: Clause = EVERYTHING) -> int:
    sql = f"SELECT count(*) FROM record WHERE module = ? AND ({where.sql})"
    return int(connection.execute(sql, (module, *where.params)).fetchone()[0])


def get(connection: sqlite3.Connection, module: str, record_id: int) -> Row | None:
    """The record of that id, or None when the module has none; any whole number may be asked for."""
    if record_id > LARGEST_ID:
        return None
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM record WHERE id = ? AND module = ?",
        (record_id, module),
    ).fetchone()
    return None if row is None else _row(row)


def related(parent_id: int, field: str) -> Clause:
    """The records whose lookup `field` points at the parent."""
    return Clause("id IN (SELECT record_id FROM lookup WHERE target_id = ? AND field = ?)", (parent_id, field))


def by_ids(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Row]:
    """Records of any module; ids that do not exist are absent."""
    found: dict[int, Row] = {}
    for batch in _batches(sorted(set(ids))):
        marks = ", ".join("?" * len(batch))
        sql = f"SELECT {_COLUMNS} FROM record WHERE id IN ({marks})"
        found.update((row["id"], _row(row)) for row in connection.execute(sql, batch))
    return found


def names(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """What people call these records; ids that do not exist are absent."""
    found: dict[int, str] = {}
    for batch in _batches(sorted(set(ids))):
        marks = ", ".join("?" * len(batch))
        sql = f"SELECT id, name FROM record WHERE id IN ({marks})"
        found.update((row[0], row[1]) for row in connection.execute(sql, batch))
    return found


def _batches(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))


def _row(row: sqlite3.Row) -> Row:
    id_, module, name, owner_id, created_by, modified_by, created, modified, body = row
    return Row(id_, module, name, owner_id, created_by, modified_by, created, modified, json.loads(body))
