"""The life of a run in the database: queued, claimed by one worker, kept alive, ended.

The database decides, not Redis: one running run per connection and module, a lease that a dead worker
loses, and queued runs that coalesce. Jobs are only the wake-up call, so losing or doubling one is harmless.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from zbweb.billing.journal import put_in_outbox
from zbweb.clock import now
from zbweb.db import after_commit
from zbweb.sync.core.choices import Choices, View
from zbweb.sync.core.words import (
    Direction,
    Entity,
    Extent,
    Outcome,
    Policy,
    RunStatus,
    Scope,
    SyncedModule,
    Trigger,
    Winner,
)
from zbweb.sync.errors import NotConnected, Paused, SetupIncomplete
from zbweb.sync.models import Connection, ModuleSetup, SyncEntry, SyncRun

LEASE = timedelta(seconds=20)
HEARTBEAT_SECONDS = 5.0
_OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
_announce: list[Callable[[int], None]] = []


def on_queued(listener: Callable[[int], None]) -> None:
    """Have `listener(run_id)` called after each commit that queued a run."""
    _announce[:] = [listener]


def announce(session: Session, run_id: int) -> None:
    """Wake a worker for this run once the unit of work has committed."""
    for listener in _announce:
        after_commit(session, f"run-{run_id}", partial(listener, run_id))


def queue_run(
    session: Session,
    connection: Connection,
    *,
    trigger: Trigger,
    actor_name: str,
    module: str = SyncedModule.CUSTOMERS,
    only: dict[str, Any] | None = None,
) -> SyncRun:
    """Queue a run, or return the one that waits already.

    While paused, Instant Sync is refused and other runs are held until Resume. Raises NotConnected,
    Paused or SetupIncomplete.
    """
    if not connection.is_live:
        raise NotConnected
    if connection.is_paused and trigger is Trigger.INSTANT:
        raise Paused
    if not _is_configured(session, connection, module):
        raise SetupIncomplete
    session.scalars(select(Connection).where(Connection.id == connection.id).with_for_update()).one()
    waiting = None if only else _waiting(session, connection, module)
    run = waiting or SyncRun(
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
        module=module,
        trigger=trigger,
        status=RunStatus.QUEUED,
        actor_name=actor_name,
        only=only or {},
    )
    session.add(run)
    session.flush()  # the announcement needs the run's id
    if not connection.is_paused:
        announce(session, run.id)
    return run


def _is_configured(session: Session, connection: Connection, module: str) -> bool:
    setup = setup_of(session, connection.id, module)
    return setup is not None and setup.is_saved and setup.enabled


def _waiting(session: Session, connection: Connection, module: str) -> SyncRun | None:
    statement = select(SyncRun).where(
        SyncRun.connection_id == connection.id, SyncRun.module == module, SyncRun.status == RunStatus.QUEUED
    )
    return next((run for run in session.scalars(statement) if not run.only), None)


def setup_of(session: Session, connection_id: int, module: str, *, lock: bool = False) -> ModuleSetup | None:
    """The module's setup, if anybody began one; `lock` whoever is about to change it."""
    statement = select(ModuleSetup).where(ModuleSetup.connection_id == connection_id, ModuleSetup.module == module)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def choices_of(setup: ModuleSetup) -> Choices:
    """The saved choices, frozen for a run."""
    return Choices(
        version=setup.version,
        scope=Scope(setup.scope),
        include_loose=setup.include_loose,
        extent=Extent(setup.extent),
        policy=Policy(setup.policy),
        winner=Winner(setup.winner),
        fire_triggers=setup.fire_triggers,
        account_view=View(setup.account_view_id, setup.account_view_name, setup.account_view_all),
        contact_view=View(setup.contact_view_id, setup.contact_view_name, setup.contact_view_all),
        mappings=setup.mappings,
    )


def open_run(session: Session, connection: Connection, module: str = SyncedModule.CUSTOMERS) -> SyncRun | None:
    """The run that is going on, else the one that waits."""
    statement = (
        select(SyncRun)
        .where(SyncRun.connection_id == connection.id, SyncRun.module == module, SyncRun.status.in_(_OPEN))
        .order_by(SyncRun.status.desc(), SyncRun.id)
    )
    return session.scalars(statement).first()


def last_run(session: Session, connection: Connection) -> SyncRun | None:
    """The run that ended last."""
    statement = (
        select(SyncRun)
        .where(SyncRun.connection_id == connection.id, SyncRun.finished_at.is_not(None))
        .order_by(SyncRun.finished_at.desc(), SyncRun.id.desc())
    )
    return session.scalars(statement).first()


def remaining(run: SyncRun) -> int | None:
    """How many records a running run has yet to see; None when that is not known (yet), as between two phases."""
    left = run.total - run.done if run.total is not None else 0
    return left if left > 0 else None


def claim(session: Session, run_id: int, owner: str) -> SyncRun | None:
    """Take a queued run, or one whose worker died; None when it is not to be had (now).

    The connection's row is locked first, so that of two workers only one sees the field free.
    """
    run = session.get(SyncRun, run_id)
    if run is None or not RunStatus(run.status).is_open:
        return None
    connection = session.scalars(select(Connection).where(Connection.id == run.connection_id).with_for_update()).one()
    session.refresh(run)
    moment = now()
    if not connection.is_live:
        end(session, run, RunStatus.CANCELLED, code="disabled", message="The integration was disabled.")
        return None
    if run.status == RunStatus.QUEUED and connection.is_paused:
        return None
    if run.status == RunStatus.RUNNING and run.lease_until and run.lease_until > moment:
        return None
    if is_running(session, run.connection_id, run.module, besides=run.id):
        return None
    _start(session, run, connection, owner)
    return run


