"""What an organisation decides once: payment terms and how its documents are numbered."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.billing.words import TermKind
from zbweb.db import Base, Code, Name, OrganisationOwned, PrimaryKey


class PaymentTerm(OrganisationOwned, Base):
    """A named rule for due dates; `days` counts for NET only."""

    __tablename__ = "payment_terms"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    kind: Mapped[Code] = mapped_column(default=TermKind.NET)
    days: Mapped[int] = mapped_column(default=0)
    is_default: Mapped[bool] = mapped_column(default=False)


class NumberSeries(OrganisationOwned, Base):
    """The counter of one kind of document; its row is locked while a number is taken, so none is lost or doubled."""

    __tablename__ = "number_series"
    __table_args__ = (UniqueConstraint("organisation_id", "kind"),)

    id: Mapped[PrimaryKey]
    kind: Mapped[Code]
    prefix: Mapped[Code]
    next_number: Mapped[int] = mapped_column(default=1)
    padding: Mapped[int] = mapped_column(default=6)
