"""Money that comes in: recorded, allocated to invoices, kept as credit, given back.

What an invoice has been paid and what a payment has left are written anew from the allocations after
each step (balances.py). Every step holds the customer's row first. An invoice whose payments changed is
journalled too, which is what tells the CRM.
"""

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import balances, books, journal, money, numbering, standing
from zbweb.billing.changes import Changes, apply, differences, ensure_current, ensure_fits, jsonable
from zbweb.billing.journal import Actor
from zbweb.billing.models import Allocation, Customer, Payment, Refund, Transaction
from zbweb.billing.money import as_rate, in_words, is_rate, round_money
from zbweb.billing.payment_drafts import PaymentDraft, RefundDraft
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import organisation_of
from zbweb.errors import Conflict, Invalid, NotAllowed, NotFound

ENTITY = "payment"
ZERO = Decimal(0)
MODES = {
    "bank_transfer": "Bank transfer",
    "card": "Card",
    "cash": "Cash",
    "cheque": "Cheque",
    "direct_debit": "Direct debit",
    "other": "Other",
}
"""How money came in: value and what people read."""
_EARLIEST = datetime.date(1900, 1, 1)


def get(session: Session, payment_id: int) -> Payment:
    """The payment, or NotFound."""
    payment = session.scalar(select(Payment).where(Payment.id == payment_id))
    if payment is None:
        raise NotFound("There is no such payment. It may have been deleted.")
    return payment


def open_invoices(session: Session, customer_id: int) -> list[Transaction]:
    """The customer's sent invoices that are not paid, the earliest due first."""
    statement = (
        select(Transaction)
        .where(
            Transaction.customer_id == customer_id,
            Transaction.kind == Kind.INVOICE,
            Transaction.status == Status.SENT,
            Transaction.paid < Transaction.total,
        )
        .order_by(Transaction.due_date, Transaction.id)
    )
    return list(session.scalars(statement))


def record(session: Session, draft: PaymentDraft, *, actor: Actor) -> Payment:
    """Record money received; what is not allocated becomes the customer's credit. Raises Invalid by field."""
    balances.lock_customer(session, draft.customer_id)
    if draft.request_key and (earlier := _by_request_key(session, draft.request_key)):
        return earlier
    customer = session.scalar(select(Customer).where(Customer.id == draft.customer_id))
    if customer is None:
        raise Invalid("Choose a customer.", {"customer_id": "Choose a customer."})
    currency = books.currency_of(session, customer)
    values = _checked(session, draft, currency)
    payment = Payment(
        organisation_id=organisation_of(session),
        customer_id=customer.id,
        currency=currency,
        unused=values["amount"],
        request_key=draft.request_key,
        number=numbering.take(session, numbering.PAYMENTS),
        **values,
    )
    session.add(payment)
    session.flush()  # allocations and the journal need the payment's id
    _journal(session, payment, "created", actor, {"amount": (None, payment.amount)})
    allocate(session, payment, draft.allocations, actor=actor)
    return payment


def edit(session: Session, payment: Payment, draft: PaymentDraft, *, version: int | None, actor: Actor) -> Payment:
    """Change a payment's date, amount, mode and texts; its allocations stay. Stale, or Invalid by field."""
    payment = _hold(session, payment)
    ensure_current(payment, version)
    values = _checked(session, draft, payment.currency)
    used = payment.amount - payment.unused
    if values["amount"] < used:
        sentence = f"{in_words(used, payment.currency)} of this payment is allocated or refunded; it cannot be less."
        raise Invalid(sentence, {"amount": sentence})
    if changes := differences(payment, values):
        apply(payment, changes)
        balances.settle_payment(session, payment)
        payment.version += 1
        _journal(session, payment, "updated", actor, changes)
    return payment


def allocate(
    session: Session, payment: Payment, amounts: Mapping[int, Decimal], *, actor: Actor, version: int | None = None
) -> None:
    """Use a payment for invoices, by invoice id, on top of what it settles already; Stale, Conflict or Invalid."""
    payment = _hold(session, payment)
    ensure_current(payment, version)
    wanted = {
        invoice_id: _in_coins(amount, payment.currency, f"allocations-{invoice_id}")
        for invoice_id, amount in amounts.items()
        if amount
    }
    if sum(wanted.values(), ZERO) > payment.unused:
        sentence = f"Only {in_words(payment.unused, payment.currency)} of this payment is left to allocate."
        raise Invalid(sentence, {"allocations": sentence})
    for invoice_id in sorted(wanted):  # one order for everybody, so nobody waits for each other
        invoice = standing.lock(session, invoice_id)
        _ensure_payable(payment, invoice, wanted[invoice_id])
        _add_allocation(session, payment, invoice, wanted[invoice_id])
        _settle(session, invoice, actor, "payment_applied", payment)
    balances.settle_payment(session, payment)
    if wanted:
        payment.version += 1  # the page that asked for it does not do it again


