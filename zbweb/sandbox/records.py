"""The one door through which records change: insert, update and delete.

The API, the pages and the control calls all come here, so that times, numbers, totals, the deleted list and
notifications behave alike whoever acts. Call inside `Sandbox.changing(actor)`; nothing is committed here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from zbweb.sandbox import queries
from zbweb.sandbox.derived import derived
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import Kind, Module
from zbweb.sandbox.store import fold, take_ids
from zbweb.sandbox.validation import BAD_ID, accepted, unique_match
from zbweb.sandbox.work import Change, Operation, Refused, Work

_UPSERT = (
    "INSERT INTO record (id, module, name, owner_id, created_by, modified_by, created, modified, body,"
    " name_key, email_key, search_text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, owner_id = excluded.owner_id,"
    " modified_by = excluded.modified_by, modified = excluded.modified, body = excluded.body,"
    " name_key = excluded.name_key, email_key = excluded.email_key, search_text = excluded.search_text"
)


def insert(work: Work, module_name: str, values: dict[str, Any], *, path: str = "$") -> Row:
    """Add a record from wire values. Raises Refused; `path` is where it stands in the request."""
    module = work.catalog.module(module_name)
    body = _kept(accepted(work, module, values, current=None, path=path))
    owner_id = int(body.pop("Owner", work.actor.id))
    if module.number_field:
        body[module.number_field] = str(take_ids(work.connection, module.api_name, first=1001))
    return add_stored(work, module, body, owner_id=owner_id)


def add_stored(work: Work, module: Module, body: dict[str, Any], *, owner_id: int) -> Row:
    """Add one record whose body is already in stored form."""
    author = work.actor.id
    row = Row(
        id=work.take_id(),
        module=module.api_name,
        name="",
        owner_id=owner_id,
        created_by=author,
        modified_by=author,
        created=work.now,
        modified=work.now,
        body=body,
    )
    work.changes.append(Change(module.api_name, Operation.INSERT, row.id))
    return add_rows(work, module, [row])[0]


def add_rows(work: Work, module: Module, rows: Iterable[Row]) -> list[Row]:
    """Add rows as they are, with the times they carry and without announcing them (the seed's way in)."""
    complete = [_completed(module, row) for row in rows]
    _save(work, module, complete)
    return complete


def _completed(module: Module, row: Row, *, written: frozenset[str] = frozenset()) -> Row:
    body = derived(module, row.body, written=written)
    return replace(row, body=body, name=str(body.get(module.name_field) or ""))


def update(work: Work, module_name: str, record_id: int, values: dict[str, Any], *, path: str = "$") -> Row:
    """Change the given fields only; None clears one. Raises Refused, also when there is no such record."""
    module = work.catalog.module(module_name)
    current = queries.get(work.connection, module_name, record_id)
    if current is None:
        raise Refused("INVALID_DATA", BAD_ID, {"id": str(record_id)})
    written = accepted(work, module, values, current=current, path=path)
    return _change(work, module, current, written)


def delete(work: Work, module_name: str, record_id: int) -> Row:
    """Move the record to the recycle bin and empty the lookups that pointed at it. Raises Refused."""
    row = queries.get(work.connection, module_name, record_id)
    if row is None:
        raise Refused("INVALID_DATA", "record not deleted", {"id": str(record_id)})
    _release_lookups(work, row)
    work.connection.execute("DELETE FROM record WHERE id = ?", (row.id,))
    work.connection.execute("DELETE FROM lookup WHERE record_id = ?", (row.id,))
    work.connection.execute(
        "INSERT INTO deleted (id, module, display_name, kind, deleted_by, created_by, deleted, body)"
        " VALUES (?, ?, ?, 'recycle', ?, ?, ?, ?)",
        (row.id, row.module, row.name, work.actor.id, row.created_by, work.now, json.dumps(row.body)),
    )
    work.changes.append(Change(row.module, Operation.DELETE, row.id))
    return row


def _change(work: Work, module: Module, current: Row, written: dict[str, Any]) -> Row:
    owner_id = int(written.get("Owner") or current.owner_id)
    fields = {key: value for key, value in written.items() if key != "Owner"}
    changed = replace(
        current,
        owner_id=owner_id,
        modified_by=work.actor.id,
        modified=max(work.now, current.modified),
        body=_kept({**current.body, **fields}),
    )
    row = _completed(module, changed, written=frozenset(fields))
    work.connection.execute("DELETE FROM lookup WHERE record_id = ?", (row.id,))
    _save(work, module, [row])
    announced = {key: value for key, value in written.items() if not key.startswith("_")}
    work.changes.append(Change(module.api_name, Operation.UPDATE, row.id, announced))
    return row


def _release_lookups(work: Work, row: Row) -> None:
    links = work.connection.execute("SELECT record_id, field FROM lookup WHERE target_id = ?", (row.id,)).fetchall()
    pointing = queries.by_ids(work.connection, [link["record_id"] for link in links])
    for link in links:
        other = pointing[link["record_id"]]
        pointing[other.id] = _change(work, work.catalog.module(other.module), other, {link["field"]: None})


def _save(work: Work, module: Module, rows: Sequence[Row]) -> None:
    searchable = [field.api_name for field in module.fields if field.searchable]
    lookups = [field.api_name for field in module.fields if field.kind is Kind.LOOKUP]
    work.connection.executemany(_UPSERT, (_stored(row, searchable) for row in rows))
    work.connection.executemany(
        "INSERT OR IGNORE INTO lookup (target_id, field, record_id) VALUES (?, ?, ?)",
        ((int(row.body[name]), name, row.id) for row in rows for name in lookups if row.body.get(name)),
    )


def _stored(row: Row, searchable: list[str]) -> tuple[Any, ...]:
    texts = (row.body.get(name) for name in searchable)
    body = json.dumps(row.body, ensure_ascii=False, separators=(",", ":"))
    return (
        row.id, row.module, row.name, row.owner_id, row.created_by, row.modified_by, row.created, row.modified, body,
        fold(row.name), fold(row.body.get("Email")), fold("\n".join(str(text) for text in texts if text)),
    )  # fmt: skip


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def find_by_value(work: Work, module: Module, api_name: str, value: Any) -> Row | None:
    """The oldest record whose field carries this value, letter case aside."""
    if value in (None, ""):
        return None
    if api_name in (module.name_field, "Email"):
        column = "name_key" if api_name == module.name_field else "email_key"
        where = queries.Clause(f"{column} = ?", (fold(str(value)),))
        found = queries.find(
            work.connection, module.api_name, where=where, order=queries.Order("id", descending=False), limit=1
        )
        return found[0] if found else None
    twin_id = unique_match(work, module, module.by_name[api_name], value)
    return queries.get(work.connection, module.api_name, twin_id) if twin_id is not None else None
