"""What undoing a run would mean, entry by entry, the newest first: the steps back, and what stands in the way.

Read in batches, because a first sync may have made very many records. Nothing is written here; what the steps do
is in `undo`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from zbweb.billing.models import ContactPerson, Customer, JournalEntry
from zbweb.billing.words import Origin
from zbweb.sync import holdings
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.undoing import Hindrance, Verb, revertible
from zbweb.sync.core.words import Direction, Entity, Outcome
from zbweb.sync.holdings import KINDS, TABLE_OF, Holding
from zbweb.sync.models import SyncEntry, SyncRun
from zbweb.sync.pull.departures import with_money

BATCH = 500
_CHANGED = (Outcome.ADDED, Outcome.UPDATED, Outcome.DELETED)
_MOVED = "customer_id"
"""The field of a contact person that tells whose it is; it is in no mapping."""
ADOPTIONS = frozenset({Reason.DUPLICATE_OVERWRITTEN, Reason.PAIRED})
"""Reasons of updates that also made the link."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry taken back. `fields` maps a field to (its value now, its value afterwards)."""

    entry: SyncEntry
    verb: Verb
    fields: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One entry that stays as it is, and why."""

    entry: SyncEntry
    why: Hindrance


@dataclass(frozen=True, slots=True)
class _Present:
    """What is here now of the records that a batch of entries of one kind speaks of; `local` are those changed."""

    here: Collection[int]
    local: Mapping[int, Holding]
    busy: Collection[int]
    edited: Collection[int]
    with_own_persons: Collection[int]
    customers: Collection[int]
    """Customers who are here, or will be again when the run is undone."""


def plan(session: Session, run: SyncRun, *, lock: bool = False) -> Iterator[list[Step | Obstacle]]:
    """The run's entries that changed anything, in batches; `lock` keeps what they speak of as it is until the end."""
    before = None
    while batch := _batch(session, run, before):
        before = batch[-1].id
        present = {entity: _present(session, run, entity, batch, lock=lock) for entity in TABLE_OF}
        yield [_verdict(entry, present) for entry in batch]


def _batch(session: Session, run: SyncRun, before: int | None) -> list[SyncEntry]:
    statement = select(SyncEntry).where(SyncEntry.run_id == run.id, SyncEntry.outcome.in_(_CHANGED))
    if before is not None:
        statement = statement.where(SyncEntry.id < before)
    return list(session.scalars(statement.order_by(SyncEntry.id.desc()).limit(BATCH)))


def _present(session: Session, run: SyncRun, entity: Entity, batch: Sequence[SyncEntry], *, lock: bool) -> _Present:
    mine = [entry for entry in batch if entry.entity == entity and entry.entity_id is not None]
    added = [entry.entity_id for entry in mine if entry.outcome == Outcome.ADDED and entry.entity_id is not None]
    others = [entry.entity_id for entry in mine if entry.outcome != Outcome.ADDED and entry.entity_id is not None]
    kind, is_customer = KINDS[TABLE_OF[entity]], entity is Entity.CUSTOMER
    return _Present(
        here=holdings.present(session, kind, added, lock=lock),
        local=holdings.load(session, kind, others, lock=lock),
        busy=with_money(session, added) if is_customer and added else (),
        edited=_edited(session, run, entity, added),
        with_own_persons=_with_own_persons(session, run, added) if is_customer else (),
        customers=_customers(session, run, batch) if not is_customer else (),
    )


def _edited(session: Session, run: SyncRun, entity: Entity, ids: Collection[int]) -> set[int]:
    """Those of the records that somebody else than the CRM has written."""
    statement = select(JournalEntry.entity_id).where(
        JournalEntry.entity == entity, JournalEntry.entity_id.in_(ids), *_by_somebody_since(run)
    )
    return set(session.scalars(statement.distinct())) if ids else set()


def _with_own_persons(session: Session, run: SyncRun, customer_ids: Collection[int]) -> set[int]:
    """Customers with a contact person whom somebody here has made or edited."""
    statement = (
        select(ContactPerson.customer_id)
        .join(
            JournalEntry,
            (JournalEntry.entity == Entity.CONTACT_PERSON) & (JournalEntry.entity_id == ContactPerson.id),
        )
        .where(ContactPerson.customer_id.in_(customer_ids), *_by_somebody_since(run))
    )
    return set(session.scalars(statement.distinct())) if customer_ids else set()