def unallocate(session: Session, payment: Payment, invoice_id: int, *, actor: Actor) -> None:
    """Take a payment back from an invoice; it becomes the customer's credit."""
    payment = _hold(session, payment)
    _unallocate(session, payment, standing.lock(session, invoice_id), actor)


def apply_credit(session: Session, invoice: Transaction, *, actor: Actor, amount: Decimal | None = None) -> Decimal:
    """Settle an invoice from the customer's unused payments, oldest first, up to `amount`; answers how much was used.

    Raises Conflict when there is no credit, Invalid when `amount` is more than the credit or the balance.
    """
    balances.lock_customer(session, invoice.customer_id)
    invoice = standing.lock(session, invoice.id)
    unused = unused_payments(session, invoice.customer_id)
    available = sum((payment.unused for payment in unused), ZERO)
    if not available:
        raise Conflict("This customer has no credit to apply.")
    wanted = min(available, invoice.balance) if amount is None else _in_coins(amount, invoice.currency)
    if not 0 < wanted <= min(available, invoice.balance):
        sentence = f"At most {in_words(min(available, invoice.balance), invoice.currency)} can be applied."
        raise Invalid(sentence, {"amount": sentence})
    left = wanted
    for payment in unused:
        part = min(left, payment.unused)
        if part:
            allocate(session, payment, {invoice.id: part}, actor=actor)
            left -= part
    return wanted


def unused_payments(session: Session, customer_id: int) -> list[Payment]:
    """The customer's payments that have something left, oldest first."""
    statement = (
        select(Payment)
        .where(Payment.customer_id == customer_id, Payment.unused > 0)
        .order_by(Payment.date, Payment.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement))


def refund(
    session: Session, payment: Payment, draft: RefundDraft, *, actor: Actor, version: int | None = None
) -> Refund:
    """Give back a part of what a payment has left; Invalid if it has less, Stale if it was changed meanwhile."""
    payment = _hold(session, payment)
    ensure_current(payment, version)
    amount, date = _in_coins(draft.amount, payment.currency), draft.date
    if not 0 < amount <= payment.unused:
        left = in_words(payment.unused, payment.currency)
        sentence = f"At most {left} can be refunded: the rest settles invoices."
        raise Invalid(sentence, {"amount": sentence})
    if not payment.date <= date <= books.today(session):
        sentence = f"A refund is given between the payment's day, {payment.date:%-d %b %Y}, and today."
        raise Invalid(sentence, {"date": sentence})
    given = Refund(
        organisation_id=payment.organisation_id, payment_id=payment.id, date=date, amount=amount,
        reference=draft.reference,
    )  # fmt: skip
    session.add(given)
    balances.settle_payment(session, payment)
    payment.version += 1
    _journal(session, payment, "refunded", actor, {"refund": (None, amount)})
    return given


def delete(session: Session, payment: Payment, *, actor: Actor) -> None:
    """Take a payment off the books, and off every invoice it settled; Conflict once a part was refunded."""
    payment = _hold(session, payment)
    if balances.refunded(session, payment):
        raise Conflict("A part of this payment was refunded, so it stays on the books.")
    for invoice_id in _invoice_ids(session, payment):
        _unallocate(session, payment, standing.lock(session, invoice_id), actor)
    _journal(session, payment, "deleted", actor, {"amount": (payment.amount, None)})
    session.delete(payment)


def ensure_may_touch(invoice: Transaction, actor: Actor) -> None:
    """Raise NotAllowed when money was received for the invoice, and the actor does not handle money."""
    if invoice.paid and not actor.handles_money:
        raise NotAllowed("Money was received for this invoice. Ask somebody from finance to change or void it.")


def release(session: Session, invoice: Transaction, *, actor: Actor) -> None:
    """Return every payment of an invoice to the customer's credit; the caller holds the customer and the invoice.

    Raises NotAllowed for whoever does not handle money.
    """
    ensure_may_touch(invoice, actor)
    statement = select(Payment).join(Allocation).where(Allocation.transaction_id == invoice.id).order_by(Payment.id)
    for payment in session.scalars(statement).all():
        _unallocate(session, payment, invoice, actor)


