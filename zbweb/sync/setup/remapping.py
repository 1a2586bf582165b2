"""A billing field that is mapped to another CRM field: what both sides agreed on about it counts no longer.

Else an empty CRM field would look like one that somebody emptied, and every customer would lose the value. Without
an agreement the two are compared as at their first meeting, where a value beats an empty field. What reads by a
mapping and writes later asks, when it has written, whether the fields were mapped anew meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, JSON, ColumnElement, Text, cast, func, literal, or_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.sync import runs
from zbweb.sync.core.fields import DEFAULTS, Table
from zbweb.sync.core.words import Outcome
from zbweb.sync.holdings import KINDS
from zbweb.sync.models import Link, SyncEntry, SyncRun

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


def forget_since(session: Session, run: SyncRun) -> None:
    """Void what a run agreed on about fields that were mapped anew since it began.

    The setup stays held; whoever writes links in this unit of work holds it before, as who saves it does.
    """
    setup = runs.setup_of(session, run.connection_id, run.module, lock=True)
    if setup is not None and run.setup and setup.version != run.setup["version"]:
        forget(session, run.connection_id, moved(run.setup["mappings"], setup.mappings))


def forget(session: Session, connection_id: int, fields: Moved) -> None:
    """Have the links of this connection agree on nothing about these fields, and nobody decide about them."""
    for table, names in fields.items():
        _close_conflicts(session, connection_id, table, names)
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


def _close_conflicts(session: Session, connection_id: int, table: Table, names: Sequence[str]) -> None:
    """Close what is open about the fields' old values: the next sync reads everything, and finds what differs then."""
    statement = update(SyncEntry).where(
        SyncEntry.connection_id == connection_id,
        SyncEntry.entity == KINDS[table].entity,
        SyncEntry.crm_module == table.crm_module,
        SyncEntry.outcome == Outcome.CONFLICT,
        SyncEntry.resolved_at.is_(None),
        or_(*(SyncEntry.diff[name].as_string().is_not(None) for name in names)),
    )
    values = {"resolved_at": now(), "resolved_by": "sync"}
    session.execute(statement.values(**values).execution_options(synchronize_session=False))


def _without(session: Session, names: Sequence[str]) -> ColumnElement[Any]:
    """The snapshot without these fields, in the words of the session's database."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(cast(Link.snapshot, JSONB).op("-")(literal(list(names), ARRAY(Text))), JSON)
    return func.json_remove(Link.snapshot, *(f'$."{name}"' for name in names))
