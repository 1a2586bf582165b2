"""A connection: one of our organisations and one CRM organisation, and what people decided about the pair."""

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.clock import now
from zbweb.db import Base, Code, JsonObject, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime
from zbweb.sync.core.words import Automation, ConnectionStatus

_CONNECTED = text("status = 'connected'")
_UNHANDLED = text("handled_at IS NULL")


class Connection(OrganisationOwned, Base):
    """Our organisation ↔ one CRM organisation; links survive disabling, so reconnecting makes no duplicates.

    The database lets a CRM organisation be connected to one organisation of ours at a time.

    `next_sync_at` is the slot of the next automatic run; moving it forward is how a scheduler claims it.
    `automation_since` and `deals_watermark` are times of the CRM's clock. The channel is the standing order for
    notifications: what was ordered, for which address, until when, why it could not be (`channel_problem`), and
    when it is to be looked after next (`channel_due_at`).
    """

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("organisation_id", "crm_organisation_id"),
        Index(None, "status", "next_sync_at"),
        Index(
            "uq_connections_partner", "crm_organisation_id",
            unique=True, sqlite_where=_CONNECTED, postgresql_where=_CONNECTED,
        ),
    )  # fmt: skip

    id: Mapped[PrimaryKey]
    credential_id: Mapped[int | None] = mapped_column(ForeignKey("crm_credentials.id", ondelete="SET NULL"))
    status: Mapped[Code] = mapped_column(default=ConnectionStatus.CONNECTED)
    crm_organisation_id: Mapped[Code]
    crm_organisation_name: Mapped[Name]
    crm_currency: Mapped[Code] = mapped_column(default="")
    crm_edition: Mapped[Code] = mapped_column(default="")
    crm_user_id: Mapped[Code] = mapped_column(default="")
    crm_user_name: Mapped[Name] = mapped_column(default="")
    crm_user_email: Mapped[Name] = mapped_column(default="")
    connected_at: Mapped[UtcTime] = mapped_column(default=now)
    connected_by: Mapped[Name] = mapped_column(default="")
    paused_at: Mapped[UtcTime | None]
    paused_by: Mapped[Name] = mapped_column(default="")
    disabled_at: Mapped[UtcTime | None]
    problem: Mapped[LongText] = mapped_column(default="")
    next_sync_at: Mapped[UtcTime | None]
    automation: Mapped[Code] = mapped_column(default=Automation.NONE)
    automation_since: Mapped[UtcTime | None]
    deals_watermark: Mapped[UtcTime | None]
    push_metrics: Mapped[bool] = mapped_column(default=True)
    metric_fields: Mapped[JsonObject] = mapped_column(default=dict)
    hook_token: Mapped[Code] = mapped_column(unique=True)
    channel_id: Mapped[Code] = mapped_column(default="")
    channel_secret: Mapped[Code] = mapped_column(default="")
    channel_expires_at: Mapped[UtcTime | None]
    channel_events: Mapped[list[str]] = mapped_column(JSON, default=list)
    channel_url: Mapped[LongText] = mapped_column(default="")
    channel_problem: Mapped[LongText] = mapped_column(default="")
    channel_due_at: Mapped[UtcTime | None]
    credits_remaining: Mapped[int | None]

    @property
    def is_live(self) -> bool:
        """Whether anything at all may be said to the CRM."""
        return self.status == ConnectionStatus.CONNECTED

    @property
    def is_paused(self) -> bool:
        """Whether automatic and manual syncs wait."""
        return self.paused_at is not None


class CrmEvent(OrganisationOwned, Base):
    """A notification that the CRM posted; its digest is unique, so a replay is refused by the database.

    `retry_at` in the future: somebody is at it, or it waits for what must come first.
    """

    __tablename__ = "crm_events"
    __table_args__ = (
        UniqueConstraint("connection_id", "digest"),
        Index(
            "ix_crm_events_unhandled", "connection_id", "module",
            sqlite_where=_UNHANDLED, postgresql_where=_UNHANDLED,
        ),
    )  # fmt: skip

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), index=True)
    digest: Mapped[Code]
    module: Mapped[Code]
    operation: Mapped[Code]
    crm_ids: Mapped[list[str]] = mapped_column(JSON)
    received_at: Mapped[UtcTime] = mapped_column(default=now)
    handled_at: Mapped[UtcTime | None]
    retry_at: Mapped[UtcTime | None]
    error: Mapped[LongText] = mapped_column(default="")
