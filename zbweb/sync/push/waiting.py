"""The outbox as the push sees it: who waits, who is being sent, who has arrived, who was refused.

A new record is marked `sent_at` before the CRM is called, in a unit of work of its own. The mark goes when the
fate is written down; one that is still there says that a record may exist in the CRM without our knowing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, literal, select, update
from sqlalchemy.orm import Session

from zbweb.billing.journal import put_in_outbox
from zbweb.billing.models import ContactPerson, Customer, OutboxRow
from zbweb.clock import now
from zbweb.db import organisation_of, tolerant_insert
from zbweb.sync.core.fields import Table
from zbweb.sync.core.words import Entity, LinkState
from zbweb.sync.holdings import KINDS
from zbweb.sync.models import Link

BATCH = 100
_MODELS: Mapping[Entity, type[Customer] | type[ContactPerson]] = {
    Entity.CUSTOMER: Customer,
    Entity.CONTACT_PERSON: ContactPerson,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the outbox as it was read; `stamp` tells whether the record was changed since."""

    row_id: int
    stamp: int
    entity_id: int
    sent_at: datetime | None


def after(session: Session, table: Table, row_id: int, *, only: Collection[int] | None = None) -> list[Waiting]:
    """The next rows after `row_id` of a kind, a batch of them; `only` names the local records wanted."""
    statement = _rows(table).where(OutboxRow.id > row_id)
    if only is not None:
        statement = statement.where(OutboxRow.entity_id.in_(only))
    return _read(session, statement.order_by(OutboxRow.id).limit(BATCH))


def among(session: Session, table: Table, row_ids: Collection[int]) -> list[Waiting]:
    """Those of the rows that still wait, as they are now."""
    return _read(session, _rows(table).where(OutboxRow.id.in_(row_ids)).order_by(OutboxRow.id))


def of_entity(session: Session, entity: Entity, row_ids: Collection[int]) -> list[Waiting]:
    """The same whatever type the customers have now."""
    statement = select(OutboxRow).where(OutboxRow.entity == entity, OutboxRow.id.in_(row_ids))
    return _read(session, statement.order_by(OutboxRow.id))


def in_doubt(session: Session, table: Table) -> list[Waiting]:
    """Rows that were sent and whose fate nobody wrote down."""
    return _read(session, _rows(table).where(OutboxRow.sent_at.is_not(None)).order_by(OutboxRow.id))


def orphans_in_doubt(session: Session) -> list[Waiting]:
    """Rows that were sent, and whose customers were deleted here before anybody knew what became of them."""
    statement = select(OutboxRow).where(
        OutboxRow.entity == Entity.CUSTOMER,
        OutboxRow.sent_at.is_not(None),
        ~exists().where(Customer.id == OutboxRow.entity_id).correlate(OutboxRow),
    )
    return _read(session, statement)


def are_waiting(session: Session, entity: Entity, ids: Collection[int]) -> set[int]:
    """Those of the local records that wait."""
    statement = select(OutboxRow.entity_id).where(OutboxRow.entity == entity, OutboxRow.entity_id.in_(ids))
    return set(session.scalars(statement))


