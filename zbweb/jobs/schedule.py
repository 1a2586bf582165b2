"""What is due, found in the database and handed to the queue. Any number of schedulers may run.

Slots, leases and outbox rows lie in the database and are claimed there, so restarts neither lose nor
repeat a slot, and whatever a lost Redis forgot is found again here.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from zbweb import config, planner
from zbweb.billing import post
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue
from zbweb.sync import runs, withdrawal
from zbweb.sync.core.schedule import next_slot
from zbweb.sync.core.words import ConnectionStatus, RunStatus, SyncedModule, Trigger
from zbweb.sync.figures import metrics
from zbweb.sync.models import Connection, ModuleSetup, SyncRun
from zbweb.sync.notifications import channels, events
from zbweb.sync.outbox import claims

log = structlog.get_logger()

_QUEUED_TOO_LONG = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to look for every so many seconds."""

    name: str
    every_seconds: float
    work: Callable[[], None]


def start_due_runs() -> None:
    """Queue an automatic run for every connection whose slot has come, and move the slot on."""
    with unit_of_work() as session:
        work_for(session, None)
        for connection in _due(session):
            if not _take_slot(session, connection):
                continue
            work_for(session, connection.organisation_id)
            runs.queue_run(session, connection, trigger=Trigger.AUTO, actor_name="Schedule")
            work_for(session, None)


def _due(session: Session) -> Sequence[Connection]:
    statement = (
        select(Connection)
        .join(
            ModuleSetup,
            (ModuleSetup.connection_id == Connection.id) & (ModuleSetup.module == SyncedModule.CUSTOMERS),
        )
        .where(
            Connection.status == ConnectionStatus.CONNECTED,
            Connection.paused_at.is_(None),
            Connection.next_sync_at <= now(),
            ModuleSetup.version > 0,
            ModuleSetup.enabled,
        )
    )
    return session.scalars(statement).all()


def _take_slot(session: Session, connection: Connection) -> bool:
    """Move the slot forward; only one scheduler can move it from where it is."""
    slot = connection.next_sync_at
    following = next_slot(slot, now(), config.current().auto_sync_minutes)
    moved = session.connection().execute(
        update(Connection.__table__)  # type: ignore[arg-type]
        .where(Connection.__table__.c.id == connection.id, Connection.__table__.c.next_sync_at == slot)
        .values(next_sync_at=following)
    )
    return moved.rowcount == 1


def wake_waiting_runs() -> None:
    """Hand on runs that nobody works on: their worker died, or their job was lost with Redis."""
    moment = now()
    abandoned = (SyncRun.status == RunStatus.RUNNING) & (SyncRun.lease_until < moment)
    forgotten = (SyncRun.status == RunStatus.QUEUED) & (SyncRun.queued_at < moment - _QUEUED_TOO_LONG)
    statement = (
        select(SyncRun.id)
        .join(Connection, Connection.id == SyncRun.connection_id)
        .where(abandoned | (forgotten & Connection.paused_at.is_(None)))
    )
    if not queue.is_waiting(queue.SYNC):
        for run_id in db.session.scalars(statement):
            queue.run_sync(run_id)


def wake_outboxes() -> None:
    """Hand on what waits to be told: its time has come again, its worker died, or its job was lost with Redis."""
    if not queue.is_waiting(queue.INSTANT):
        for organisation_id in claims.organisations_waiting(db.session()):
            queue.push_soon(organisation_id)


def wake_emails() -> None:
    """Hand on e-mails that nobody sends."""
    if not queue.is_waiting(queue.INSTANT):
        for email_id in post.due(db.session()):
            queue.send_email(email_id)


def turn_the_day() -> None:
    """Have figures told anew where a calendar day has ended, and what was due is overdue."""
    with unit_of_work() as session:
        work_for(session, None)
        live = select(Connection).where(Connection.status == ConnectionStatus.CONNECTED)
        for connection in session.scalars(live).all():
            work_for(session, connection.organisation_id)
            metrics.owe_after_midnight(session, connection)


def keep_channels() -> None:
    """Hand on the orders for notifications that are missing, outdated or about to end."""
    if not queue.is_waiting(queue.INSTANT):
        for connection_id in channels.due(db.session()):
            queue.keep_channel(connection_id)


def wake_notifications() -> None:
    """Hand on notifications that waited for a resume, a run or the CRM, or whose job was lost with Redis."""
    if not queue.is_waiting(queue.INSTANT):
        for event_id in events.waiting(db.session()):
            queue.handle_event(event_id)


def forget_notifications() -> None:
    """Drop notifications that are long handled."""
    with unit_of_work() as session:
        work_for(session, None)
        events.forget_old(session)


def wake_withdrawals() -> None:
    """Hand on replaced refresh tokens that wait to be withdrawn: Zoho was away, or the job was lost with Redis."""
    if not queue.is_waiting(queue.INSTANT):
        for credential_id in withdrawal.waiting(db.session()):
            queue.withdraw_token(credential_id)


def refresh_statistics() -> None:
    """Keep SQLite's planner informed; connections see it when the pool opens them anew."""
    planner.inform(db.engine)


CHORES: tuple[Chore, ...] = (
    Chore("start due runs", 1.0, start_due_runs),
    Chore("wake waiting runs", 5.0, wake_waiting_runs),
    Chore("wake outboxes", 5.0, wake_outboxes),
    Chore("wake emails", 5.0, wake_emails),
    Chore("turn the day", 60.0, turn_the_day),
    Chore("keep channels", 5.0, keep_channels),
    Chore("wake notifications", 2.0, wake_notifications),
    Chore("forget notifications", 3600.0, forget_notifications),
    Chore("wake withdrawals", 3600.0, wake_withdrawals),
    Chore("refresh statistics", 1800.0, refresh_statistics),
)


def run_chores(chores: Sequence[Chore], due_at: dict[str, float], clock: float) -> None:
    """Do every chore whose time has come; one that fails is logged and tried at its next time."""
    for chore in chores:
        if due_at.get(chore.name, 0.0) > clock:
            continue
        due_at[chore.name] = clock + chore.every_seconds
        try:
            work_for(db.session(), None)
            chore.work()
        except (DBAPIError, RedisError) as error:
            log.warning("chore_failed", chore=chore.name, error=str(error))
        except Exception:
            log.exception("chore_failed", chore=chore.name)
        finally:
            db.session.remove()


def run_forever(should_stop: Callable[[], bool]) -> None:
    """The scheduler's loop."""
    due_at: dict[str, float] = {}
    while not should_stop():
        run_chores(CHORES, due_at, time.monotonic())
        time.sleep(0.25)
