"""The review list: customers that came from the CRM and may be the same as one of ours; one click decides each."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.errors import AppError, Conflict, NotFound
from zbweb.sync import clients
from zbweb.sync import connection as connections
from zbweb.sync.errors import SyncError
from zbweb.sync.models import Link
from zbweb.sync.pull import picking
from zbweb.sync.repair import review
from zbweb.web import access, crm_words, htmx

bp = Blueprint("review", __name__, url_prefix="/settings/integrations/zoho-crm/review")
bp.context_processor(crm_words.navigation)

_REFUSALS = (NotFound, Conflict, SyncError)
COMPARED = {
    "display_name": "Customer Display Name",
    "email": "Email",
    "phone": "Phone",
    "website": "Website",
    "billing_street": "Billing Street",
    "billing_city": "Billing City",
    "billing_country": "Billing Country",
}


@bp.get("")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """The pairs that nobody has decided, both customers side by side."""
    connection = connections.active_or_refuse(db.session())
    pairs, has_more = review.open_pairs(db.session(), connection.id, after=request.args.get("after", 0, type=int))
    return htmx.page(
        "review/index.html",
        pairs=pairs,
        total=review.count_open(db.session(), connection.id),
        following=pairs[-1].id if has_more else None,
        compared=COMPARED,
        likeness=crm_words.LIKENESS,
    )


@bp.post("/<int:pair_id>/link")
@access.allow(Role.ADMIN)
def link(pair_id: int) -> ResponseReturnValue:
    """The two are one: the older customer takes the CRM record over."""
    try:
        with unit_of_work() as session:
            made = review.link(session, pair_id, actor=access.person().actor)
    except _REFUSALS as error:
        flash(error.message, "warning")
    else:
        flash(*_fetched(made))
    return htmx.redirect(url_for("review.index"))


def _fetched(made: Link) -> tuple[str, str]:
    """Merge in what the CRM says; the pair stands even if the CRM cannot be asked now."""
    connection = connections.active_or_refuse(db.session())
    try:
        client = clients.client_for_page(connection)
        picking.fetch_one(connection, made.crm_module, made.crm_id, actor=access.person().actor, client=client)
    except AppError as error:
        return f"The two are one customer now, but its values could not be fetched. {error.message}", "warning"
    return f"The two are one customer now, linked to {made.crm_name} in Zoho CRM.", "success"


@bp.post("/<int:pair_id>/apart")
@access.allow(Role.ADMIN)
def keep_apart(pair_id: int) -> ResponseReturnValue:
    """The two are different, and nobody is asked again."""
    try:
        with unit_of_work() as session:
            customer = review.keep_apart(session, pair_id, actor=access.person().actor)
    except _REFUSALS as error:
        flash(error.message, "warning")
    else:
        flash(f"{customer.display_name} stays a customer of its own.", "success")
    return htmx.redirect(url_for("review.index"))
