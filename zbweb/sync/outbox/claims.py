"""Whose turn it is to deliver: rows of the outbox are claimed by one atomic UPDATE and held by a lease.

One worker delivers for an organisation at a time, so that two documents never make the same product twice. The
lease's end is the claim's token: whoever finds another one there has lost the rows.
"""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from zbweb.billing.models import OutboxRow, Transaction
from zbweb.clock import now
from zbweb.db import organisation_of
from zbweb.sync.core.schedule import retry_at
from zbweb.sync.core.words import ConnectionStatus, Entity
from zbweb.sync.models import Connection

METRICS = "metrics"
"""The outbox entity of a customer whose figures the CRM has yet to be told; `entity_id` is the customer's."""
ENTITIES = (Entity.TRANSACTION.value, METRICS)
LEASE = timedelta(seconds=45)
BATCH = 100


class ClaimLost(Exception):
    """The lease ran out and another worker has taken the rows over."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row of the outbox as it was claimed. `told` is the refusal that the history has told already."""

    row_id: int
    stamp: int
    entity: str
    entity_id: int
    sent_at: datetime | None
    attempts: int
    told: str


@dataclass(slots=True)
class Claim:
    """The rows in our hands until `until`, by row id; a row leaves as soon as its fate is written down."""

    until: datetime
    rows: dict[int, Claimed] = field(default_factory=dict)


def is_anything_due(session: Session) -> bool:
    """Whether there is a row to claim; a cheap look before the claim's lock."""
    return session.scalars(select(OutboxRow.id).where(*_due(now())).limit(1)).first() is not None


def take(session: Session) -> Claim:
    """Claim what is due, oldest first; nothing while another worker delivers. The caller holds the connection's row."""
    moment = now()
    claim = Claim(moment + LEASE)
    if session.scalar(select(exists().where(OutboxRow.entity.in_(ENTITIES), OutboxRow.claimed_until > moment))):
        return claim
    row = aliased(OutboxRow)
    oldest = select(row.id).where(*_due(moment, row)).order_by(row.id).limit(BATCH).scalar_subquery()
    statement = update(OutboxRow).where(OutboxRow.id.in_(oldest), *_due(moment)).values(claimed_until=claim.until)
    rows = session.scalars(
        statement.returning(OutboxRow), execution_options={"synchronize_session": False, "populate_existing": True}
    ).all()
    claim.rows = {row.id: _claimed(row) for row in sorted(rows, key=lambda row: row.id)}
    return claim


def _claimed(row: OutboxRow) -> Claimed:
    return Claimed(row.id, row.stamp, row.entity, row.entity_id, row.sent_at, row.attempts, row.error_code)


def _due(moment: datetime, row: Any = OutboxRow) -> tuple[ColumnElement[bool], ...]:
    return (
        row.entity.in_(ENTITIES),
        or_(row.claimed_until.is_(None), row.claimed_until <= moment),
        or_(row.not_before.is_(None), row.not_before <= moment),
    )


def organisations_waiting(session: Session) -> list[int]:
    """Organisations that have rows to claim and may speak to the CRM now; the session is fenced to none."""
    statement = (
        select(OutboxRow.organisation_id)
        .join(Connection, Connection.organisation_id == OutboxRow.organisation_id)
        .where(*_due(now()), Connection.status == ConnectionStatus.CONNECTED, Connection.paused_at.is_(None))
        .distinct()
    )
    return list(session.scalars(statement))


def wake_documents(session: Session, customer_ids: Collection[int] | Select[int]) -> None:
    """Look at once at documents that wait for these customers."""
    theirs = select(Transaction.id).where(Transaction.customer_id.in_(customer_ids))
    waiting = update(OutboxRow).where(
        OutboxRow.entity == Entity.TRANSACTION, OutboxRow.not_before.is_not(None), OutboxRow.entity_id.in_(theirs)
    )
    session.execute(waiting.values(not_before=None).execution_options(synchronize_session=False))


def keep(session: Session, claim: Claim) -> None:
    """Extend the lease; raises ClaimLost when the rows are no longer ours."""
    until = now() + LEASE
    if _set(session, claim, claim.rows, claimed_until=until) < len(claim.rows):
        raise ClaimLost
    claim.until = until


def release(session: Session, claim: Claim) -> None:
    """Let go of what is left, so that it can be claimed at once."""
    _set(session, claim, claim.rows, claimed_until=None)
    claim.rows.clear()


def delivered(session: Session, claim: Claim, rows: Iterable[Claimed]) -> None:
    """The CRM knows these as they were read; a record that was changed since goes on waiting."""
    done = [claim.rows.pop(row.row_id) for row in list(rows)]
    for row in done:
        unchanged = OutboxRow.id == row.row_id, OutboxRow.stamp == row.stamp, OutboxRow.claimed_until == claim.until
        session.execute(delete(OutboxRow).where(*unchanged).execution_options(synchronize_session=False))
    _set(session, claim, [row.row_id for row in done], claimed_until=None, sent_at=None)


def refused(session: Session, claim: Claim, row: Claimed, *, code: str, words: str, hint: float | None = None) -> None:
    """Try this one again later, unless somebody changed it meanwhile: then at once."""
    del claim.rows[row.row_id]
    attempts = row.attempts + 1
    due = retry_at(attempts, now(), jitter=random.random(), hint_seconds=hint)  # noqa: S311  no secret
    said = {"attempts": attempts, "error_code": code[:64], "error_message": words, "not_before": due}
    _set(session, claim, [row.row_id], OutboxRow.stamp == row.stamp, **said)
    _set(session, claim, [row.row_id], claimed_until=None)


def later(session: Session, claim: Claim, row: Claimed, *, seconds: float) -> None:
    """It is nobody's fault; look again in a moment."""
    del claim.rows[row.row_id]
    _set(session, claim, [row.row_id], claimed_until=None, not_before=now() + timedelta(seconds=seconds))


def mark_sent(session: Session, claim: Claim, rows: Iterable[Claimed], at: datetime) -> None:
    """Say, before the CRM is called, that these are being sent; `at` by the CRM's clock."""
    _set(session, claim, [row.row_id for row in rows], sent_at=at)


def certain(session: Session, claim: Claim, row: Claimed) -> None:
    """Its fate is known now, whatever it is."""
    _set(session, claim, [row.row_id], sent_at=None)


def _set(session: Session, claim: Claim, row_ids: Iterable[int], *which: ColumnElement[bool], **values: Any) -> int:
    """Write on those of the rows that are still ours: another courier's claim is not touched by a late word of ours."""
    wanted: Sequence[int] = list(row_ids)
    if not wanted:
        return 0
    ours = OutboxRow.organisation_id == organisation_of(session), OutboxRow.claimed_until == claim.until
    statement = (
        update(OutboxRow.__table__)  # type: ignore[arg-type]
        .where(*ours, OutboxRow.id.in_(wanted), *which)
        .values(**values)
    )
    return session.connection().execute(statement).rowcount
