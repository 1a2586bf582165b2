"""Undo of a sync: what would be taken back and what cannot be, and then the deed."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing.words import Role
from zbweb.crm.errors import CrmError
from zbweb.db import db, unit_of_work
from zbweb.sync import clients, history, runs
from zbweb.sync.core.undoing import SENTENCES, Verb
from zbweb.sync.core.words import Extent
from zbweb.sync.errors import CannotUndo, SyncError
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.repair import undo
from zbweb.sync.repair.undo import Key
from zbweb.sync.setup import mappings
from zbweb.web import access, crm_words, htmx

bp = Blueprint("sync_undo", __name__, url_prefix="/settings/integrations/zoho-crm/history")
bp.context_processor(crm_words.navigation)

_AT_ONCE = 2_000
"""Records that are looked through before the page is sent."""
VERBS = {
    Verb.REMOVE: "Added by this sync; removed here",
    Verb.RESTORE: "Changed by this sync; former values restored",
    Verb.RECREATE: "Deleted by this sync; brought back",
    Verb.ACTIVATE: "Marked inactive by this sync; active again",
}


@bp.get("/<int:run_id>/undo")
@access.allow(Role.ADMIN)
def show(run_id: int) -> ResponseReturnValue:
    """What undoing would do, for a person to confirm; what a very large sync did is looked through afterwards."""
    session = db.session()
    run = history.run_or_404(session, run_id)
    if run.added + run.updated + run.deleted > _AT_ONCE and not htmx.is_htmx() and "now" not in request.args:
        return htmx.page("sync_undo/show.html", run=run, found=None, problem="")
    found, problem = _outlook(session, run)
    setup = runs.setup_of(session, run.connection_id, run.module)
    return htmx.page_or_block(
        "sync_undo/show.html", "outlook", run=run, found=found, problem=problem, verbs=VERBS, hindrances=SENTENCES,
        labels=mappings.field_labels(session), goes_out=setup is not None and setup.extent == Extent.BOTH,
    )  # fmt: skip


def _outlook(session: Session, run: SyncRun) -> tuple[undo.Outlook, str]:
    """What would be taken back, or nothing and the sentence why nothing can be."""
    try:
        return undo.outlook(session, run), ""
    except CannotUndo as error:
        return undo.Outlook(), error.message


@bp.post("/<int:run_id>/undo")
@access.allow(Role.ADMIN)
def carry_out(run_id: int) -> ResponseReturnValue:
    """Take the sync back."""
    back, doubt = _back(db.session(), history.run_or_404(db.session(), run_id))
    again = request.form.get("removed") == "again"
    try:
        with unit_of_work() as session:
            done = undo.undo(session, run_id, actor=access.person().actor, back=back, fetch_again=again)
    except CannotUndo as error:
        flash(error.message, "warning")
    else:
        count = done.total()
        flash(f"Undone: {count:,} {'record was' if count == 1 else 'records were'} taken back.{doubt}", "success")
    return htmx.redirect(url_for("sync_history.show", run_id=run_id))


def _back(session: Session, run: SyncRun) -> tuple[set[Key], str]:
    """Deleted records that are in the CRM again, and a sentence when it could not be asked."""
    links = undo.deleted_links(session, run)
    if not links:
        return set(), ""
    try:
        connection = session.get_one(Connection, run.connection_id)
        client = clients.client_for_page(connection)
        return undo.back_in_crm(client, links), ""
    except (CrmError, SyncError):
        return set(), " Zoho CRM could not be asked, so what was brought back is not linked; use Link to… where needed."
