"""Conflicts that wait for a person: fields changed on both sides, where the setup says to ask.

Deciding is local: it sets our value and what both sides agree on, so that the next sync has nothing left to ask
and tells the CRM what it does not know yet. What the CRM changed meanwhile is found by that sync as ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from zbweb.billing import contact_persons, customers
from zbweb.billing.email_addresses import is_email_address
from zbweb.billing.journal import Actor, put_in_outbox
from zbweb.billing.models import ContactPerson
from zbweb.clock import now
from zbweb.errors import Conflict, Invalid, NotFound
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.words import Entity, Outcome
from zbweb.sync.models import Link, SyncEntry
from zbweb.sync.pairs import links_of


class Side(StrEnum):
    """Whose value stays."""

    CRM = "crm"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Typed:
    """Neither side's value but this one."""

    value: Value


Choice = Side | Typed


@dataclass(frozen=True, slots=True)
class Field:
    """One field in conflict, with both values as they were when it was found."""

    key: str
    ours: Value
    theirs: Value


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """A record with fields to decide about."""

    entry: SyncEntry
    fields: tuple[Field, ...]


def open_conflicts(session: Session, connection_id: int, *, limit: int = 100, after: int = 0) -> list[OpenConflict]:
    """Conflicts nobody has decided, oldest first; `after` is the last entry's id of the page before."""
    statement = select(SyncEntry).where(*_open(connection_id), SyncEntry.id > after).order_by(SyncEntry.id).limit(limit)
    return [OpenConflict(entry, _fields(entry)) for entry in session.scalars(statement)]


def find(session: Session, entry_id: int) -> OpenConflict:
    """One conflict that is open; raises NotFound when it is not there or has been decided."""
    statement = select(SyncEntry).where(SyncEntry.id == entry_id, SyncEntry.outcome == Outcome.CONFLICT)
    entry = session.scalar(statement.with_for_update().execution_options(populate_existing=True))
    if entry is None or entry.resolved_at is not None:
        raise NotFound("This conflict has been decided already, or a later sync or another mapping has settled it.")
    return OpenConflict(entry, _fields(entry))


def _open(connection_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        SyncEntry.connection_id == connection_id,
        SyncEntry.outcome == Outcome.CONFLICT,
        SyncEntry.resolved_at.is_(None),
    )


def _fields(entry: SyncEntry) -> tuple[Field, ...]:
    return tuple(Field(key, ours, theirs) for key, (ours, theirs) in sorted(entry.diff.items()))


def resolve(session: Session, entry_id: int, choices: Mapping[str, Choice], *, actor: Actor) -> None:
    """Decide about every field of a conflict.

    Raises NotFound when it is decided already, Invalid when a field is left open or a value does not fit, and
    Conflict when the pair was parted meanwhile.
    """
    conflict = find(session, entry_id)
    missing = {field.key: "Choose which value stays." for field in conflict.fields if field.key not in choices}
    if missing:
        raise Invalid("Choose for every field which value stays.", missing)
    link = _link(session, conflict.entry)
    taken = {field.key: field.theirs for field in conflict.fields if choices[field.key] is Side.CRM}
    typed = {key: choice.value for key, choice in choices.items() if isinstance(choice, Typed)}
    ours = {field.key: typed[field.key] for field in conflict.fields if field.key in typed}
    _ensure_typed_well(ours)
    _write(session, link, {**taken, **ours}, actor=actor)
    link.snapshot = {**link.snapshot, **{field.key: field.theirs for field in conflict.fields}}
    conflict.entry.before = {"stays": {field.key: field.ours for field in conflict.fields} | taken | ours}
    conflict.entry.resolved_at, conflict.entry.resolved_by = now(), actor.name
    put_in_outbox(session, link.entity, [link.entity_id])


def resolve_all(session: Session, entry_ids: Iterable[int], side: Side, *, actor: Actor) -> int:
    """Decide all fields of several conflicts for one side; returns how many were still open."""
    decided = 0
    for entry_id in entry_ids:
        try:
            conflict = find(session, entry_id)
        except NotFound:
            continue
        resolve(session, entry_id, {field.key: side for field in conflict.fields}, actor=actor)
        decided += 1
    return decided


def _ensure_typed_well(values: Mapping[str, Value]) -> None:
    """Raise Invalid for what the customer's own form refuses and billing alone does not."""
    email = values.get("email")
    if email and not is_email_address(str(email)):
        words = "This is not an email address."
        raise Invalid(words, {"email": words})


def _link(session: Session, entry: SyncEntry) -> Link:
    ids: Sequence[int] = [entry.entity_id] if entry.entity_id is not None else []
    link = links_of(session, entry.connection_id, Entity(entry.entity), ids).get(entry.entity_id or 0)
    if link is None or link.crm_id != entry.crm_id:
        raise Conflict("This record is no longer linked to that CRM record, so there is nothing to decide.")
    return link


def _write(session: Session, link: Link, values: Mapping[str, Value], *, actor: Actor) -> None:
    if not values:
        return
    if link.entity == Entity.CUSTOMER:
        customers.change(session, customers.locked(session, link.entity_id), values=values, actor=actor)
    else:
        person = session.get_one(ContactPerson, link.entity_id, with_for_update=True, populate_existing=True)
        contact_persons.change(session, person, values=values, actor=actor)
