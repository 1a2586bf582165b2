"""E-mails: each is a row first and a job second, so that what was sent, held or refused can be shown."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.billing.words import EmailStatus
from zbweb.clock import now
from zbweb.db import Base, Code, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime


class EmailMessage(OrganisationOwned, Base):
    """A message about a transaction, with its PDF attached when it is sent.

    `claimed_at` is when a worker last took it up: until a lease later nobody else does.
    """

    __tablename__ = "email_messages"
    __table_args__ = (Index(None, "organisation_id", "status"),)

    id: Mapped[PrimaryKey]
    transaction_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id", ondelete="SET NULL"), index=True)
    recipients: Mapped[LongText]
    copies: Mapped[LongText] = mapped_column(default="")
    subject: Mapped[Name]
    body: Mapped[LongText]
    status: Mapped[Code] = mapped_column(default=EmailStatus.QUEUED)
    error: Mapped[LongText] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    claimed_at: Mapped[UtcTime | None]
    sent_at: Mapped[UtcTime | None]
