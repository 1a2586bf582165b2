"""Notifications of the CRM: kept the moment they come, handled a little later.

A notification is a hint that records changed, and never more. What it names is read anew, so one that comes twice,
late or out of order does no harm. While the sync is paused they wait, and so they do while the CRM is away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient
from zbweb.db import after_commit, db, unit_of_work, work_for
from zbweb.errors import AppError
from zbweb.sync import clients
from zbweb.sync.core.notices import Notice
from zbweb.sync.core.words import ConnectionStatus
from zbweb.sync.errors import SyncError
from zbweb.sync.models import Connection, CrmEvent
from zbweb.sync.notifications import arrivals
from zbweb.sync.potentials import deals

_LOOKALIKE = timedelta(seconds=10)
"""The CRM counts in seconds: two changes of one record in quick succession are told in the same words."""
_LEASE = timedelta(seconds=60)
_SOON, _LATER = timedelta(seconds=2), timedelta(seconds=30)
_GIVE_UP = timedelta(hours=1)
_KEPT = timedelta(days=8)
_REST = timedelta(seconds=8)
_RESTING = ("Accounts", "Contacts")
"""Changed customers rest: edits come in bursts, and a sync that is asked for meanwhile brings and counts them."""
_PATIENCE_SECONDS = 20.0
_AT_ONCE = 100
DocumentTaker = Callable[[Connection, str, Sequence[str], CrmClient], object]
_announce: list[Callable[[int], None]] = []
_documents: list[DocumentTaker] = []


def on_received(listener: Callable[[int], None]) -> None:
    """Have `listener(event_id)` called after each commit that kept a notification."""
    _announce[:] = [listener]


def on_documents(taker: DocumentTaker) -> None:
    """Have `taker(connection, crm_module, crm_ids, client)` called for quotes, sales orders and invoices."""
    _documents[:] = [taker]


def receive(session: Session, connection: Connection, notice: Notice) -> None:
    """Keep a notification and wake a worker, unless it rests. A replay is refused, but for a likely second change."""
    rests_until = now() + _REST if notice.module in _RESTING else None
    event = CrmEvent(
        organisation_id=connection.organisation_id, connection_id=connection.id, digest=notice.digest,
        module=notice.module, operation=notice.operation, crm_ids=list(notice.crm_ids), retry_at=rests_until,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(event)
    except IntegrityError:
        known = _known(session, connection, notice)
        if known.received_at < now() - _LOOKALIKE:
            return
        known.received_at, known.handled_at, known.retry_at = now(), None, rests_until
        event = known
    for listener in _announce if rests_until is None else ():
        after_commit(session, f"event-{event.id}", partial(listener, event.id))


def _known(session: Session, connection: Connection, notice: Notice) -> CrmEvent:
    statement = select(CrmEvent).where(CrmEvent.connection_id == connection.id, CrmEvent.digest == notice.digest)
    return session.scalars(statement.with_for_update()).one()


# --- handling ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hint:
    """What notifications of one module have named, and when the first of them came."""

    module: str
    crm_ids: Sequence[str]
    since: datetime
    events: Sequence[tuple[int, datetime]]


def handle(event_id: int, *, open_client: Callable[..., CrmClient] = clients.client_for) -> None:
    """Handle a notification, and with it the others that wait for the same module."""
    session = db.session()
    work_for(session, None)
    event = session.get(CrmEvent, event_id, populate_existing=True)
    if event is None or not _is_free(event):
        return
    work_for(session, event.organisation_id)
    connection = session.get_one(Connection, event.connection_id, populate_existing=True)
    if not connection.is_live or connection.is_paused:
        return
    hint = _take(connection, event.module)
    if not hint.crm_ids:
        _close(hint)
        return
    try:
        is_done = _act(connection, hint, open_client(connection, patience_seconds=_PATIENCE_SECONDS))
    except SyncError:  # paused or disabled a moment ago
        _put_off(hint, _SOON)
    except AppError as error:
        is_passing = isinstance(error, CrmError) and error.retryable
        _put_off(hint, _LATER, error.message) if is_passing else _close(hint, error.message)
    except Exception as error:
        _put_off(hint, _LATER, type(error).__name__)
        raise
    else:
        _close(hint) if is_done else _put_off(hint, _SOON)


def _is_free(event: CrmEvent) -> bool:
    return event.handled_at is None and (event.retry_at is None or event.retry_at <= now())


def _rests(event: CrmEvent) -> bool:
    """Whether it came too lately to be handled: an earlier notification leaves the records it names to it."""
    return not _is_free(event) and event.module in _RESTING and event.received_at > now() - _REST


def _take(connection: Connection, module: str) -> Hint:
    """Everything that waits for a module and is in nobody's hands; it is in ours for a minute from now on."""
    statement = (
        select(CrmEvent)
        .where(CrmEvent.connection_id == connection.id, CrmEvent.module == module, CrmEvent.handled_at.is_(None))
        .order_by(CrmEvent.id)
        .limit(_AT_ONCE)
    )
    with unit_of_work() as session:
        locked = statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        found = session.scalars(locked).all()
        free = [event for event in found if _is_free(event)]
        resting = {crm_id for event in found if _rests(event) for crm_id in event.crm_ids}
        for event in free:
            event.retry_at = now() + _LEASE
        ids = dict.fromkeys(crm_id for event in free for crm_id in event.crm_ids if crm_id not in resting)
        since = min((event.received_at for event in free), default=now())
        return Hint(module, list(ids), since, [(event.id, event.received_at) for event in free])


