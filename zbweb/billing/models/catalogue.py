"""What is sold: items, and the taxes that fall on them."""

from decimal import Decimal

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zbweb.clock import now
from zbweb.db import REMEMBERED, Base, Code, LongText, Name, OrganisationOwned, Precise, PrimaryKey, UtcTime


class Tax(OrganisationOwned, Base):
    """A tax by name and percentage. Documents keep their own copy, so a change here rewrites no history."""

    __tablename__ = "taxes"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    rate: Mapped[Precise]
    active: Mapped[bool] = mapped_column(default=True)


class Item(OrganisationOwned, Base):
    """A good or service with its price in the base currency."""

    __tablename__ = "items"
    __table_args__ = (Index(None, "organisation_id", "sku"), Index(None, "organisation_id", "name"), REMEMBERED)

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    sku: Mapped[Code] = mapped_column(default="")
    description: Mapped[LongText] = mapped_column(default="")
    rate: Mapped[Precise] = mapped_column(default=Decimal(0))
    unit: Mapped[Code] = mapped_column(default="")
    tax_id: Mapped[int | None] = mapped_column(ForeignKey("taxes.id", ondelete="SET NULL"))
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    updated_at: Mapped[UtcTime] = mapped_column(default=now)
    tax: Mapped[Tax | None] = relationship()
