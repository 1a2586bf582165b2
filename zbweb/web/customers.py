"""Customers: the list, one customer, and the form that makes and edits them."""

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import contact_persons, custom_fields, customers, payment_terms, receivables
from zbweb.billing.books import own
from zbweb.billing.models import Customer
from zbweb.billing.queries import activity
from zbweb.billing.queries import customers as list_of
from zbweb.billing.queries.customers import VIEW_LABELS, View, Wanted
from zbweb.db import db, unit_of_work
from zbweb.sync import connection
from zbweb.sync.core.words import Entity
from zbweb.sync.repair import links
from zbweb.web import access, htmx, spreadsheet
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.customers import ADDRESS_PARTS, CustomerForm, customer_form
from zbweb.web.listing import window

bp = Blueprint("customers", __name__)


@bp.get("/customers")
@access.allow()
def index() -> ResponseReturnValue:
    """The list, by view, search and order."""
    session, wanted = db.session(), wanted_list()
    page = list_of.page(session, wanted, window(), is_from_crm=links.crm_customer_ids_clause())
    ids = [customer.id for customer in page.rows]
    return htmx.page_or_block(
        "customers/index.html", "rows", page=page, wanted=wanted, views=VIEW_LABELS, nav_active="customers",
        base_currency=own(session).base_currency, receivables=list_of.receivables(session, ids),
        linked=links.linked_ids(session, Entity.CUSTOMER, ids),
    )  # fmt: skip


@bp.get("/customers/export.csv")
@access.allow()
def export() -> Response:
    """The whole list as view, search and order have it, for a spreadsheet."""
    session = db.session()
    rows = list_of.csv_rows(
        session, wanted_list(), is_from_crm=links.crm_customer_ids_clause(), base_currency=own(session).base_currency
    )
    return spreadsheet.attachment("customers", rows)


@bp.route("/customers/new", methods=["GET", "POST"])
@access.allow()
def new() -> ResponseReturnValue:
    """A new customer."""
    form = _form(None)
    if request.method == "GET" or _reshaped(form):
        return _show_form(form, None)
    saved = attempt(form, lambda session: customers.create(session, form.draft({}), actor=access.person().actor))
    if saved.value is None:
        return _show_form(form, None, saved.status)
    _mention_namesakes(saved.value)
    flash(f"{saved.value.display_name} is saved.", "success")
    return htmx.redirect(url_for("customers.show", customer_id=saved.value.id))


@bp.get("/customers/<int:customer_id>")
@access.allow()
def show(customer_id: int) -> ResponseReturnValue:
    """One customer: who they are, what they owe, and the CRM record they are linked with."""
    session = db.session()
    customer = customers.find(session, customer_id)
    link = links.inspect(session, Entity.CUSTOMER, customer_id)
    live = link.connection if link else connection.active(session)
    return render_template(
        "customers/show.html", customer=customer, tab="overview", nav_active="customers", link=link, connection=live,
        why_none="" if link else links.why_none(session, live, customer_id),
        fields=custom_fields.offered(session),
        balance=receivables.balance(session, customer_id),
        activities=activity.of_customer(session, customer, limit=6),
    )  # fmt: skip


@bp.get("/customers/<int:customer_id>/activity")
@access.allow()
def history(customer_id: int) -> ResponseReturnValue:
    """Everything that happened to a customer, by the journal."""
    session, before = db.session(), request.args.get("before", type=int)
    customer = customers.find(session, customer_id)
    activities = activity.of_customer(session, customer, limit=51, before=before)
    return render_template(
        "customers/activity.html", customer=customer, tab="activity", nav_active="customers",
        activities=activities[:50], older=activities[49].id if len(activities) > 50 else None, before=before,
    )  # fmt: skip


@bp.route("/customers/<int:customer_id>/edit", methods=["GET", "POST"])
@access.allow()
def edit(customer_id: int) -> ResponseReturnValue:
    """Edit a customer."""
    customer = customers.find(db.session(), customer_id)
    form = _form(customer)
    if request.method == "GET" or _reshaped(form):
        return _show_form(form, customer)
    saved = attempt(form, lambda session: _save(session, customer_id, form))
    if saved.refused:
        return _show_form(form, customer, saved.status)
    _mention_namesakes(customer)
    flash("The changes are saved." if saved.value else "Nothing was changed.", "success")
    return htmx.redirect(url_for("customers.show", customer_id=customer_id))


@bp.post("/customers/<int:customer_id>/active")
@access.allow()
def set_active(customer_id: int) -> ResponseReturnValue:
    """Mark a customer active or inactive."""
    active = request.form.get("active") == "1"
    with unit_of_work() as session:
        customer = customers.locked(session, customer_id)
        customers.set_active(session, customer, active=active, actor=access.person().actor)
    flash(f"{customer.display_name} is {'active' if active else 'inactive'} now.", "success")
    return htmx.redirect(url_for("customers.show", customer_id=customer_id))


@bp.post("/customers/<int:customer_id>/delete")
@access.allow()
def delete(customer_id: int) -> ResponseReturnValue:
    """Delete a customer that nothing was ever billed to; the link to the CRM is archived with it."""
    with unit_of_work() as session:
        customer = customers.locked(session, customer_id)
        customers.delete(session, customer, actor=access.person().actor)
    flash(f"{customer.display_name} is deleted.", "success")
    return htmx.redirect(url_for("customers.index"))


def wanted_list() -> Wanted:
    """What the list's URL, or the form around it, asks for; nonsense is ignored."""
    view = request.values.get("view", "")
    return Wanted(
        view=View(view) if view in set(View) else View.ALL,
        search=request.values.get("q", ""),
        sort=request.values.get("sort", "name"),
    )


def _form(customer: Customer | None) -> CustomerForm:
    session = db.session()
    fields = custom_fields.offered(session)
    terms = payment_terms.all_terms(session)
    form = customer_form(fields[customers.ENTITY], fields[contact_persons.ENTITY], terms, obj=customer)
    if not form.is_submitted() and not form.currency.data:
        form.currency.data = own(session).base_currency
    return form


def _reshaped(form: CustomerForm) -> bool:
    """Whether a button was pressed that changes the form instead of saving it."""
    pressed = request.form
    if "add_person" in pressed:
        form.add_person()
    elif "remove_person" in pressed:
        form.remove_person(pressed["remove_person"])
    elif "copy_address" in pressed:
        form.copy_billing_address()
    else:
        return False
    return True


def _show_form(form: CustomerForm, customer: Customer | None, status: int = 200) -> ResponseReturnValue:
    block = "shipping" if "copy_address" in request.form else "persons"
    return htmx.page_or_block(
        "customers/form.html", block, status=status, form=form, customer=customer, address_parts=ADDRESS_PARTS,
        nav_active="customers",
    )  # fmt: skip


def _save(session: Session, customer_id: int, form: CustomerForm) -> bool:
    customer = customers.locked(session, customer_id)
    draft = form.draft(customer.custom)
    return customers.edit(session, customer, draft, actor=access.person().actor, version=form.version.data)


def _mention_namesakes(customer: Customer) -> None:
    """Two customers of one name are allowed, but hardly ever meant."""
    others = customers.namesakes(db.session(), customer)
    if others:
        flash(
            f"There {'is another customer' if len(others) == 1 else 'are other customers'} named "
            f"{customer.display_name}. If it is the same one, merge the two; else rename one of them.", "warning",
        )  # fmt: skip
