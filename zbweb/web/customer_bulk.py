"""Changing many customers at once: chosen in the list, or everybody the list finds."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import custom_fields, customers, payment_terms
from zbweb.billing.books import own
from zbweb.billing.customers import BulkOutcome
from zbweb.billing.queries import customers as list_of
from zbweb.billing.queries.customers import View, Wanted
from zbweb.db import db, unit_of_work
from zbweb.errors import Invalid
from zbweb.sync.repair import links
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.customer_bulk import BulkForm, bulk_form

bp = Blueprint("customer_bulk", __name__)

LIMIT = 1000
"""How many customers one bulk action may change: it is done while the person waits."""
_NAMED = 5


@bp.post("/customers/bulk")
@access.allow()
def act() -> ResponseReturnValue:
    """The bar below the list: mark as active or inactive at once, or go on to choose fields."""
    ids = _chosen()
    if request.form.get("action") not in ("active", "inactive"):
        return _show(_form(db.session()), ids)
    with unit_of_work() as session:
        active = request.form["action"] == "active"
        outcome = customers.bulk_set_active(session, ids, active=active, actor=access.person().actor)
    return _done(outcome)


@bp.post("/customers/bulk/update")
@access.allow()
def update() -> ResponseReturnValue:
    """Give the chosen customers the chosen values."""
    ids, form = _chosen(), _form(db.session())
    saved = attempt(form, lambda session: _apply(session, ids, form.values()))
    return _show(form, ids, saved.status) if saved.value is None else _done(saved.value)


def _apply(session: Session, ids: Sequence[int], values: dict[str, Any]) -> BulkOutcome:
    if not values:
        raise Invalid("Tick at least one field to change.")
    return customers.bulk_update(session, ids, values=values, actor=access.person().actor)


def _form(session: Session) -> BulkForm:
    form = bulk_form(custom_fields.active(session), payment_terms.all_terms(session))
    form.currency.data = form.currency.data or own(session).base_currency
    return form


def _chosen() -> list[int]:
    """The ids that were ticked, or with `everything` those of the whole list; raises Invalid for none or too many."""
    ids = request.form.getlist("ids", type=int)
    if request.form.get("everything"):
        view = request.form.get("view", "")
        wanted = Wanted(View(view) if view in set(View) else View.ALL, request.form.get("q", ""))
        clause = links.crm_customer_ids_clause()
        ids = list_of.ids(db.session(), wanted, is_from_crm=clause, limit=LIMIT + 1)
    if not ids:
        raise Invalid("Choose at least one customer first.")
    if len(ids) > LIMIT:
        raise Invalid(f"At most {LIMIT:,} customers can be changed at once. Narrow the list with a view or a search.")
    return ids


def _show(form: BulkForm, ids: Sequence[int], status: int = 200) -> ResponseReturnValue:
    page = render_template("customer_bulk/update.html", form=form, ids=ids, nav_active="customers")
    return page, status


def _done(outcome: BulkOutcome) -> ResponseReturnValue:
    """Back to the list, saying what was done and who was left out."""
    changed = f"{outcome.changed} customer{' is' if outcome.changed == 1 else 's are'} changed"
    unchanged = f"; {outcome.unchanged} had these values already" if outcome.unchanged else ""
    flash(f"{changed}{unchanged}.", "success")
    for why, names in outcome.reasons().items():
        flash(f"{_listed(names)} left as {'it is' if len(names) == 1 else 'they are'}. {why}", "warning")
    view, search = (request.form.get(name) or None for name in ("view", "q"))
    return htmx.redirect(url_for("customers.index", view=view, q=search))


def _listed(names: Sequence[str]) -> str:
    """Who was refused: the first by name, the others by number, so that nobody is passed over."""
    if len(names) == 1:
        return f"{names[0]} was"
    named = names[:_NAMED]
    others = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{len(names):,} customers ({', '.join(named)}{others}) were"
