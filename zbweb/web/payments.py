"""Payments: the list, recording one against open invoices, and what is done with it afterwards."""

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import books, customers, payments, receivables, transactions
from zbweb.billing.models import Customer, Payment, Transaction
from zbweb.billing.queries import offers
from zbweb.billing.queries import payments as list_of
from zbweb.billing.queries.payments import Filter
from zbweb.billing.words import Kind, Role
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx, spreadsheet, story
from zbweb.web.forms.attempt import attempt, version_in
from zbweb.web.forms.payments import AllocationsForm, PaymentForm, RefundForm, rows_for
from zbweb.web.listing import window

bp = Blueprint("payments", __name__)
_WRITERS = (Role.ADMIN, Role.FINANCE)
_EDITED = ("version", "amount", "date", "mode", "exchange_rate", "reference", "notes")


@bp.get("/payments")
@access.allow()
def index() -> ResponseReturnValue:
    """The list, newest first."""
    wanted = _wanted()
    found = list_of.page(db.session(), wanted, window())
    return htmx.page_or_block("payments/index.html", "rows", found=found, wanted=wanted, modes=payments.MODES)


@bp.get("/payments/export.csv")
@access.allow()
def export() -> Response:
    """The whole list as its filters have it, for a spreadsheet."""
    return spreadsheet.attachment("payments", list_of.csv_rows(db.session(), _wanted()))


def _wanted() -> Filter:
    """What the list's URL asks for."""
    asked = request.args
    return Filter(asked.get("q", ""), asked.get("customer_id", type=int), unused_only=asked.get("status") == "unused")


@bp.route("/payments/new", methods=["GET", "POST"])
@access.allow(*_WRITERS)
def new() -> ResponseReturnValue:
    """Record a payment: of the invoice or the customer that the URL names, else choose the customer first."""
    customer, invoice = _payer()
    if customer is None:
        return _choose_customer()
    form, invoices = _payment_form(customer, invoice), payments.open_invoices(db.session(), customer.id)
    if request.method == "GET":
        return _show_form(form, customer, invoices)
    if request.form.get("op") == "spread":
        form.apply_oldest_first(invoices)
        return _show_form(form, customer, invoices)
    saved = attempt(form, lambda unit: payments.record(unit, form.draft(customer.id), actor=access.person().actor))
    return _show_form(form, customer, invoices, status=saved.status) if saved.value is None else _recorded(saved.value)


@bp.get("/payments/<int:payment_id>")
@access.allow()
def show(payment_id: int) -> ResponseReturnValue:
    """One payment: what it settles, what is left, what was given back."""
    return _show(payment_id)


@bp.route("/payments/<int:payment_id>/edit", methods=["GET", "POST"])
@access.allow(*_WRITERS)
def edit(payment_id: int) -> ResponseReturnValue:
    """Change a payment's date, amount, mode and texts."""
    payment, actor = payments.get(db.session(), payment_id), access.person().actor
    form, customer = _edit_form(payment), customers.find(db.session(), payment.customer_id)
    if request.method == "GET":
        return _show_form(form, customer, [], payment_id=payment_id)
    draft, version = form.draft(customer.id), version_in(form.version)
    saved = attempt(form, lambda unit: payments.edit(unit, payment, draft, version=version, actor=actor))
    if saved.refused:
        return _show_form(form, customer, [], payment_id=payment_id, status=saved.status)
    flash(f"Payment {payment.number} is saved.", "success")
    return _to(payment_id)


@bp.post("/payments/<int:payment_id>/allocate")
@access.allow(*_WRITERS)
def allocate(payment_id: int) -> ResponseReturnValue:
    """Use what is left of a payment for open invoices."""
    payment, form, actor = payments.get(db.session(), payment_id), AllocationsForm(), access.person().actor
    seen = request.form.get("version", type=int)
    done = attempt(form, lambda unit: payments.allocate(unit, payment, form.amounts(), actor=actor, version=seen))
    if done.refused:
        return _show(payment_id, allocations=form, status=done.status)
    flash("The payment is applied.", "success")
    return _to(payment_id)


@bp.post("/payments/<int:payment_id>/unallocate")
@access.allow(*_WRITERS)
def unallocate(payment_id: int) -> ResponseReturnValue:
    """Take the payment back from an invoice."""
    with unit_of_work() as session:
        invoice_id = request.form.get("invoice_id", 0, type=int)
        payments.unallocate(session, payments.get(session, payment_id), invoice_id, actor=access.person().actor)
    flash("The amount is the customer's credit again.", "success")
    return _to(payment_id)


