"""Settings > Taxes."""

from decimal import Decimal

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import taxes
from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.settings import TaxForm

bp = Blueprint("taxes", __name__)


@bp.get("/settings/taxes")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """Every tax."""
    return render_template("taxes/index.html", taxes=taxes.all_taxes(db.session()), nav_active="settings")


@bp.route("/settings/taxes/new", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def new() -> ResponseReturnValue:
    """A new tax."""
    return _form(None)


@bp.route("/settings/taxes/<int:tax_id>/edit", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit(tax_id: int) -> ResponseReturnValue:
    """Rename a tax or change its rate, for documents made from now on."""
    return _form(tax_id)


@bp.post("/settings/taxes/<int:tax_id>/active")
@access.allow(Role.ADMIN)
def set_active(tax_id: int) -> ResponseReturnValue:
    """Offer a tax, or stop offering it."""
    active = request.form.get("active") == "1"
    with unit_of_work() as session:
        tax = taxes.find(session, tax_id)
        taxes.set_active(session, tax, active=active, actor=access.person().actor)
    flash(f"{tax.name} is {'active' if active else 'inactive'} now.", "success")
    return htmx.redirect(url_for("taxes.index"))


def _form(tax_id: int | None) -> ResponseReturnValue:
    tax = taxes.find(db.session(), tax_id) if tax_id is not None else None
    form, status = TaxForm(obj=tax), 200
    if request.method == "POST":
        saved = attempt(form, lambda session: _save(session, tax_id, form))
        if not saved.refused:
            flash(f"The tax {form.name.data} is saved.", "success")
            return htmx.redirect(url_for("taxes.index"))
        status = saved.status
    return htmx.page("taxes/form.html", status=status, form=form, tax=tax, nav_active="settings")


def _save(session: Session, tax_id: int | None, form: TaxForm) -> None:
    name, rate, actor = form.name.data or "", form.rate.data or Decimal(0), access.person().actor
    if tax_id is None:
        taxes.create(session, name=name, rate=rate, actor=actor)
    else:
        taxes.edit(session, taxes.find(session, tax_id), name=name, rate=rate, actor=actor)
