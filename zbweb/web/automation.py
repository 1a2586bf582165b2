"""Which documents follow potentials: the switches on the details page of Zoho CRM, and on a page of their own."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.db import after_commit, db, unit_of_work
from zbweb.errors import AppError
from zbweb.jobs import queue
from zbweb.sync import connection as connections
from zbweb.sync.clients import client_for_page
from zbweb.sync.core.words import Automation
from zbweb.sync.models import Connection
from zbweb.sync.potentials import automation
from zbweb.web import access, crm_words, htmx
from zbweb.web.forms.automation import AutomationForm

bp = Blueprint("automation", __name__, url_prefix="/settings/integrations/zoho-crm/automation")
bp.context_processor(crm_words.navigation)

_BOTH = "Choose one of the two: a potential makes a quote or an invoice."
_SAVED = {
    Automation.NONE: "Potentials make no documents any more.",
    Automation.INVOICE: "From now on an invoice is created when a potential is won.",
    Automation.QUOTE: "From now on a quote follows each new potential.",
}
_INSTEAD = {
    Automation.INVOICE: " No more quotes are made: a potential makes one of the two.",
    Automation.QUOTE: " No more invoices are made: a potential makes one of the two.",
}
"""What is said when the other switch was on until now."""


def switches(connection: Connection) -> AutomationForm:
    """The switches as they stand."""
    form = AutomationForm(formdata=None)
    form.show(Automation(connection.automation))
    return form


@bp.route("", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit() -> ResponseReturnValue:
    """The switches; turning one on asks Zoho CRM which potentials are closed already."""
    connection = connections.active_or_refuse(db.session())
    if request.method == "GET":
        return _page(connection, switches(connection))
    form = AutomationForm()
    choice = form.choice(Automation(connection.automation)) if form.validate() else None
    if choice is None:
        return _page(connection, form, problem="" if form.errors else _BOTH)
    before = Automation(connection.automation)
    has_changed, problem = _chosen(connection, choice)
    if problem:
        return _page(connection, switches(connection), problem=problem)
    return _saved(connection, _said(before, choice) if has_changed else "")


def _said(before: Automation, choice: Automation) -> str:
    return _SAVED[choice] + (_INSTEAD.get(choice, "") if before is not Automation.NONE else "")


def _chosen(connection: Connection, choice: Automation) -> tuple[bool, str]:
    """Whether the choice was another one and is saved now; or why it could not be."""
    try:
        return _choose(connection, choice), ""
    except AppError as refusal:
        return False, refusal.message


def _choose(connection: Connection, choice: Automation) -> bool:
    closed = None
    if choice is not Automation.NONE and choice != connection.automation:
        closed = automation.look(client_for_page(connection))
    with unit_of_work() as session:
        fresh = session.get_one(Connection, connection.id, populate_existing=True)
        has_changed = automation.choose(session, fresh, choice, closed, actor=access.person().actor)
        after_commit(session, "channel", lambda: queue.keep_channel(fresh.id))
    return has_changed


def _saved(connection: Connection, said: str) -> ResponseReturnValue:
    if htmx.is_htmx():
        answer = htmx.block("automation/edit.html", "card", connection=connection, automation=switches(connection))
        return htmx.toast(answer, said) if said else answer
    flash(said or "Nothing has changed.", "success")
    return htmx.redirect(url_for("integrations.zoho_crm"))


def _page(connection: Connection, form: AutomationForm, *, problem: str | None = None) -> ResponseReturnValue:
    return htmx.page_or_block(
        "automation/edit.html", "card", status=200 if problem is None else 422,
        connection=connection, automation=form, problem=problem,
    )  # fmt: skip
