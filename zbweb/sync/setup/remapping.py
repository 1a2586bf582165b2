"""A billing field that is mapped to another CRM field: what both sides agreed on about it counts no longer.

Else an empty CRM field would look like one that somebody emptied, and every customer would lose the value. Without
an agreement the two are compared as at their first meeting, where a value beats an empty field.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, JSON, ColumnElement, Text, cast, func, literal, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from zbweb.sync.core.fields import DEFAULTS, Table
from zbweb.sync.holdings import KINDS
from zbweb.sync.models import Link

Mappings = Mapping[str, Sequence[Mapping[str, Any]]]
Moved = dict[Table, list[str]]


def moved(before: Mappings, after: Mappings) -> Moved:
    """The billing fields, by table, that another CRM field is mapped to now, or none any more."""
    found: Moved = {}
    for table in Table:
        old, new = _by_field(before, table), _by_field(after, table)
        if fields := [field for field, crm in old.items() if new.get(field) != crm]:
            found[table] = fields
    return found


def _by_field(mappings: Mappings, table: Table) -> Mapping[str, str]:
    """Billing field → CRM field; a table that nobody needed yet is read by the defaults."""
    rows = mappings.get(table)
    return DEFAULTS[table] if rows is None else {row["field"]: row["crm"] for row in rows}


def forget(session: Session, connection_id: int, fields: Moved) -> None:
    """Have the links of this connection agree on nothing about these fields."""
    for table, names in fields.items():
        statement = update(Link).where(
            Link.connection_id == connection_id,
            Link.entity == KINDS[table].entity,
            Link.crm_module == table.crm_module,
        )
        session.execute(
            statement.values(snapshot=_without(session, names)).execution_options(synchronize_session=False)
        )
    for held in [each for each in session if isinstance(each, Link)]:
        session.expire(held, ["snapshot"])


def _without(session: Session, names: Sequence[str]) -> ColumnElement[Any]:
    """The snapshot without these fields, in the words of the session's database."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(cast(Link.snapshot, JSONB).op("-")(literal(list(names), ARRAY(Text))), JSON)
    return func.json_remove(Link.snapshot, *(f'$."{name}"' for name in names))
