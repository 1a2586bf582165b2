"""How a document stands with Zoho CRM, on its page: asked again while it waits, and tried again on request."""

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import transactions
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.sync.documents import state
from zbweb.web import access, htmx
from zbweb.web.kinds import PAGES

bp = Blueprint("transaction_sync", __name__)


@bp.get("/transactions/<int:transaction_id>/zoho-crm")
@access.allow()
def chip(transaction_id: int) -> ResponseReturnValue:
    """The state as a fragment, which asks for itself again while that may change by itself."""
    return _chip(transaction_id)


@bp.post("/transactions/<int:transaction_id>/zoho-crm/retry")
@access.allow()
def retry(transaction_id: int) -> ResponseReturnValue:
    """Send it again, now."""
    with unit_of_work() as session:
        document = transactions.find(session, transaction_id)
        state.send_again(session, document)
    if htmx.is_htmx():
        return _chip(transaction_id)
    flash("It is sent to Zoho CRM again.", "success")
    return htmx.redirect(url_for("transactions.show", kind=document.kind, transaction_id=transaction_id))


def _chip(transaction_id: int) -> ResponseReturnValue:
    session = db.session()
    document = transactions.find(session, transaction_id)
    return htmx.page(
        "transaction_sync/chip.html",
        document=document,
        page=PAGES[Kind(document.kind)],
        standing=state.standing(session, document),
    )
