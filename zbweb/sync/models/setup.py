"""A module setup: the five choices of the wizard, versioned so that a run finishes with those it began with."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.db import Base, Code, JsonObject, Name, OrganisationOwned, PrimaryKey, UtcTime
from zbweb.sync.core.words import Extent, Policy, Scope, Winner


class ModuleSetup(OrganisationOwned, Base):
    """The saved choices of one module, and `draft`: those of a wizard that is not finished.

    `mappings` maps a table name ("account", "contact", "person", or the transaction's CRM module) to
    rows {"field": billing field, "crm": CRM field}. `watermarks` maps a CRM module to the ISO time up
    to which it has been read; a change of scope, view or mapping clears them. `version` 0: never saved.
    `pushed_at` is when the CRM had first been told everything that was here.
    """

    __tablename__ = "module_setups"
    __table_args__ = (UniqueConstraint("connection_id", "module"),)

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    module: Mapped[Code]
    version: Mapped[int] = mapped_column(default=0)
    enabled: Mapped[bool] = mapped_column(default=False)
    scope: Mapped[Code] = mapped_column(default=Scope.ACCOUNTS)
    include_loose: Mapped[bool] = mapped_column(default=False)
    extent: Mapped[Code] = mapped_column(default=Extent.FETCH)
    policy: Mapped[Code] = mapped_column(default=Policy.SKIP)
    winner: Mapped[Code] = mapped_column(default=Winner.CRM)
    fire_triggers: Mapped[bool] = mapped_column(default=False)
    account_view_id: Mapped[Code] = mapped_column(default="")
    account_view_name: Mapped[Name] = mapped_column(default="")
    account_view_all: Mapped[bool] = mapped_column(default=True)
    contact_view_id: Mapped[Code] = mapped_column(default="")
    contact_view_name: Mapped[Name] = mapped_column(default="")
    contact_view_all: Mapped[bool] = mapped_column(default=True)
    mappings: Mapped[JsonObject] = mapped_column(default=dict)
    watermarks: Mapped[JsonObject] = mapped_column(default=dict)
    draft: Mapped[JsonObject] = mapped_column(default=dict)
    pushed_at: Mapped[UtcTime | None]
    saved_at: Mapped[UtcTime | None]
    saved_by: Mapped[Name] = mapped_column(default="")

    @property
    def is_saved(self) -> bool:
        """Whether somebody has finished the wizard once."""
        return self.version > 0