def _start(session: Session, run: SyncRun, connection: Connection, owner: str) -> None:
    if run.status == RunStatus.QUEUED:
        setup = setup_of(session, connection.id, run.module)
        assert setup is not None, "a run is queued for a saved setup only"
        run.setup = choices_of(setup).to_json()
        run.started_at = now()
    run.status = RunStatus.RUNNING
    run.lease_owner = owner
    run.lease_until = now() + LEASE


def is_running(
    session: Session, connection_id: int, module: str = SyncedModule.CUSTOMERS, *, besides: int | None = None
) -> bool:
    """Whether a run of the module is going on, other than `besides`."""
    statement = select(SyncRun.id).where(
        SyncRun.connection_id == connection_id, SyncRun.module == module, SyncRun.status == RunStatus.RUNNING
    )
    if besides is not None:
        statement = statement.where(SyncRun.id != besides)
    return session.scalars(statement).first() is not None


def hold_running(session: Session, connection_id: int, module: str = SyncedModule.CUSTOMERS) -> None:
    """Have a run that is going on wait between two of its batches until this unit of work ends.

    Whoever writes holds the run first, then the connection, the setup, and the links, lest two wait for each other.
    """
    statement = select(SyncRun.id).where(
        SyncRun.connection_id == connection_id, SyncRun.module == module, SyncRun.status == RunStatus.RUNNING
    )
    session.scalars(statement.with_for_update()).all()


def hold_connection(session: Session, connection_id: int) -> Connection:
    """The connection as it is now, held until this unit of work ends; others may still refer to it."""
    statement = select(Connection).where(Connection.id == connection_id).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def keep_alive(session: Session, run_id: int, owner: str) -> bool:
    """Extend the lease; False when another worker has taken the run over."""
    statement = (
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.lease_owner == owner, SyncRun.status == RunStatus.RUNNING)
        .values(lease_until=now() + LEASE)
        .execution_options(synchronize_session=False)
    )
    return session.connection().execute(statement).rowcount == 1


def end(session: Session, run: SyncRun, status: RunStatus, *, code: str = "", message: str = "") -> None:
    """Close a run and wake the next one that waits for the same connection."""
    run.status = status
    run.error_code, run.error_message = code, message
    run.finished_at = now()
    run.started_at = run.started_at or run.finished_at
    run.lease_until, run.lease_owner, run.phase = None, "", ""
    release(session, run.connection_id)


def verdict(run: SyncRun) -> RunStatus:
    """How a run that came to its end went: never "succeeded" when a record failed."""
    return RunStatus.PARTLY_FAILED if run.failed else RunStatus.SUCCEEDED


def release(session: Session, connection_id: int) -> None:
    """Wake the runs that wait: Pause had held them, or another run had."""
    for run_id in session.scalars(
        select(SyncRun.id).where(SyncRun.connection_id == connection_id, SyncRun.status == RunStatus.QUEUED)
    ):
        announce(session, run_id)


def cancel_waiting(session: Session, connection: Connection, message: str) -> None:
    """End every run that has not started, because the connection was disabled or replaced; `message` says which."""
    statement = select(SyncRun).where(SyncRun.connection_id == connection.id, SyncRun.status == RunStatus.QUEUED)
    for run in session.scalars(statement):
        end(session, run, RunStatus.CANCELLED, code="disabled", message=message)


def retry_entries(session: Session, connection: Connection, entry_ids: list[int], *, actor_name: str) -> SyncRun | None:
    """Queue a run for just the records of these failed entries; documents on their way out need a delivery only."""
    entries = session.scalars(
        select(SyncEntry).where(SyncEntry.id.in_(entry_ids), SyncEntry.connection_id == connection.id)
    )
    only: dict[str, Any] = {"crm": {}, "local": {}}
    for entry in entries:
        if entry.entity == Entity.TRANSACTION and entry.direction == Direction.OUT and entry.entity_id is not None:
            put_in_outbox(session, Entity.TRANSACTION, [entry.entity_id])
        elif entry.crm_id:
            only["crm"].setdefault(entry.crm_module, []).append(entry.crm_id)
        elif entry.entity_id is not None:
            only["local"].setdefault(entry.entity, []).append(entry.entity_id)
    if not any(only.values()):
        return None
    return queue_run(session, connection, trigger=Trigger.RETRY, actor_name=actor_name, only=only)


def dismiss_outgoing(session: Session, connection: Connection, *, actor_name: str) -> None:
    """Mark failures to send customers as dismissed: whoever chose that nothing is sent has them never tried again."""
    statement = update(SyncEntry).where(
        SyncEntry.connection_id == connection.id, SyncEntry.direction == Direction.OUT,
        SyncEntry.entity.in_((Entity.CUSTOMER, Entity.CONTACT_PERSON)), SyncEntry.outcome == Outcome.FAILED,
        SyncEntry.resolved_at.is_(None),
    )  # fmt: skip
    session.execute(statement.values(resolved_at=now(), resolved_by=actor_name))


def dismiss(session: Session, entry_ids: list[int], *, actor_name: str) -> int:
    """Mark failures as seen and not to be tried again; returns how many there were."""
    entries = list(
        session.scalars(
            select(SyncEntry).where(
                SyncEntry.id.in_(entry_ids), SyncEntry.outcome == Outcome.FAILED, SyncEntry.resolved_at.is_(None)
            )
        )
    )
    for entry in entries:
        entry.resolved_at, entry.resolved_by = now(), actor_name
    return len(entries)
