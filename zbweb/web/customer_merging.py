"""Merging two customers that are one: choose who stays, see what is handed over, do it."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import customers
from zbweb.billing.queries import offers
from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict
from zbweb.sync.repair import merging
from zbweb.web import access, htmx

bp = Blueprint("customer_merging", __name__)


@bp.get("/customers/<int:customer_id>/merge")
@access.allow(Role.ADMIN, Role.FINANCE)
def choose(customer_id: int) -> ResponseReturnValue:
    """Find the customer who stays; namesakes are offered unasked."""
    session, typed = db.session(), request.args.get("q", "").strip()
    customer = customers.find(session, customer_id)
    found = offers.customers(session, typed) if typed else customers.namesakes(session, customer)
    return htmx.page(
        "customer_merging/choose.html", customer=customer, typed=typed, nav_active="customers",
        matches=[each for each in found if each.id != customer_id],
    )  # fmt: skip


@bp.get("/customers/<int:customer_id>/merge/<int:kept_id>")
@access.allow(Role.ADMIN, Role.FINANCE)
def confirm(customer_id: int, kept_id: int) -> ResponseReturnValue:
    """What merging the customer into the other one would do, or why it cannot be."""
    session, outlook, problem = db.session(), None, ""
    customer, kept = customers.find(session, customer_id), customers.find(session, kept_id)
    try:
        outlook = merging.outlook(session, kept, customer)
    except Conflict as refusal:
        problem = refusal.message
    return htmx.page(
        "customer_merging/confirm.html", customer=customer, kept=kept, outlook=outlook, problem=problem,
        nav_active="customers",
    )  # fmt: skip


@bp.post("/customers/<int:customer_id>/merge/<int:kept_id>")
@access.allow(Role.ADMIN, Role.FINANCE)
def merge(customer_id: int, kept_id: int) -> ResponseReturnValue:
    """Merge the customer into the other one."""
    with unit_of_work() as session:
        kept, customer = merging.both_locked(session, kept_id, customer_id)
        name = customer.display_name
        merging.merge(session, kept, customer, actor=access.person().actor)
    flash(f"{name} is merged into {kept.display_name}.", "success")
    return htmx.redirect(url_for("customers.show", customer_id=kept_id))