def _act(connection: Connection, hint: Hint, client: CrmClient) -> bool:
    """Whether everything was done; False when it has to wait."""
    if hint.module == "Deals":
        deals.on_change(connection, hint.crm_ids, client)
        return True
    if hint.module in ("Accounts", "Contacts"):
        return arrivals.bring(connection, hint.module, hint.crm_ids, hint.since, client)
    for take in _documents:
        take(connection, hint.module, hint.crm_ids, client)
    return True


def _close(hint: Hint, error: str = "") -> None:
    """These are handled; but one that came once more meanwhile is not."""
    with unit_of_work() as session:
        for event_id, received_at in hint.events:
            session.execute(
                update(CrmEvent)
                .where(CrmEvent.id == event_id, CrmEvent.received_at == received_at)
                .values(handled_at=now(), retry_at=None, error=error)
                .execution_options(synchronize_session=False)
            )


def _put_off(hint: Hint, wait: timedelta, error: str = "") -> None:
    db.session.rollback()
    with unit_of_work() as session:
        session.execute(
            update(CrmEvent)
            .where(CrmEvent.id.in_([event_id for event_id, _ in hint.events]))
            .values(retry_at=now() + wait, error=error)
            .execution_options(synchronize_session=False)
        )


# --- for the schedule -------------------------------------------------------------------------------


def waiting(session: Session) -> list[int]:
    """One notification per connection and module that waits and may be handled; on an unfenced session.

    One that failed for an hour is left to the next sync, which reads everything that changed.
    """
    moment = now()
    statement = (
        select(func.min(CrmEvent.id))
        .join(Connection, Connection.id == CrmEvent.connection_id)
        .where(
            CrmEvent.handled_at.is_(None),
            (CrmEvent.retry_at <= moment) | (CrmEvent.retry_at.is_(None) & (CrmEvent.received_at < moment - _SOON)),
            (CrmEvent.error == "") | (CrmEvent.received_at > moment - _GIVE_UP),
            Connection.status == ConnectionStatus.CONNECTED,
            Connection.paused_at.is_(None),
        )
        .group_by(CrmEvent.connection_id, CrmEvent.module)
    )
    return list(session.scalars(statement))


def forget_old(session: Session) -> None:
    """Drop notifications that nobody would replay any more; on an unfenced session."""
    session.execute(delete(CrmEvent).where(CrmEvent.received_at < now() - _KEPT, CrmEvent.handled_at.is_not(None)))
