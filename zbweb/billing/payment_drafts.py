"""Payments and refunds as typed, before anything is checked."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    """A payment as typed, in the customer's currency; `allocations` by invoice id.

    `exchange_rate` is base units for one of the currency. The same `request_key` is recorded once.
    """

    customer_id: int
    date: datetime.date
    amount: Decimal
    allocations: Mapping[int, Decimal] = field(default_factory=dict)
    mode: str = "bank_transfer"
    reference: str = ""
    notes: str = ""
    exchange_rate: Decimal = Decimal(1)
    request_key: str | None = None


@dataclass(frozen=True, slots=True)
class RefundDraft:
    """A part of a payment given back, as typed."""

    amount: Decimal
    date: datetime.date
    reference: str = ""