def _unallocate(session: Session, payment: Payment, invoice: Transaction, actor: Actor) -> None:
    allocation = _allocation(session, payment, invoice)
    if allocation is None:
        raise Conflict("This payment does not settle that invoice (any more).")
    session.delete(allocation)
    _settle(session, invoice, actor, "payment_removed", payment)
    balances.settle_payment(session, payment)


def _hold(session: Session, payment: Payment) -> Payment:
    """The payment as it is now, with its customer's row held."""
    balances.lock_customer(session, payment.customer_id)
    session.flush()  # what this unit of work wrote must not be read over
    statement = select(Payment).where(Payment.id == payment.id).execution_options(populate_existing=True)
    held = session.scalar(statement)
    if held is None:
        raise NotFound("The payment was deleted meanwhile.")
    return held


def _checked(session: Session, draft: PaymentDraft, currency: str) -> dict[str, Any]:
    own = books.own(session)
    amount, is_foreign = _in_coins(draft.amount, currency), currency != own.base_currency
    rate = as_rate(draft.exchange_rate) if is_foreign else Decimal(1)
    checks = {
        "amount": (not 0 < amount < money.LIMIT, "The amount must be more than zero."),
        "date": (
            not _EARLIEST <= draft.date <= books.today(session),
            "A payment is dated today or earlier, with the year in full.",
        ),
        "mode": (draft.mode not in MODES, "Choose how the money came in."),
        "exchange_rate": (not is_rate(rate), "Give the exchange rate as a number above zero."),
    }
    if faults := {name: sentence for name, (is_wrong, sentence) in checks.items() if is_wrong}:
        raise Invalid(" ".join(faults.values()), faults)
    if sentence := money.why_worth_nothing(amount, currency, rate, own.base_currency):
        raise Invalid(sentence, {"exchange_rate": sentence})
    values = {
        "date": draft.date,
        "amount": amount,
        "mode": draft.mode,
        "reference": draft.reference.strip(),
        "notes": draft.notes.strip(),
        "exchange_rate": rate,
    }
    ensure_fits(Payment, values)
    return values


def _in_coins(amount: Decimal, currency: str, field: str = "amount") -> Decimal:
    """The amount as the currency counts it; Invalid where it has nothing so small: money is not rounded unasked."""
    if sentence := money.why_not_counted(amount, currency):
        raise Invalid(sentence, {field: sentence})
    return round_money(amount, currency)


def _ensure_payable(payment: Payment, invoice: Transaction, amount: Decimal) -> None:
    name = invoice.number or "this draft"
    if invoice.kind != Kind.INVOICE or invoice.status != Status.SENT:
        raise Conflict(f"Only a sent invoice can be paid; {name} is {invoice.status}. Mark it as sent first.")
    if invoice.customer_id != payment.customer_id or invoice.currency != payment.currency:
        raise Conflict(f"{name} belongs to another customer or is in another currency.")
    if not 0 < amount <= invoice.balance:
        most = in_words(invoice.balance, invoice.currency)
        sentence = f"At most {most} can be allocated to {name}." if invoice.balance else f"{name} is paid already."
        raise Invalid(sentence, {f"allocations-{invoice.id}": sentence})


def _add_allocation(session: Session, payment: Payment, invoice: Transaction, amount: Decimal) -> None:
    held = _allocation(session, payment, invoice)
    if held is not None:
        held.amount += amount
        return
    session.add(
        Allocation(
            organisation_id=payment.organisation_id, payment_id=payment.id, transaction_id=invoice.id, amount=amount
        )
    )


def _settle(session: Session, invoice: Transaction, actor: Actor, action: str, payment: Payment) -> None:
    before = invoice.paid
    balances.settle_invoice(session, invoice)
    invoice.version += 1  # an editor who opened it before is told; what it says is no newer for being paid
    changes = jsonable({"paid": (before, invoice.paid), "payment": (None, payment.number)})
    journal.record(session, standing.ENTITY, invoice.id, action=action, actor=actor, changes=changes)


def _allocation(session: Session, payment: Payment, invoice: Transaction) -> Allocation | None:
    statement = select(Allocation).where(Allocation.payment_id == payment.id, Allocation.transaction_id == invoice.id)
    return session.scalar(statement)


def _invoice_ids(session: Session, payment: Payment) -> Iterable[int]:
    statement = select(Allocation.transaction_id).where(Allocation.payment_id == payment.id)
    return sorted(session.scalars(statement))


def _by_request_key(session: Session, key: str) -> Payment | None:
    return session.scalar(select(Payment).where(Payment.request_key == key))


def _journal(session: Session, payment: Payment, action: str, actor: Actor, changes: Changes) -> None:
    journal.record(session, ENTITY, payment.id, action=action, actor=actor, changes=jsonable(changes))
