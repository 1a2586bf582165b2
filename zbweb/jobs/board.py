"""What the admins' page of background work shows: the machine's queues and workers, and one's own organisation's work.

Redis belongs to every organisation; a failed job is shown to, and touched by, the one whose row it worked on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from zbweb.billing.models import EmailMessage, OutboxRow
from zbweb.billing.words import EmailStatus
from zbweb.crm.credentials import CrmCredential
from zbweb.db import organisation_of
from zbweb.errors import NotFound
from zbweb.jobs import queue
from zbweb.jobs.queue import FailedJob, WorkerState
from zbweb.sync.core.words import RunStatus
from zbweb.sync.models import Connection, CrmEvent, SyncRun

TASK_NAMES = {
    "run_sync": "Sync",
    "push": "Send to Zoho CRM",
    "handle_event": "Notification from Zoho CRM",
    "send_email": "E-mail",
    "keep_channel": "Order for notifications",
    "withdraw_token": "Withdrawal of replaced access",
}
"""What each task is called on the page."""

_ROWS: dict[str, InstrumentedAttribute[int]] = {
    "run_sync": SyncRun.id,
    "handle_event": CrmEvent.id,
    "send_email": EmailMessage.id,
    "keep_channel": Connection.id,
    "withdraw_token": CrmCredential.id,
}
"""The rows that tasks work on; `push` is given an organisation."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What Redis tells; `depths` is by queue."""

    depths: dict[str, int]
    workers: tuple[WorkerState, ...]
    failed: tuple[FailedJob, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Records of one kind that the CRM has not been told of; `troubled` of them were tried in vain."""

    entity: str
    count: int
    troubled: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """The whole page; `machinery` is None while Redis is away."""

    machinery: Machinery | None
    runs: tuple[SyncRun, ...]
    outbox: tuple[Waiting, ...]
    emails: dict[str, int]


def look(session: Session) -> Board:
    """Background work as it stands, for the session's organisation."""
    open_runs = select(SyncRun).where(SyncRun.status.in_((RunStatus.QUEUED, RunStatus.RUNNING))).order_by(SyncRun.id)
    emails = select(EmailMessage.status, func.count()).group_by(EmailMessage.status)
    counts = {status: count for status, count in session.execute(emails) if status != EmailStatus.SENT}
    return Board(_machinery(session), tuple(session.scalars(open_runs)), _outbox(session), counts)


def retry(session: Session, job_id: str) -> None:
    """Have a failed job of the organisation tried again; raises NotFound."""
    _act(session, job_id, queue.retry_failed)


def delete(session: Session, job_id: str) -> None:
    """Forget a failed job of the organisation; what it worked on stays. Raises NotFound."""
    _act(session, job_id, queue.delete_failed)


def _act(session: Session, job_id: str, act: Callable[[FailedJob], None]) -> None:
    machinery = _machinery(session)
    failed = next((each for each in machinery.failed if each.id == job_id), None) if machinery else None
    if failed is None:
        raise NotFound("That job has been tried again or forgotten already.")
    act(failed)


def _machinery(session: Session) -> Machinery | None:
    try:
        failed = _ours(session, queue.failed_jobs())
        return Machinery(queue.depths(), tuple(queue.workers()), tuple(failed))
    except (RedisError, ValueError):  # ValueError: no Redis is configured at all
        return None


def _ours(session: Session, failed: Iterable[FailedJob]) -> list[FailedJob]:
    failed = list(failed)
    own: set[tuple[str, int]] = {("push", organisation_of(session))}
    for task, key in _ROWS.items():
        ids = {each.row_id for each in failed if each.task == task}
        if ids:
            own |= {(task, row_id) for row_id in session.scalars(select(key).where(key.in_(ids)))}
    return [each for each in failed if (each.task, each.row_id) in own]


def _outbox(session: Session) -> tuple[Waiting, ...]:
    troubled: Any = func.count().filter(OutboxRow.attempts > 0)
    statement = (
        select(OutboxRow.entity, func.count(), troubled, func.min(OutboxRow.queued_at))
        .group_by(OutboxRow.entity)
        .order_by(OutboxRow.entity)
    )
    return tuple(Waiting(*row) for row in session.execute(statement))