def _by_somebody_since(run: SyncRun) -> tuple[ColumnElement[bool], ...]:
    """Journal entries of others than the CRM; older ones speak of a record that had the number before."""
    return JournalEntry.origin != Origin.CRM, JournalEntry.at >= run.started_at


def _customers(session: Session, run: SyncRun, batch: Sequence[SyncEntry]) -> set[int]:
    wanted = {owner for entry in batch if (owner := _owner(entry)) is not None}
    here = select(Customer.id).where(Customer.id.in_(wanted))
    deleted = select(SyncEntry.entity_id).where(
        SyncEntry.run_id == run.id, SyncEntry.entity == Entity.CUSTOMER, SyncEntry.outcome == Outcome.DELETED,
        SyncEntry.reason == Reason.DELETED_IN_CRM, SyncEntry.entity_id.in_(wanted),
    )  # fmt: skip
    found = (*session.scalars(here), *session.scalars(deleted)) if wanted else ()
    return {customer_id for customer_id in found if customer_id is not None}


def _owner(entry: SyncEntry) -> int | None:
    """Whose the contact person of an entry would be again."""
    if entry.entity != Entity.CONTACT_PERSON:
        return None
    owner = entry.diff[_MOVED][0] if _MOVED in entry.diff else entry.before.get("record", {}).get(_MOVED)
    return int(owner) if owner is not None else None


# --- one entry --------------------------------------------------------------------------------------


def _verdict(entry: SyncEntry, present: Mapping[Entity, _Present]) -> Step | Obstacle:
    if entry.direction == Direction.OUT:
        return Obstacle(entry, Hindrance.SENT)
    if entry.entity not in present:
        return Obstacle(entry, Hindrance.DOCUMENT)
    here = present[Entity(entry.entity)]
    judge = {Outcome.ADDED: _of_added, Outcome.UPDATED: _of_updated, Outcome.DELETED: _of_deleted}
    return judge[Outcome(entry.outcome)](entry, here)


def _of_added(entry: SyncEntry, here: _Present) -> Step | Obstacle:
    if entry.entity_id not in here.here:
        return Obstacle(entry, Hindrance.GONE)
    for why, ids in (
        (Hindrance.MONEY, here.busy),
        (Hindrance.EDITED, here.edited),
        (Hindrance.PERSON_ADDED, here.with_own_persons),
    ):
        if entry.entity_id in ids:
            return Obstacle(entry, why)
    return Step(entry, Verb.REMOVE)


def _of_updated(entry: SyncEntry, here: _Present) -> Step | Obstacle:
    if entry.reason == Reason.MERGED_IN_CRM:
        return Obstacle(entry, Hindrance.MERGED)
    holding = here.local.get(entry.entity_id or 0)
    if holding is None:
        return Obstacle(entry, Hindrance.GONE)
    owner = _owner(entry)
    if owner is not None and owner not in here.customers:
        return Obstacle(entry, Hindrance.NO_CUSTOMER)
    fields = revertible(entry.diff, holdings.values_of(holding, entry.diff))
    if not fields and (entry.diff or entry.reason not in ADOPTIONS):
        return Obstacle(entry, Hindrance.CHANGED_SINCE)
    return Step(entry, Verb.RESTORE, fields)


def _of_deleted(entry: SyncEntry, here: _Present) -> Step | Obstacle:
    holding = here.local.get(entry.entity_id or 0)
    if entry.reason == Reason.DEACTIVATED:
        is_inactive = isinstance(holding, Customer) and not holding.active
        return Step(entry, Verb.ACTIVATE) if is_inactive else Obstacle(entry, Hindrance.CHANGED_SINCE)
    if not entry.before.get("record"):
        return Obstacle(entry, Hindrance.KEPT)
    owner = _owner(entry)
    if owner is not None and owner not in here.customers:
        return Obstacle(entry, Hindrance.NO_CUSTOMER)
    return Step(entry, Verb.RECREATE)