def count(session: Session) -> int:
    """How many customers and persons wait."""
    statement = select(func.count()).select_from(OutboxRow).where(OutboxRow.entity.in_(_MODELS))
    return session.scalar(statement) or 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record that waits, as people know it. `problem` is the refusal of the last attempt, if there was one."""

    name: str
    entity: Entity
    customer_id: int
    is_new: bool
    problem: str


def first(session: Session, connection_id: int, limit: int) -> list[Outgoing]:
    """The first that wait, customers before persons; new ones have no partner in the CRM yet."""
    found: list[Outgoing] = []
    for entity, model in _MODELS.items():
        statement = (
            select(model, _link_of(connection_id, entity, model), OutboxRow.error_message)
            .join(OutboxRow, (OutboxRow.entity == entity) & (OutboxRow.entity_id == model.id))
            .order_by(OutboxRow.id)
            .limit(limit - len(found))
        )
        for record, is_linked, problem in session.execute(statement):
            assert isinstance(record, Customer | ContactPerson)  # as _MODELS says; its base has lost it
            name, customer_id = _known_as(record)
            found.append(Outgoing(name, entity, customer_id, not is_linked, problem))
    return found


def _known_as(record: Customer | ContactPerson) -> tuple[str, int]:
    """Its name, and the customer on whose page it is."""
    if isinstance(record, Customer):
        return record.display_name, record.id
    return record.full_name, record.customer_id


def _rows(table: Table) -> Select[Any]:
    kind = KINDS[table]
    statement = select(OutboxRow).where(OutboxRow.entity == kind.entity)
    if kind.customer_type is None:
        return statement
    return statement.join(Customer, Customer.id == OutboxRow.entity_id).where(Customer.type == kind.customer_type)


def _read(session: Session, statement: Select[Any]) -> list[Waiting]:
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return [Waiting(row.id, row.stamp, row.entity_id, row.sent_at) for row in rows]


def mark_sent(session: Session, waiting: Iterable[Waiting], at: datetime) -> None:
    """Say, before the CRM is called, that these are being sent."""
    _set(session, [each.row_id for each in waiting], sent_at=at)


def certain(session: Session, waiting: Iterable[Waiting]) -> None:
    """The fate of these is known now, whatever it is."""
    _set(session, [each.row_id for each in waiting], sent_at=None)


def delivered(session: Session, waiting: Iterable[Waiting]) -> None:
    """The CRM knows these as they were read; those that were changed meanwhile go on waiting."""
    rows = list(waiting)
    for each in rows:
        session.execute(
            delete(OutboxRow)
            .where(OutboxRow.id == each.row_id, OutboxRow.stamp == each.stamp)
            .execution_options(synchronize_session=False)
        )
    certain(session, rows)


def refused(session: Session, each: Waiting, *, code: str, words: str) -> None:
    """The CRM, or the mapping, refused this one; the next run tries again."""
    _set(
        session, [each.row_id],
        sent_at=None, attempts=OutboxRow.attempts + 1, error_code=code[:64], error_message=words,
    )  # fmt: skip


def _set(session: Session, row_ids: Sequence[int], **values: Any) -> None:
    statement = update(OutboxRow).where(OutboxRow.id.in_(row_ids)).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))


def drop_orphans(session: Session) -> None:
    """Forget rows of records that were deleted here: the CRM's are left alone."""
    for entity, model in _MODELS.items():
        statement = delete(OutboxRow).where(
            OutboxRow.entity == entity, ~exists().where(model.id == OutboxRow.entity_id).correlate(OutboxRow)
        )
        session.execute(statement.execution_options(synchronize_session=False))


def ensure(session: Session, entity: Entity, ids: Collection[int]) -> None:
    """Have these records wait, those that do so already untouched."""
    put_in_outbox(session, entity, sorted(set(ids) - are_waiting(session, entity, ids)))


def ensure_persons_of(session: Session, connection_id: int, customer_ids: Collection[int]) -> None:
    """Have the contact persons of newly linked customers wait, as far as they are not linked themselves."""
    statement = select(ContactPerson.id).where(
        ContactPerson.customer_id.in_(customer_ids), ~_link_of(connection_id, Entity.CONTACT_PERSON, ContactPerson)
    )
    ensure(session, Entity.CONTACT_PERSON, list(session.scalars(statement)))


def enrol_all(session: Session, connection_id: int) -> None:
    """Have every record without a link wait: the first push tells the CRM all that was here before."""
    organisation_id = organisation_of(session)
    columns = OutboxRow.__table__.c
    for entity, model in _MODELS.items():
        waits = exists().where(
            OutboxRow.organisation_id == organisation_id, OutboxRow.entity == entity, OutboxRow.entity_id == model.id
        )
        row = {
            "organisation_id": model.organisation_id,
            "entity": literal(entity.value, columns.entity.type),
            "entity_id": model.id,
            "stamp": literal(1),
            "queued_at": literal(now(), columns.queued_at.type),
            "attempts": literal(0),
            "error_code": literal("", columns.error_code.type),
            "error_message": literal("", columns.error_message.type),
        }
        unlinked = (
            select(*row.values())
            .where(model.organisation_id == organisation_id, ~waits, ~_link_of(connection_id, entity, model))
            .order_by(model.id)
        )
        statement = tolerant_insert(session, OutboxRow).from_select(list(row), unlinked)
        session.connection().execute(statement.on_conflict_do_nothing())  # one that is saved meanwhile waits already


def _link_of(connection_id: int, entity: Entity, model: type[Customer] | type[ContactPerson]) -> ColumnElement[bool]:
    return exists().where(
        Link.connection_id == connection_id,
        Link.entity == entity,
        Link.entity_id == model.id,
        Link.state == LinkState.ACTIVE,
    )
