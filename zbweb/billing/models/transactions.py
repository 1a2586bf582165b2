"""Quotes, sales orders and invoices: one model, since they differ by a status table and a prefix."""

import datetime
from decimal import Decimal

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from zbweb.billing.models.catalogue import Item
from zbweb.billing.models.customers import Customer
from zbweb.billing.naming import number_key
from zbweb.billing.words import DiscountKind, TaxMode, TaxRounding
from zbweb.clock import now
from zbweb.db import (
    REMEMBERED,
    Base,
    Code,
    JsonObject,
    LongText,
    Money,
    Name,
    OrganisationOwned,
    Precise,
    PrimaryKey,
    Rate,
    UtcTime,
)

_MADE = text("source_id IS NOT NULL")


def _open(name: str, *columns: str) -> Index:
    """An index over documents that are not paid: few of many, and what receivables are summed from.

    It ends with the columns of its own condition, so that SQLite, which checks it again, finds them here.
    """
    open_only = text("paid < total")
    every = ("organisation_id", "kind", "status", *columns, "paid", "total")
    return Index(name, *every, sqlite_where=open_only, postgresql_where=open_only)


class Transaction(OrganisationOwned, Base):
    """A document for a customer. Amounts are in `currency`, rounded to its exponent.

    `base_total` and `base_balance` are in the base currency, each rounded once. `number` is taken when
    the document leaves draft. `paid` is the sum of its allocations, written anew from them each time.
    `number_key` is the number as it is compared with others, whatever its case.
    `automation_key` makes one document per potential and trigger, `conversion_key` one per
    conversion, or per form that was sent.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        UniqueConstraint("organisation_id", "kind", "number"),
        UniqueConstraint("organisation_id", "automation_key"),
        UniqueConstraint("organisation_id", "conversion_key"),
        Index(None, "organisation_id", "kind", "date", "id"),
        Index(None, "organisation_id", "kind", "due_date", "id"),
        Index(None, "organisation_id", "kind", "total", "id"),
        Index(None, "organisation_id", "kind", "reference"),
        Index("ix_transactions_number_key", "organisation_id", "kind", "number_key"),
        Index("ix_transactions_status", "organisation_id", "kind", "status", "date", "id", "base_total"),
        Index("ix_transactions_customer", "organisation_id", "customer_id", "kind", "status", "date"),
        Index(None, "organisation_id", "potential_id"),
        Index("ix_transactions_source", "source_id", sqlite_where=_MADE, postgresql_where=_MADE),
        _open("ix_transactions_open_by_date", "date", "id", "due_date"),
        _open("ix_transactions_open_by_due_date", "due_date", "id", "base_balance"),
        REMEMBERED,
    )

    id: Mapped[PrimaryKey]
    kind: Mapped[Code]
    number: Mapped[Code | None]
    number_key: Mapped[Name | None]
    status: Mapped[Code] = mapped_column(default="draft")
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="RESTRICT"), index=True)
    date: Mapped[datetime.date]
    due_date: Mapped[datetime.date | None]
    payment_term_id: Mapped[int | None] = mapped_column(ForeignKey("payment_terms.id", ondelete="SET NULL"))
    reference: Mapped[Name] = mapped_column(default="")
    currency: Mapped[Code]
    exchange_rate: Mapped[Rate] = mapped_column(default=Decimal(1))
    tax_mode: Mapped[Code] = mapped_column(default=TaxMode.EXCLUSIVE)
    tax_rounding: Mapped[Code] = mapped_column(default=TaxRounding.LINE)
    discount_kind: Mapped[Code] = mapped_column(default=DiscountKind.PERCENT)
    discount_value: Mapped[Precise] = mapped_column(default=Decimal(0))
    shipping: Mapped[Money] = mapped_column(default=Decimal(0))
    adjustment: Mapped[Money] = mapped_column(default=Decimal(0))
    subtotal: Mapped[Money] = mapped_column(default=Decimal(0))
    discount_total: Mapped[Money] = mapped_column(default=Decimal(0))
    tax_total: Mapped[Money] = mapped_column(default=Decimal(0))
    tax_table: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    total: Mapped[Money] = mapped_column(default=Decimal(0))
    base_total: Mapped[Money] = mapped_column(default=Decimal(0))
    paid: Mapped[Money] = mapped_column(default=Decimal(0))
    base_balance: Mapped[Money] = mapped_column(default=Decimal(0))
    notes: Mapped[LongText] = mapped_column(default="")
    terms: Mapped[LongText] = mapped_column(default="")
    billing_address: Mapped[LongText] = mapped_column(default="")
    shipping_address: Mapped[LongText] = mapped_column(default="")
    custom: Mapped[JsonObject] = mapped_column(default=dict)
    potential_id: Mapped[Code | None]
    potential_name: Mapped[Name] = mapped_column(default="")
    potential_stage: Mapped[Name] = mapped_column(default="")
    source_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id", ondelete="SET NULL"))
    automation_key: Mapped[Code | None]
    conversion_key: Mapped[Code | None]
    status_by_person: Mapped[bool] = mapped_column(default=False)
    origin: Mapped[Code] = mapped_column(default="user")
    sent_at: Mapped[UtcTime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    updated_at: Mapped[UtcTime] = mapped_column(default=now)
    customer: Mapped[Customer] = relationship()
    source: Mapped["Transaction | None"] = relationship(remote_side="Transaction.id")
    lines: Mapped[list["Line"]] = relationship(
        back_populates="transaction",
        cascade="all, delete-orphan",
        order_by="Line.position",
        passive_deletes=True,
    )

    @validates("number")
    def _note_key(self, _name: str, number: str | None) -> str | None:
        self.number_key = number_key(number)
        return number

    @property
    def balance(self) -> Decimal:
        """What is still owed, in the document's currency."""
        return self.total - self.paid


class Line(OrganisationOwned, Base):
    """One row of a transaction; `amount` is after its discount and before tax (or with it, when inclusive)."""

    __tablename__ = "lines"

    id: Mapped[PrimaryKey]
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transactions.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    item_id: Mapped[int | None] = mapped_column(ForeignKey("items.id", ondelete="SET NULL"), index=True)
    name: Mapped[Name]
    description: Mapped[LongText] = mapped_column(default="")
    quantity: Mapped[Precise] = mapped_column(default=Decimal(1))
    unit: Mapped[Code] = mapped_column(default="")
    rate: Mapped[Precise] = mapped_column(default=Decimal(0))
    discount_kind: Mapped[Code] = mapped_column(default=DiscountKind.PERCENT)
    discount_value: Mapped[Precise] = mapped_column(default=Decimal(0))
    tax_id: Mapped[int | None] = mapped_column(ForeignKey("taxes.id", ondelete="SET NULL"))
    tax_name: Mapped[Name] = mapped_column(default="")
    tax_rate: Mapped[Precise] = mapped_column(default=Decimal(0))
    amount: Mapped[Money] = mapped_column(default=Decimal(0))
    tax_amount: Mapped[Money] = mapped_column(default=Decimal(0))
    source_line_id: Mapped[int | None] = mapped_column(ForeignKey("lines.id", ondelete="SET NULL"), index=True)
    transaction: Mapped[Transaction] = relationship(back_populates="lines")
    item: Mapped[Item | None] = relationship()
