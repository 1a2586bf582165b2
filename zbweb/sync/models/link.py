"""A link: one local record ↔ one CRM record, with the values both sides agreed on last."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.clock import now
from zbweb.db import Base, Code, JsonObject, Name, OrganisationOwned, PrimaryKey, UtcTime
from zbweb.sync.core.words import LinkState, ReviewState

_ACTIVE = text("state = 'active'")
_NEVER_READ = text("crm_modified_at IS NULL")


class Link(OrganisationOwned, Base):
    """One local record ↔ one CRM record. The database allows one active link per CRM record and per local record.

    `snapshot` maps a billing field to the value both sides agreed on last. `excluded_at` is set while
    the CRM record stands outside the chosen view; `seen_run_id` is the last full read that met it.
    """

    __tablename__ = "links"
    __table_args__ = (
        Index(
            "uq_links_crm_record", "connection_id", "crm_module", "crm_id",
            unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE,
        ),
        Index(
            "uq_links_local_record", "connection_id", "entity", "entity_id",
            unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE,
        ),
        Index(
            "ix_links_never_read", "connection_id", "crm_module",
            sqlite_where=_NEVER_READ, postgresql_where=_NEVER_READ,
        ),
        Index(None, "organisation_id", "entity", "entity_id"),
        Index(None, "connection_id", "crm_module", "crm_id", "state"),
    )  # fmt: skip
    is_indexed_by_others = True

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    state: Mapped[Code] = mapped_column(default=LinkState.ACTIVE)
    reason: Mapped[Code] = mapped_column(default="")
    entity: Mapped[Code]
    entity_id: Mapped[int]
    crm_module: Mapped[Code]
    crm_id: Mapped[Code]
    crm_name: Mapped[Name] = mapped_column(default="")
    crm_modified_at: Mapped[UtcTime | None]
    snapshot: Mapped[JsonObject] = mapped_column(default=dict)
    made_by: Mapped[Code] = mapped_column(default="crm")
    direction: Mapped[Code] = mapped_column(default="in")
    excluded_at: Mapped[UtcTime | None]
    seen_run_id: Mapped[int | None]
    synced_at: Mapped[UtcTime] = mapped_column(default=now)
    created_at: Mapped[UtcTime] = mapped_column(default=now)

    def end(self, reason: str) -> None:
        """Have it be the memory of a pair only, and say why."""
        self.state, self.reason, self.synced_at = LinkState.ARCHIVED, reason, now()


class ReviewPair(OrganisationOwned, Base):
    """Two customers that may be the same: the one that was here, and the one a CRM record made, unless it is gone."""

    __tablename__ = "review_pairs"
    __table_args__ = (Index(None, "organisation_id", "state"),)

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id", ondelete="SET NULL"), index=True)
    why: Mapped[Code]
    state: Mapped[Code] = mapped_column(default=ReviewState.OPEN)
    decided_by: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[UtcTime] = mapped_column(default=now)
