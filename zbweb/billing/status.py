"""What a document's status may become, and what people are shown: one table each, and pure.

Two axes: the document's own status, which is stored and moved, and what follows from the calendar
and from payments, which is derived on the organisation's day and never stored.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from zbweb.billing.words import Kind


class Status(StrEnum):
    """What is stored. Quotes, orders and invoices use some of them each; see the tables below."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    INVOICED = "invoiced"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    VOID = "void"


class Shown(StrEnum):
    """What people see: the stored status, or what it has become by time and money."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    INVOICED = "invoiced"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    VOID = "void"
    EXPIRED = "expired"
    PARTIALLY_INVOICED = "partially_invoiced"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERDUE = "overdue"

    @property
    def label(self) -> str:
        """As a person reads it."""
        return self.value.replace("_", " ").capitalize()


class PaymentStatus(StrEnum):
    """How much of an invoice is settled."""

    UNPAID = "unpaid"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the shown status is derived from; `due_date` is a quote's expiry."""

    kind: Kind
    status: Status
    due_date: date | None = None
    total: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    is_partly_invoiced: bool = False


MOVES: dict[Kind, dict[Status, tuple[Status, ...]]] = {
    Kind.QUOTE: {
        Status.DRAFT: (Status.SENT, Status.ACCEPTED, Status.DECLINED),
        Status.SENT: (Status.ACCEPTED, Status.DECLINED),
        Status.ACCEPTED: (Status.DECLINED,),
        Status.DECLINED: (Status.SENT, Status.ACCEPTED),
        Status.INVOICED: (),
    },
    Kind.SALES_ORDER: {
        Status.DRAFT: (Status.CONFIRMED, Status.VOID),
        Status.CONFIRMED: (Status.CLOSED, Status.VOID),
        Status.CLOSED: (Status.CONFIRMED,),
        Status.VOID: (),
    },
    Kind.INVOICE: {
        Status.DRAFT: (Status.SENT, Status.VOID),
        Status.SENT: (Status.VOID,),
        Status.VOID: (),
    },
}
"""Where a person, the CRM or an automation may move a document. Conversion has moves of its own (convert.py)."""

FIRST_STEP = {Kind.QUOTE: Status.SENT, Kind.SALES_ORDER: Status.CONFIRMED, Kind.INVOICE: Status.SENT}
"""What a draft becomes when it goes out."""

_FINAL = {
    (Kind.QUOTE, Status.INVOICED): "This quote has become an invoice. Change the invoice instead.",
    (Kind.SALES_ORDER, Status.CLOSED): "This sales order is closed. Reopen it first.",
    (Kind.SALES_ORDER, Status.VOID): "This sales order is void. Duplicate it to start anew.",
    (Kind.INVOICE, Status.VOID): "This invoice is void. Duplicate it to start anew.",
}


def allowed(kind: Kind, status: Status) -> tuple[Status, ...]:
    """Where a document may go from `status`."""
    return MOVES[kind][status]


def refusal(kind: Kind, status: Status, to: Status) -> str:
    """Why a document may not move from `status` to `to`; empty when it may."""
    if to in allowed(kind, status):
        return ""
    if status is to:
        return f"This {kind.noun} is {to.value} already."
    return _FINAL.get((kind, status)) or f"A {status.value} {kind.noun} cannot become {to.value}."


def payment_status(total: Decimal, paid: Decimal) -> PaymentStatus:
    """How much of `total` is settled; nothing to pay counts as paid."""
    if paid >= total:
        return PaymentStatus.PAID
    return PaymentStatus.PARTIALLY_PAID if paid > 0 else PaymentStatus.UNPAID


def shown(facts: Facts, today: date) -> Shown:
    """What people see on the organisation's day `today`; due today is not overdue."""
    if facts.status is Status.SENT and facts.kind is Kind.INVOICE:
        return _shown_invoice(facts, today)
    if facts.status is Status.SENT and facts.kind is Kind.QUOTE and _is_past(facts.due_date, today):
        return Shown.EXPIRED
    if facts.status is Status.CONFIRMED and facts.is_partly_invoiced:
        return Shown.PARTIALLY_INVOICED
    return Shown(facts.status.value)


def _shown_invoice(facts: Facts, today: date) -> Shown:
    settled = payment_status(facts.total, facts.paid)
    if settled is PaymentStatus.PAID:
        return Shown.PAID
    if _is_past(facts.due_date, today):
        return Shown.OVERDUE
    return Shown.PARTIALLY_PAID if settled is PaymentStatus.PARTIALLY_PAID else Shown.SENT


def _is_past(day: date | None, today: date) -> bool:
    return day is not None and day < today


def why_not_editable(facts: Facts) -> str:
    """The sentence why a document cannot be edited; empty when it can. A sent invoice can, until it is paid."""
    if final := _FINAL.get((facts.kind, facts.status)):
        return final
    is_paid = facts.kind is Kind.INVOICE and facts.status is Status.SENT and 0 < facts.total <= facts.paid
    return "This invoice is paid. Take a payment back before you edit it." if is_paid else ""
