"""What a form, the CRM or an automation says about a document, before anything is looked up or computed."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from zbweb.billing.models import Line, Transaction
from zbweb.billing.money import LIMIT, round_money
from zbweb.billing.words import DiscountKind, Kind, TaxMode, TaxRounding

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Potential:
    """A potential of the CRM as a document remembers it."""

    id: str
    name: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A row as typed. `id` is the line that is edited. A `tax_id` brings name and rate along; without one they stand.

    `source_line_id` is the order line that this line invoices.
    """

    name: str
    quantity: Decimal = ONE
    rate: Decimal = ZERO
    description: str = ""
    unit: str = ""
    item_id: int | None = None
    discount_kind: DiscountKind = DiscountKind.PERCENT
    discount_value: Decimal = ZERO
    tax_id: int | None = None
    tax_name: str = ""
    tax_rate: Decimal = ZERO
    id: int | None = None
    source_line_id: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as typed.

    Empty means: currency and addresses of the customer, the organisation's tax rounding, the next number
    when the document leaves draft, an invoice's due date by its terms. `due_date` is a quote's expiry
    and an order's expected shipment. `exchange_rate` is base units for one of the currency. The same
    `request_key` makes one document.
    """

    kind: Kind
    customer_id: int
    date: datetime.date
    lines: tuple[LineDraft, ...]
    due_date: datetime.date | None = None
    payment_term_id: int | None = None
    number: str = ""
    reference: str = ""
    currency: str = ""
    exchange_rate: Decimal = ONE
    tax_mode: TaxMode = TaxMode.EXCLUSIVE
    tax_rounding: TaxRounding | None = None
    discount_kind: DiscountKind = DiscountKind.PERCENT
    discount_value: Decimal = ZERO
    shipping: Decimal = ZERO
    adjustment: Decimal = ZERO
    notes: str = ""
    terms: str = ""
    billing_address: str | None = None
    shipping_address: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    potential: Potential | None = None
    automation_key: str | None = None
    request_key: str | None = None


def from_transaction(transaction: Transaction) -> Draft:
    """The draft that would change nothing: what an edit form starts from."""
    potential_id = transaction.potential_id
    draft = Draft(
        kind=Kind(transaction.kind),
        customer_id=transaction.customer_id,
        date=transaction.date,
        lines=tuple(line_draft(line) for line in transaction.lines),
        due_date=transaction.due_date,
        payment_term_id=transaction.payment_term_id,
        number=transaction.number or "",
        reference=transaction.reference,
        currency=transaction.currency,
        exchange_rate=transaction.exchange_rate,
        tax_mode=TaxMode(transaction.tax_mode),
        tax_rounding=TaxRounding(transaction.tax_rounding),
        discount_kind=DiscountKind(transaction.discount_kind),
        discount_value=transaction.discount_value,
        shipping=transaction.shipping,
        adjustment=transaction.adjustment,
        notes=transaction.notes,
        terms=transaction.terms,
        billing_address=transaction.billing_address,
        shipping_address=transaction.shipping_address,
        custom=dict(transaction.custom),
        potential=Potential(potential_id, transaction.potential_name, transaction.potential_stage)
        if potential_id
        else None,
        automation_key=transaction.automation_key,
    )
    return in_coins(draft, transaction.currency)  # as it was computed: a discount may have been kept more finely


def in_coins(draft: Draft, currency: str) -> Draft:
    """The draft with its amounts rounded to the currency, for sources that have them more finely than people may."""
    lines = tuple(replace(line, discount_value=_discount_in_coins(line, currency)) for line in draft.lines)
    return replace(
        draft,
        lines=lines,
        discount_value=_discount_in_coins(draft, currency),
        shipping=_rounded(draft.shipping, currency),
        adjustment=_rounded(draft.adjustment, currency),
    )


def _discount_in_coins(of: Draft | LineDraft, currency: str) -> Decimal:
    return _rounded(of.discount_value, currency) if of.discount_kind is DiscountKind.AMOUNT else of.discount_value


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount if abs(amount) >= LIMIT else round_money(amount, currency)  # what is too large is refused later


def line_draft(line: Line) -> LineDraft:
    """A line as its own draft."""
    return LineDraft(
        name=line.name,
        quantity=line.quantity,
        rate=line.rate,
        description=line.description,
        unit=line.unit,
        item_id=line.item_id,
        discount_kind=DiscountKind(line.discount_kind),
        discount_value=line.discount_value,
        tax_id=line.tax_id,
        tax_name=line.tax_name,
        tax_rate=line.tax_rate,
        id=line.id,
        source_line_id=line.source_line_id,
    )
