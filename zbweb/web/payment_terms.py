"""Settings > Payment Terms."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import payment_terms
from zbweb.billing.payment_terms import KIND_LABELS
from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.settings import TermForm

bp = Blueprint("payment_terms", __name__)


@bp.get("/settings/payment-terms")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """Every payment term."""
    terms = payment_terms.all_terms(db.session())
    return render_template("payment_terms/index.html", terms=terms, kinds=KIND_LABELS, nav_active="settings")


@bp.route("/settings/payment-terms/new", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def new() -> ResponseReturnValue:
    """New payment terms."""
    return _form(None)


@bp.route("/settings/payment-terms/<int:term_id>/edit", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit(term_id: int) -> ResponseReturnValue:
    """Change payment terms; due dates of documents that exist stay."""
    return _form(term_id)


@bp.post("/settings/payment-terms/<int:term_id>/delete")
@access.allow(Role.ADMIN)
def delete(term_id: int) -> ResponseReturnValue:
    """Delete payment terms that nobody has."""
    with unit_of_work() as session:
        term = payment_terms.find(session, term_id)
        payment_terms.delete(session, term, actor=access.person().actor)
    flash(f"The payment terms {term.name} are deleted.", "success")
    return htmx.redirect(url_for("payment_terms.index"))


def _form(term_id: int | None) -> ResponseReturnValue:
    term = payment_terms.find(db.session(), term_id) if term_id is not None else None
    form, status = TermForm(obj=term), 200
    if request.method == "POST":
        saved = attempt(form, lambda session: _save(session, term_id, form))
        if not saved.refused:
            flash(f"The payment terms {form.name.data} are saved.", "success")
            return htmx.redirect(url_for("payment_terms.index"))
        status = saved.status
    return htmx.page("payment_terms/form.html", status=status, form=form, term=term, nav_active="settings")


def _save(session: Session, term_id: int | None, form: TermForm) -> None:
    actor = access.person().actor
    if term_id is None:
        payment_terms.create(session, form.draft(), actor=actor)
    else:
        payment_terms.edit(session, payment_terms.find(session, term_id), form.draft(), actor=actor)
