"""A customer's link to the CRM: part the two, pair them by hand, fetch the CRM's values again, send ours."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import customers
from zbweb.billing.models import Customer
from zbweb.billing.words import CustomerType
from zbweb.db import db, unit_of_work
from zbweb.errors import AppError
from zbweb.sync.core.words import Entity
from zbweb.sync.pull import picking, searching
from zbweb.sync.pull.searching import Found
from zbweb.sync.repair import links
from zbweb.web import access, htmx, lookup

bp = Blueprint("customer_links", __name__)


@bp.post("/customers/<int:customer_id>/unlink")
@access.allow()
def unlink(customer_id: int) -> ResponseReturnValue:
    """Part the customer and its CRM record; both stay as they are."""
    with unit_of_work() as session:
        link = links.active_link(session, Entity.CUSTOMER, customer_id)
        links.unlink(session, link, actor=access.person().actor)
    flash("Unlinked. Neither record was changed, and the sync leaves them apart until you link them again.", "success")
    return _back(customer_id)


@bp.get("/customers/<int:customer_id>/link")
@access.allow()
def choose(customer_id: int) -> ResponseReturnValue:
    """Find the CRM record to pair the customer with."""
    customer = customers.find(db.session(), customer_id)
    typed = request.args.get("q", customer.display_name).strip()
    found, problem = _found(customer, typed)
    block = "results" if "q" in request.args else "dialog"
    return htmx.page_or_block(
        "customer_links/choose.html", block, customer=customer, module=_module(customer), typed=typed,
        found=found, problem=problem, nav_active="customers",
    )  # fmt: skip


@bp.post("/customers/<int:customer_id>/link")
@access.allow()
def link(customer_id: int) -> ResponseReturnValue:
    """Pair the customer with the chosen record, then fetch what the CRM says of it."""
    chosen, name = request.form.get("crm_id", ""), request.form.get("crm_name", "")
    with unit_of_work() as session:
        customer = customers.locked(session, customer_id)
        links.link_to(session, customer, _module(customer), chosen, crm_name=name, actor=access.person().actor)
    flash(f"{customer.display_name} is linked to {name or chosen} in Zoho CRM.", "success")
    return fetch(customer_id)


@bp.post("/customers/<int:customer_id>/fetch")
@access.allow()
def fetch(customer_id: int) -> ResponseReturnValue:
    """Fetch what the CRM says of the customer now; when it cannot be asked, the reason is shown."""
    session = db.session()
    customers.find(session, customer_id)
    try:
        link = links.active_link(session, Entity.CUSTOMER, customer_id)
        live, client = lookup.asked()
        picking.fetch_one(live, link.crm_module, link.crm_id, actor=access.person().actor, client=client)
        flash("Fetched from Zoho CRM.", "success")
    except AppError as refusal:
        flash(f"The record could not be fetched. {refusal.message}", "warning")
    return _back(customer_id)


@bp.post("/customers/<int:customer_id>/push")
@access.allow()
def push(customer_id: int) -> ResponseReturnValue:
    """Send the customer to the CRM now, ahead of the next sync."""
    customer = customers.find(db.session(), customer_id)
    try:
        with unit_of_work() as session:
            links.push_now(session, customer, actor=access.person().actor)
        flash("It is sent to Zoho CRM as soon as a worker is free.", "success")
    except AppError as refusal:
        flash(refusal.message, "warning")
    return _back(customer_id)


def _found(customer: Customer, typed: str) -> tuple[list[Found], str]:
    """What the CRM finds for a customer of this type; or nothing, and a sentence that says why not."""
    if len(typed) < searching.SHORTEST:
        return [], searching.TOO_SHORT
    try:
        live, client = lookup.asked()
        found = searching.search(db.session(), live, client, typed)
    except AppError as refusal:
        return [], refusal.message
    return [each for each in found if each.crm_module == _module(customer)], ""


def _module(customer: Customer) -> str:
    return links.CRM_MODULE[CustomerType(customer.type)]


def _back(customer_id: int) -> ResponseReturnValue:
    return htmx.redirect(url_for("customers.show", customer_id=customer_id))