@bp.post("/payments/<int:payment_id>/refund")
@access.allow(*_WRITERS)
def refund(payment_id: int) -> ResponseReturnValue:
    """Give back a part of what the payment has left."""
    payment, form, actor = payments.get(db.session(), payment_id), RefundForm(prefix="refund"), access.person().actor
    seen = request.form.get("version", type=int)
    done = attempt(form, lambda unit: payments.refund(unit, payment, form.draft(), actor=actor, version=seen))
    if done.refused:
        return _show(payment_id, refund=form, status=done.status)
    flash("The refund is recorded.", "success")
    return _to(payment_id)


@bp.post("/payments/<int:payment_id>/delete")
@access.allow(*_WRITERS)
def delete(payment_id: int) -> ResponseReturnValue:
    """Take a payment off the books."""
    with unit_of_work() as session:
        payments.delete(session, payments.get(session, payment_id), actor=access.person().actor)
    flash("The payment is deleted; what it settled is open again.", "success")
    return htmx.redirect(url_for("payments.index"))


def _to(payment_id: int) -> ResponseReturnValue:
    return htmx.redirect(url_for("payments.show", payment_id=payment_id))


def _recorded(payment: Payment) -> ResponseReturnValue:
    flash(f"Payment {payment.number} is recorded.", "success")
    return _to(payment.id)


def _payer() -> tuple[Customer | None, Transaction | None]:
    """Who pays and which invoice, as far as the URL says."""
    session, asked = db.session(), request.args
    if invoice_id := asked.get("invoice_id", type=int):
        invoice = transactions.get(session, Kind.INVOICE, invoice_id)
        return customers.find(session, invoice.customer_id), invoice
    customer_id = asked.get("customer_id", type=int)
    return (None if customer_id is None else customers.find(session, customer_id)), None


def _choose_customer() -> ResponseReturnValue:
    session, typed = db.session(), request.args.get("customer_name", "")
    named = offers.customers_named(session, typed)
    if len(named) == 1:
        return htmx.redirect(url_for("payments.new", customer_id=named[0].id))
    owing = [row for row in receivables.ageing(session, as_of=books.today(session)) if row.total]
    return htmx.page(
        "payments/customer.html", typed=typed, owing=sorted(owing, key=lambda row: -row.total)[:20],
        matches=offers.customers(session, typed) if typed else [], currency=books.own(session).base_currency,
    )  # fmt: skip


def _payment_form(customer: Customer, invoice: Transaction | None) -> PaymentForm:
    session = db.session()
    values = {
        "date": books.today(session),
        "amount": invoice.balance if invoice else None,
        "exchange_rate": offers.rate_to_begin_with(session, books.currency_of(session, customer)),
        "allocations": rows_for(payments.open_invoices(session, customer.id), invoice.id if invoice else None),
    }
    return PaymentForm(data=values)


def _edit_form(payment: Payment) -> PaymentForm:
    return PaymentForm(data={name: getattr(payment, name) for name in _EDITED})


def _show_form(
    form: PaymentForm, customer: Customer, invoices: list[Transaction], *, payment_id: int | None = None,
    status: int = 200,
) -> ResponseReturnValue:  # fmt: skip
    session = db.session()
    form.tell_of_rows_gone({invoice.id for invoice in invoices})
    return htmx.page(
        "payments/edit.html", status=status, form=form, customer=customer, payment_id=payment_id,
        invoices={invoice.id: invoice for invoice in invoices}, currency=books.currency_of(session, customer),
        base_currency=books.own(session).base_currency,
    )  # fmt: skip


def _show(
    payment_id: int, *, allocations: AllocationsForm | None = None, refund: RefundForm | None = None, status: int = 200
) -> ResponseReturnValue:
    session = db.session()
    detail = list_of.detail(session, payment_id)
    if allocations is not None:
        allocations.tell_of_rows_gone({invoice.id for invoice in detail.open_invoices})
    return htmx.page(
        "payments/show.html", status=status, detail=detail, payment=detail.payment, modes=payments.MODES,
        allocations=allocations or AllocationsForm(formdata=None, data={"allocations": rows_for(detail.open_invoices)}),
        invoices={invoice.id: invoice for invoice in detail.open_invoices}, story=story.told(detail.history),
        refund=refund or RefundForm(formdata=None, prefix="refund", data={"date": books.today(session)}),
    )  # fmt: skip
