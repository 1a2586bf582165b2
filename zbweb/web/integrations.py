"""The Zoho apps, and the details page of Zoho CRM: how the connection stands and what can be done about it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing.journal import Actor
from zbweb.billing.words import Kind, Role
from zbweb.db import after_commit, db, unit_of_work
from zbweb.jobs import queue
from zbweb.sync import connection as connections
from zbweb.sync import history, runs
from zbweb.sync.clients import client_for_page
from zbweb.sync.core.words import Trigger
from zbweb.sync.figures import metrics, panel_links
from zbweb.sync.models import Connection
from zbweb.sync.notifications import channels
from zbweb.web import access, crm_words, htmx
from zbweb.web.automation import switches

bp = Blueprint("integrations", __name__, url_prefix="/settings/integrations")
bp.context_processor(crm_words.navigation)

TRANSACTIONS = {kind: kind.plural for kind in Kind}


@bp.get("/zoho-apps")
@access.allow(Role.ADMIN)
def zoho_apps() -> ResponseReturnValue:
    """The apps that can be integrated."""
    return htmx.page("integrations/zoho_apps.html", connection=connections.active(db.session()))


@bp.get("/zoho-crm")
@access.allow(Role.ADMIN)
def zoho_crm() -> ResponseReturnValue:
    """Zoho CRM's details, or what connecting would mean."""
    connection = connections.active(db.session())
    if connection is None:
        return htmx.page("integrations/consent.html")
    details = _details(connection) | {"automation": switches(connection)}
    return htmx.page_or_block("integrations/zoho_crm.html", "standing", **details)


@bp.get("/zoho-crm/progress")
@access.allow(Role.ADMIN)
def progress() -> ResponseReturnValue:
    """The progress card; once nothing is under way it says so to the page, which then looks anew."""
    connection = connections.active_or_refuse(db.session())
    if not htmx.is_htmx():
        return htmx.redirect(url_for("integrations.zoho_crm"))
    details = _details(connection)
    answer = htmx.block("integrations/zoho_crm.html", "progress", **details)
    return answer if details["overview"].open_run else htmx.trigger(answer, "syncEnded")


@bp.post("/zoho-crm/instant-sync")
@access.allow(Role.ADMIN)
def instant_sync() -> ResponseReturnValue:
    """Sync now."""
    with unit_of_work() as session:
        connection = connections.active_or_refuse(session)
        runs.queue_run(session, connection, trigger=Trigger.INSTANT, actor_name=access.person().name)
    return _back("The sync begins as soon as a worker is free. You can leave this page.")


@bp.post("/zoho-crm/pause")
@access.allow(Role.ADMIN)
def pause() -> ResponseReturnValue:
    """Start no further sync."""
    with unit_of_work() as session:
        connection = connections.active_or_refuse(session)
        connections.pause(session, connection, actor=access.person().actor)
        overview = history.overview(session, connection)
    return _back(f"The sync is paused{_finishing(overview)}.")


def _finishing(overview: history.Overview) -> str:
    if not overview.is_running:
        return ""
    left = overview.remaining
    return ". The running sync is " + ("finishing first" if left is None else f"finishing {left:,} records")


@bp.post("/zoho-crm/resume")
@access.allow(Role.ADMIN)
def resume() -> ResponseReturnValue:
    """Let syncs begin again; what waited in the outbox goes at once."""
    _change(connections.resume, then_push=True)
    return _back("The sync goes on.")


@bp.post("/zoho-crm/disable")
@access.allow(Role.ADMIN)
def disable() -> ResponseReturnValue:
    """Let nothing leave or arrive."""
    _withdraw_channel(connections.active_or_refuse(db.session()))
    _change(connections.disable)
    return _back("The integration is disabled. Nothing is exchanged with Zoho CRM until you enable it again.")


@bp.post("/zoho-crm/enable")
@access.allow(Role.ADMIN)
def enable() -> ResponseReturnValue:
    """Go on where it stopped."""
    _change(connections.enable, then_push=True)
    return _back("The integration is enabled again. All links and settings are as they were.")


def _change(action: Callable[..., None], *, then_push: bool = False) -> None:
    actor: Actor = access.person().actor
    with unit_of_work() as session:
        connection = connections.active_or_refuse(session)
        action(session, connection, actor=actor)
        if then_push:
            _push_after(session, connection)


def _withdraw_channel(connection: Connection) -> None:
    """The last thing said to the CRM, as far as it can be said now."""
    if connection.is_live and connection.channel_events:
        channels.withdraw(connection, client_for_page(connection))


def _push_after(session: Session, connection: Connection) -> None:
    organisation_id = connection.organisation_id
    after_commit(session, f"outbox-{organisation_id}", lambda: queue.push_soon(organisation_id))


def _details(connection: Connection) -> dict[str, Any]:
    overview = history.overview(db.session(), connection)
    return {
        "connection": connection,
        "overview": overview,
        "transactions": TRANSACTIONS,
        "words": crm_words,
        "figures": metrics.overview(db.session(), connection),
        "panel_address": panel_links.address(connection),
    }


def _back(message: str) -> ResponseReturnValue:
    flash(message, "success")
    return htmx.redirect(url_for("integrations.zoho_crm"))
