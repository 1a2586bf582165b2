"""Potentials as the automation saw them last, so that it acts on what changed and never on what was so before."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zbweb.clock import now
from zbweb.db import Base, Code, OrganisationOwned, PrimaryKey, UtcTime


class SeenPotential(OrganisationOwned, Base):
    """One potential. `kind` is the meaning of its stage (StageKind); "" while it is looked at for the first time.

    Those that were closed when the automation was switched on are seen from the start.
    """

    __tablename__ = "seen_potentials"
    __table_args__ = (UniqueConstraint("connection_id", "crm_id"),)

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    crm_id: Mapped[Code]
    kind: Mapped[Code] = mapped_column(default="")
    seen_at: Mapped[UtcTime] = mapped_column(default=now)
