"""Records by the names people type: `Acme`, or `Acme (5725767000001000001)` where several are called so."""

import re
import sqlite3
from collections import Counter

from zbweb.sandbox import queries
from zbweb.sandbox.queries import Clause, Order
from zbweb.sandbox.schema import Module
from zbweb.sandbox.store import fold

MOST_OFFERED = 200
_WITH_ID = re.compile(r"(?:.*\()?(\d{10,19})\)?")


class Unclear(ValueError):
    """The name leads to no record, or to several; the text is a sentence for the person who typed it."""


def find_named(connection: sqlite3.Connection, module: Module, text: str) -> int:
    """The one record that is meant. Raises Unclear."""
    kind = module.singular.lower()
    numbered = _WITH_ID.fullmatch(text.strip())
    if numbered and queries.get(connection, module.api_name, int(numbered[1])):
        return int(numbered[1])
    where = Clause("name_key = ?", (fold(text.strip()),))
    found = queries.find(connection, module.api_name, where=where, order=Order(descending=False), limit=4)
    if len(found) == 1:
        return found[0].id
    if not found:
        raise Unclear(f"There is no {kind} of this name. Choose one from the list or type its full name.")
    choices = ", ".join(with_id(row.name, row.id) for row in found[:3])
    raise Unclear(f"There is more than one {kind} of this name. Choose by number: {choices}")


def name_for_form(connection: sqlite3.Connection, module: Module, record_id: int | str | None) -> str:
    """The name alone where that is enough to find the record again, else with its number; empty for none."""
    row = queries.get(connection, module.api_name, int(record_id)) if record_id else None
    if row is None:
        return ""
    twins = queries.find(connection, module.api_name, where=Clause("name_key = ?", (fold(row.name),)), limit=2)
    return row.name if len(twins) == 1 else with_id(row.name, row.id)


def offered(connection: sqlite3.Connection, module: Module) -> list[str]:
    """Names to choose from while typing: all of a small module, the first ones of a large one."""
    order = Order("name_key", descending=False)
    rows = queries.find(connection, module.api_name, order=order, limit=MOST_OFFERED)
    uses = Counter(fold(row.name) for row in rows)
    return [row.name if uses[fold(row.name)] == 1 else with_id(row.name, row.id) for row in rows]


def with_id(name: str, record_id: int) -> str:
    return f"{name} ({record_id})"
