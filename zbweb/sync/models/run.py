"""Runs and entries: what the sync did, record by record, and why."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.clock import now
from zbweb.db import Base, Code, JsonObject, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime
from zbweb.sync.core.words import Direction, RunStatus


class SyncRun(OrganisationOwned, Base):
    """One run. `setup` is the frozen module setup it began with; `checkpoint` is where a restart goes on.

    `lease_until` is the worker's promise of life: a running run whose lease has passed is taken over.
    """

    __tablename__ = "sync_runs"
    __table_args__ = (
        Index(None, "connection_id", "module", "status"),
        Index(None, "organisation_id", "id"),
        Index(None, "status", "lease_until"),
    )

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    module: Mapped[Code] = mapped_column(default="customers")
    trigger: Mapped[Code]
    status: Mapped[Code] = mapped_column(default=RunStatus.QUEUED)
    actor_name: Mapped[Name] = mapped_column(default="")
    setup: Mapped[JsonObject] = mapped_column(default=dict)
    only: Mapped[JsonObject] = mapped_column(default=dict)
    checkpoint: Mapped[JsonObject] = mapped_column(default=dict)
    phase: Mapped[Code] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    added: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    deleted: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    excluded: Mapped[int] = mapped_column(default=0)
    conflicts: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[Code] = mapped_column(default="")
    error_message: Mapped[LongText] = mapped_column(default="")
    queued_at: Mapped[UtcTime] = mapped_column(default=now)
    started_at: Mapped[UtcTime | None]
    finished_at: Mapped[UtcTime | None]
    lease_until: Mapped[UtcTime | None]
    lease_owner: Mapped[Code] = mapped_column(default="")
    undone_at: Mapped[UtcTime | None]


class SyncEntry(OrganisationOwned, Base):
    """One record's fate. `diff` maps a field to [old, new]; `before` is what an undo puts back.
    Of a conflict, `diff` maps a field to [ours, theirs], and once somebody has decided, `before` says what `stays`.

    `resolved_at` on a failed entry or a conflict: a later run succeeded, or a person dismissed or decided it.
    """

    __tablename__ = "sync_entries"
    __table_args__ = (
        Index(None, "run_id", "outcome", "id"),
        Index(None, "connection_id", "outcome", "resolved_at"),
        Index(None, "connection_id", "crm_module", "crm_id"),
        Index(None, "organisation_id", "entity", "entity_id"),
    )
    is_indexed_by_others = True

    id: Mapped[PrimaryKey]
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_runs.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    outcome: Mapped[Code]
    direction: Mapped[Code] = mapped_column(default=Direction.IN)
    entity: Mapped[Code] = mapped_column(default="customer")
    entity_id: Mapped[int | None]
    crm_module: Mapped[Code] = mapped_column(default="")
    crm_id: Mapped[Code] = mapped_column(default="")
    name: Mapped[Name] = mapped_column(default="")
    reason: Mapped[Code]
    crm_words: Mapped[LongText] = mapped_column(default="")
    diff: Mapped[JsonObject] = mapped_column(default=dict)
    before: Mapped[JsonObject] = mapped_column(default=dict)
    resolved_at: Mapped[UtcTime | None]
    resolved_by: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[UtcTime] = mapped_column(default=now)
