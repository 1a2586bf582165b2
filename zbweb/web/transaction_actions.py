"""What the buttons of quotes, sales orders and invoices do. Each asks a service once and goes where the result is."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import convert as conversion
from zbweb.billing import fulfilment, moves, payments, transactions
from zbweb.billing.models import Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind, Role
from zbweb.db import db, unit_of_work
from zbweb.errors import Invalid
from zbweb.web import access, htmx
from zbweb.web.forms.part import quantities_typed
from zbweb.web.kinds import PAGES, PATH, speak_kinds

bp = Blueprint("transaction_actions", __name__)
speak_kinds(bp)

ONE = f"{PATH}/<int:transaction_id>"


@bp.post(f"{ONE}/move")
@access.allow()
def move(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """Mark as sent, accepted, void and so on."""
    wanted = request.form.get("to", "")
    if wanted not in set(Status):
        raise Invalid("There is no such status. Reload the page and try again.")
    with unit_of_work() as session:
        held = transactions.get(session, kind, transaction_id)
        moved = moves.move(session, held, Status(wanted), access.person().actor)
    flash(f"{_name(moved)} is {moved.status} now.", "success")
    return _to(moved)


@bp.post(f"{ONE}/convert")
@access.allow()
def convert(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """Make the next document of this one; asking twice answers with the same one."""
    version = request.form.get("version", type=int)
    with unit_of_work() as session:
        held, actor = transactions.get(session, kind, transaction_id), access.person().actor
        if request.form.get("to") == Kind.SALES_ORDER:
            made = conversion.to_order(session, held, actor=actor)
        else:
            made = conversion.to_invoice(session, held, actor=actor, version=version)
    flash(f"{PAGES[Kind(made.kind)].name} made from {_name(held)}. It is a draft: check it and send it.", "success")
    return _to(made)


@bp.route(f"{ONE}/part", methods=["GET", "POST"])
@access.allow()
def part(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """Invoice some of an order: how much of each line."""
    order = transactions.get(db.session(), kind, transaction_id)
    if request.method == "GET":
        return _show_part(order)
    try:
        quantities = quantities_typed(request.form, [line.id for line in order.lines])
        with unit_of_work() as session:
            made = conversion.to_invoice(
                session, transactions.get(session, kind, transaction_id), quantities=quantities,
                actor=access.person().actor, version=request.form.get("version", type=int),
            )  # fmt: skip
    except Invalid as refusal:
        return _show_part(order, refusal)
    flash(f"Invoice made from {_name(order)}. It is a draft: check it and send it.", "success")
    return _to(made)


@bp.post(f"{ONE}/duplicate")
@access.allow()
def duplicate(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """A new draft with the same content."""
    with unit_of_work() as session:
        held = transactions.get(session, kind, transaction_id)
        made = transactions.duplicate(session, held, actor=access.person().actor)
    flash(f"This is a copy of {_name(held)}, dated today.", "success")
    return _to(made, "transactions.edit")


@bp.post(f"{ONE}/delete")
@access.allow()
def delete(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """Delete a draft."""
    with unit_of_work() as session:
        transactions.delete(session, transactions.get(session, kind, transaction_id), actor=access.person().actor)
    flash(f"The draft {PAGES[kind].noun} is deleted.", "success")
    return htmx.redirect(url_for("transactions.index", kind=kind))


@bp.post(f"{ONE}/apply-credit")
@access.allow(Role.ADMIN, Role.FINANCE)
def apply_credit(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """Settle an invoice from what the customer's payments have left."""
    with unit_of_work() as session:
        held = transactions.get(session, kind, transaction_id)
        used = payments.apply_credit(session, held, actor=access.person().actor)
    flash(f"{used:f} {held.currency} of the customer's credit went to {_name(held)}.", "success")
    return _to(held)


def _to(document: Transaction, endpoint: str = "transactions.show") -> ResponseReturnValue:
    return htmx.redirect(url_for(endpoint, kind=document.kind, transaction_id=document.id))


def _name(document: Transaction) -> str:
    page = PAGES[Kind(document.kind)]
    return f"{page.name} {document.number}" if document.number else f"The draft {page.noun}"


def _show_part(order: Transaction, refusal: Invalid | None = None) -> ResponseReturnValue:
    return htmx.page_or_block(
        "transactions/part.html", "panel", status=refusal.status if refusal else 200, refusal=refusal, document=order,
        page=PAGES[Kind(order.kind)], remaining=fulfilment.remaining(db.session(), order),
    )  # fmt: skip
