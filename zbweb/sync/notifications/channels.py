"""The standing order for notifications: what the CRM is to tell us, renewed in time, withdrawn when not needed.

Without it the sync still finds every change, only later; so a refusal is noted for people to see and tried again.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb import config
from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import Channel, CrmClient
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import AppError
from zbweb.sync import clients, runs
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.words import Automation, ConnectionStatus, Extent, SyncedModule
from zbweb.sync.errors import NotConnected
from zbweb.sync.models import Connection, ModuleSetup
from zbweb.sync.potentials import deals

log = structlog.get_logger()

HOOK_PATH = "/hooks/zoho/"
_LIFE = timedelta(days=6, hours=23)
"""As long as may be: the CRM allows a week."""
_RENEW_AFTER, _BEFORE_THE_END = timedelta(days=1), timedelta(minutes=10)
_LEASE = timedelta(seconds=60)
_SOON, _LATER = timedelta(seconds=30), timedelta(hours=1)
_PATIENCE_SECONDS = 20.0


def wanted(session: Session, connection: Connection) -> list[str]:
    """The events that the settings call for."""
    found = select(ModuleSetup).where(ModuleSetup.connection_id == connection.id, ModuleSetup.enabled)
    setups = {setup.module: setup for setup in session.scalars(found) if setup.is_saved}
    modules: list[str] = []
    if customers := setups.get(SyncedModule.CUSTOMERS):
        modules += dict.fromkeys(table.crm_module for table in runs.choices_of(customers).tables_read)
    if connection.automation != Automation.NONE:
        modules.append("Deals")
    modules += [
        crm_module
        for module, crm_module in CRM_MODULES.items()
        if module in setups and setups[module].extent == Extent.BOTH
    ]
    return [f"{module}.all" for module in modules]


def due(session: Session) -> list[int]:
    """The connections whose order is to be looked after; on an unfenced session."""
    live = select(Connection).where(
        Connection.status == ConnectionStatus.CONNECTED, Connection.credential_id.is_not(None)
    )
    return [each.id for each in session.scalars(live).all() if _is_due(session, each)]


def _is_due(session: Session, connection: Connection) -> bool:
    is_over = connection.channel_due_at is None or connection.channel_due_at <= now()
    if connection.channel_problem:
        return is_over
    events = wanted(session, connection)
    if connection.channel_events != events:
        return True
    return bool(events) and (is_over or connection.channel_url != _address(connection))


def _address(connection: Connection) -> str:
    return f"{config.current().public_url}{HOOK_PATH}{connection.hook_token}"


def keep(connection_id: int, *, open_client: Callable[..., CrmClient] = clients.client_for) -> None:
    """Order what the settings call for, renew the order, or withdraw it; a refusal is noted, not raised."""
    work_for(db.session(), None)
    events = _begin(connection_id)
    if events is None:
        return
    connection = db.session.get_one(Connection, connection_id)
    had_potentials = "Deals.all" in connection.channel_events
    try:
        client = open_client(connection, patience_seconds=_PATIENCE_SECONDS)
        channel = _order(client, connection, events) if events else None
        if channel is None:
            client.unwatch(connection.channel_id)
    except NotConnected:
        return  # disabled a moment ago
    except CrmError as error:
        _note_problem(connection_id, error)
        return
    _note(connection_id, channel)
    if channel and "Deals.all" in channel.events and not had_potentials:
        _look_back(connection_id, client)


def _begin(connection_id: int) -> list[str] | None:
    """The events to order, with the order's name and secret kept before the CRM hears them; None if nothing is due."""
    with unit_of_work() as session:
        statement = select(Connection).where(Connection.id == connection_id).with_for_update()
        connection = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
        if connection is None or not connection.is_live:
            return None
        work_for(session, connection.organisation_id)
        if not _is_due(session, connection):
            return None
        connection.channel_id = connection.channel_id or str(secrets.randbelow(9 * 10**14) + 10**14)
        connection.channel_secret = connection.channel_secret or secrets.token_urlsafe(32)
        return wanted(session, connection)


def _order(client: CrmClient, connection: Connection, events: list[str]) -> Channel:
    return client.watch(
        connection.channel_id,
        events=events,
        notify_url=_address(connection),
        token=connection.channel_secret,
        expires_at=now() + _LIFE,
    )


def _note(connection_id: int, channel: Channel | None) -> None:
    with unit_of_work() as session:
        connection = session.get_one(Connection, connection_id, populate_existing=True)
        connection.channel_problem = ""
        connection.channel_events = list(channel.events) if channel else []
        connection.channel_expires_at = channel.expires_at if channel else None
        connection.channel_url = _address(connection) if channel else ""
        connection.channel_due_at = _next_look(channel.expires_at) if channel else None


def _next_look(expires_at: datetime) -> datetime:
    """Daily, so that an order that was lost in the CRM is missed for a day at most; sooner if it ends sooner."""
    moment = now()
    return max(min(moment + _RENEW_AFTER, expires_at - _BEFORE_THE_END), moment + _LEASE)


def _note_problem(connection_id: int, error: CrmError) -> None:
    log.warning("channel_refused", connection_id=connection_id, error=error.message)
    wait = _SOON if error.retryable else _LATER
    with unit_of_work() as session:
        connection = session.get_one(Connection, connection_id, populate_existing=True)
        connection.channel_problem, connection.channel_due_at = error.message, now() + wait


def _look_back(connection_id: int, client: CrmClient) -> None:
    """What happened between switching the automation on and the order for notifications."""
    connection = db.session.get_one(Connection, connection_id, populate_existing=True)
    try:
        deals.catch_up(connection, client)
    except AppError as error:  # the next sync looks again
        log.warning("not_caught_up", connection_id=connection_id, error=error.message)


def withdraw(connection: Connection, client: CrmClient) -> None:
    """Before the integration is disabled: have the CRM tell us nothing more. If it is away, it forgets in a week."""
    try:
        client.unwatch(connection.channel_id)
    except CrmError as error:
        log.info("channel_not_withdrawn", connection_id=connection.id, error=error.message)
    _note(connection.id, None)
