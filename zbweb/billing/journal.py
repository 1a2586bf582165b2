"""Who changed what, written in the unit of work of the change; and the outbox the push reads.

Every billing write calls `record()`. What a person or an automation changed also enters the outbox;
what the CRM told us does not, so nothing is echoed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from zbweb.billing.models import JournalEntry, OutboxRow
from zbweb.billing.words import Origin
from zbweb.clock import now
from zbweb.db import after_commit, organisation_of, tolerant_insert


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it and where it came from: a signed-in person, a run, an automation.

    Who does not `handle_money` leaves alone what was received.
    """

    name: str
    user_id: int | None = None
    origin: Origin = Origin.USER
    run_id: int | None = None
    handles_money: bool = True


SYSTEM = Actor("Billing", origin=Origin.SYSTEM)

_PUSHED = frozenset({"customer", "contact_person", "transaction"})
_announce: list[Callable[[int], None]] = []


def on_outbox(listener: Callable[[int], None]) -> None:
    """Have `listener(organisation_id)` called after each commit that put something into the outbox."""
    _announce[:] = [listener]


def record(
    session: Session,
    entity: str,
    entity_id: int,
    *,
    action: str,
    actor: Actor,
    changes: Mapping[str, tuple[Any, Any] | list[Any]] | None = None,
) -> None:
    """Write one journal entry; `changes` maps a field to (old, new), JSON-safe values."""
    organisation_id = organisation_of(session)
    session.add(
        JournalEntry(
            organisation_id=organisation_id,
            entity=entity,
            entity_id=entity_id,
            action=action,
            origin=actor.origin,
            actor_id=actor.user_id,
            actor_name=actor.name,
            changes={name: list(pair) for name, pair in (changes or {}).items()},
            run_id=actor.run_id,
        )
    )
    if actor.origin is not Origin.CRM and entity in _PUSHED:
        put_in_outbox(session, entity, [entity_id])


def put_in_outbox(session: Session, entity: str, entity_ids: list[int]) -> None:
    """Mark records as not yet known to the CRM; a record that waits already is stamped anew and tried at once."""
    if not entity_ids:
        return
    organisation_id = organisation_of(session)
    statement = tolerant_insert(session, OutboxRow)
    statement = statement.on_conflict_do_update(
        index_elements=["organisation_id", "entity", "entity_id"],
        set_={
            "stamp": OutboxRow.stamp + 1,
            "queued_at": case((OutboxRow.attempts > 0, statement.excluded.queued_at), else_=OutboxRow.queued_at),
            "not_before": None,
            "attempts": 0,
            "error_code": "",
            "error_message": "",
        },
    )
    rows = [
        {"organisation_id": organisation_id, "entity": entity, "entity_id": entity_id, "queued_at": now()}
        for entity_id in entity_ids
    ]
    session.connection().execute(statement, rows)
    for listener in _announce:
        after_commit(session, f"outbox-{organisation_id}", partial(listener, organisation_id))


def history(session: Session, entity: str, entity_id: int, *, limit: int = 50) -> list[JournalEntry]:
    """The record's journal, newest first."""
    statement = (
        select(JournalEntry)
        .where(JournalEntry.entity == entity, JournalEntry.entity_id == entity_id)
        .order_by(JournalEntry.id.desc())
        .limit(limit)
    )
    return list(session.scalars(statement))
