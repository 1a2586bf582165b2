"""Quotes, orders, invoices and payments as the tests want them."""

from datetime import date
from decimal import Decimal

from zbweb.billing import books, convert, moves, payments, transactions
from zbweb.billing.drafts import Draft, LineDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.payment_drafts import PaymentDraft
from zbweb.billing.status import Status
from zbweb.billing.words import Kind

FIRST_STEP = {Kind.QUOTE: Status.SENT, Kind.SALES_ORDER: Status.CONFIRMED, Kind.INVOICE: Status.SENT}


def make_line(name="Widget", quantity="1", rate="100", **values):
    return LineDraft(name=name, quantity=Decimal(quantity), rate=Decimal(rate), **values)


def make_draft(session, customer, *, kind=Kind.INVOICE, lines=None, **values):
    """What a form would say: one widget at 100, dated today."""
    values = {"date": books.today(session), "lines": tuple(lines or [make_line()])} | values
    return Draft(kind=kind, customer_id=customer.id, **values)


def make_transaction(session, customer, *, kind=Kind.INVOICE, is_draft=False, actor=SYSTEM, **values):
    """A sent quote or invoice or a confirmed order; `is_draft` leaves it a draft. Not yet committed."""
    made = transactions.create(session, make_draft(session, customer, kind=kind, **values), actor=actor)
    if not is_draft:
        moves.move(session, made, FIRST_STEP[kind], actor)
    return made


def make_quote(session, customer, **values):
    return make_transaction(session, customer, kind=Kind.QUOTE, **values)


def make_order(session, customer, **values):
    return make_transaction(session, customer, kind=Kind.SALES_ORDER, **values)


def make_invoice(session, customer, **values):
    return make_transaction(session, customer, kind=Kind.INVOICE, **values)


def bill(session, order, quantities=None, **values):
    """An invoice of an order, by line position instead of line id."""
    by_id = None if quantities is None else {order.lines[i].id: Decimal(q) for i, q in quantities.items()}
    return convert.to_invoice(session, order, actor=SYSTEM, quantities=by_id, **values)


def pay(session, customer, amount, *, invoices=None, on: date | None = None, actor=SYSTEM, **values):
    """A payment; `invoices` maps invoices to what of it settles each."""
    allocations = {invoice.id: Decimal(part) for invoice, part in (invoices or {}).items()}
    draft = PaymentDraft(customer.id, on or books.today(session), Decimal(amount), allocations, **values)
    return payments.record(session, draft, actor=actor)
