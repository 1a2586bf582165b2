"""Money that came in: payments, what they were allocated to, and what was given back."""

import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from zbweb.billing.models.customers import Customer
from zbweb.billing.models.transactions import Transaction
from zbweb.billing.naming import number_key
from zbweb.clock import now
from zbweb.db import REMEMBERED, Base, Code, LongText, Money, Name, OrganisationOwned, PrimaryKey, Rate, UtcTime

_UNUSED = text("unused > 0")


class Payment(OrganisationOwned, Base):
    """Money received from a customer, in the currency of their invoices.

    `unused` is what is neither allocated nor refunded, written anew from these each time: the
    customer's credit. `exchange_rate` is base units for one of the payment's currency.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        UniqueConstraint("organisation_id", "request_key"),
        Index("ix_payments_number_key", "organisation_id", "number_key"),
        Index(None, "organisation_id", "date", "id"),
        Index(None, "organisation_id", "reference"),
        Index("ix_payments_unused", "organisation_id", "customer_id", sqlite_where=_UNUSED, postgresql_where=_UNUSED),
        REMEMBERED,
    )

    id: Mapped[PrimaryKey]
    number: Mapped[Code]
    number_key: Mapped[Name | None]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="RESTRICT"), index=True)
    date: Mapped[datetime.date]
    amount: Mapped[Money]
    unused: Mapped[Money] = mapped_column(default=Decimal(0))
    currency: Mapped[Code]
    exchange_rate: Mapped[Rate] = mapped_column(default=Decimal(1))
    mode: Mapped[Code] = mapped_column(default="bank_transfer")
    reference: Mapped[Name] = mapped_column(default="")
    notes: Mapped[LongText] = mapped_column(default="")
    request_key: Mapped[Code | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    customer: Mapped[Customer] = relationship()
    allocations: Mapped[list["Allocation"]] = relationship(
        back_populates="payment", cascade="all, delete-orphan", passive_deletes=True
    )
    refunds: Mapped[list["Refund"]] = relationship(
        back_populates="payment", cascade="all, delete-orphan", passive_deletes=True
    )

    @validates("number")
    def _note_key(self, _name: str, number: str) -> str:
        self.number_key = number_key(number)
        return number


class Allocation(OrganisationOwned, Base):
    """The part of a payment that settles an invoice."""

    __tablename__ = "allocations"
    __table_args__ = (UniqueConstraint("payment_id", "transaction_id"),)

    id: Mapped[PrimaryKey]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id", ondelete="CASCADE"))
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transactions.id", ondelete="RESTRICT"), index=True)
    amount: Mapped[Money]
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    payment: Mapped[Payment] = relationship(back_populates="allocations")
    transaction: Mapped[Transaction] = relationship()


class Refund(OrganisationOwned, Base):
    """The part of a payment that was given back."""

    __tablename__ = "refunds"

    id: Mapped[PrimaryKey]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id", ondelete="CASCADE"), index=True)
    date: Mapped[datetime.date]
    amount: Mapped[Money]
    reference: Mapped[Name] = mapped_column(default="")
    payment: Mapped[Payment] = relationship(back_populates="refunds")
