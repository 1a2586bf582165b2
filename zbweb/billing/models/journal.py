"""The journal says what changed, by whom and why; the outbox says what the CRM has not seen yet.

Both are written in the unit of work of the change itself, so neither can miss one. The outbox holds
one row per changed record however often it changed; it is emptied by whoever delivers.
"""

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.billing.words import Origin
from zbweb.clock import now
from zbweb.db import REMEMBERED, Base, Code, JsonObject, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime


class JournalEntry(OrganisationOwned, Base):
    """One change of one record. `changes` maps a field to [old, new]; `actor_name` outlives the user's row."""

    __tablename__ = "journal"
    __table_args__ = (
        Index(None, "organisation_id", "entity", "entity_id", "id"),
        Index(None, "organisation_id", "id"),
    )
    is_indexed_by_others = True

    id: Mapped[PrimaryKey]
    at: Mapped[UtcTime] = mapped_column(default=now)
    entity: Mapped[Code]
    entity_id: Mapped[int]
    action: Mapped[Code]
    origin: Mapped[Code] = mapped_column(default=Origin.USER)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor_name: Mapped[Name] = mapped_column(default="")
    changes: Mapped[JsonObject] = mapped_column(default=dict)
    run_id: Mapped[int | None]


class OutboxRow(OrganisationOwned, Base):
    """A record whose latest state the CRM has yet to be told, with the fate of the last attempt.

    `sent_at`, by the CRM's clock: a new record was sent and whether it arrived has not been written down yet.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("organisation_id", "entity", "entity_id"),
        Index(None, "organisation_id", "entity", "not_before"),
        REMEMBERED,
    )

    id: Mapped[PrimaryKey]
    entity: Mapped[Code]
    entity_id: Mapped[int]
    stamp: Mapped[int] = mapped_column(default=1)
    queued_at: Mapped[UtcTime] = mapped_column(default=now)
    not_before: Mapped[UtcTime | None]
    claimed_until: Mapped[UtcTime | None]
    sent_at: Mapped[UtcTime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[Code] = mapped_column(default="")
    error_message: Mapped[LongText] = mapped_column(default="")
