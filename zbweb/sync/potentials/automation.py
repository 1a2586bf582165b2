"""Automation: which documents follow potentials, chosen by a person.

It acts on what happens from then on. So the CRM is asked first which potentials are closed already (`look`), and
the choice is saved together with them (`choose`): those make no document, however often they are edited.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from zbweb.billing import journal
from zbweb.billing.journal import Actor
from zbweb.clock import now
from zbweb.crm.port import CrmClient, StageKind
from zbweb.crm.query import coql_text
from zbweb.sync.core.words import Automation, Outcome
from zbweb.sync.errors import NotConnected
from zbweb.sync.models import Connection, SeenPotential, SyncEntry

MODULE = "Deals"
_STAGES_AT_ONCE = 50
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Closed:
    """The potentials that are won or lost already, at a moment of the CRM's clock."""

    at: datetime
    kinds: Mapping[str, StageKind]


def look(client: CrmClient) -> Closed:
    """Ask the CRM which potentials are closed; raises CrmError. Call it outside of any unit of work."""
    kinds = client.stage_kinds()
    at = client.server_time or now()
    closed = [stage for stage, kind in kinds.items() if kind is not StageKind.OPEN]
    found: dict[str, StageKind] = {}
    for start in range(0, len(closed), _STAGES_AT_ONCE):
        wanted = ", ".join(coql_text(stage) for stage in closed[start : start + _STAGES_AT_ONCE])
        query = f"select id, Stage from {MODULE} where Stage in ({wanted}) order by id"  # noqa: S608  escaped
        records = client.coql(query)
        found |= {str(record["id"]): kinds.get(str(record.get("Stage")), StageKind.OPEN) for record in records}
    return Closed(at, found)


def choose(
    session: Session, connection: Connection, choice: Automation, closed: Closed | None, *, actor: Actor
) -> bool:
    """Save the choice; False when it stands already. `closed` is needed for every choice but NONE.

    Raises NotConnected while the integration is disabled.
    """
    if not connection.is_live:
        raise NotConnected("The integration is disabled. Choose Enable Integration first.")
    if connection.automation == choice:
        return False
    journal.record(
        session, "connection", connection.id, action="automation_chosen", actor=actor,
        changes={"automation": (str(connection.automation), choice.value)},
    )  # fmt: skip
    connection.automation = choice
    connection.automation_since = connection.deals_watermark = closed.at if closed else None
    _remember(session, connection, closed.kinds if closed else {})
    _settle_failures(session, connection, actor)
    return True


def _remember(session: Session, connection: Connection, kinds: Mapping[str, StageKind]) -> None:
    session.execute(delete(SeenPotential).where(SeenPotential.connection_id == connection.id))
    moment = now()
    rows = [
        {
            "organisation_id": connection.organisation_id,
            "connection_id": connection.id,
            "crm_id": crm_id,
            "kind": kind,
            "seen_at": moment,
        }
        for crm_id, kind in kinds.items()
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        session.execute(insert(SeenPotential.__table__), rows[start : start + _ROWS_AT_ONCE])  # type: ignore[arg-type]


def _settle_failures(session: Session, connection: Connection, actor: Actor) -> None:
    """What the former choice could not do is not to be done any more."""
    statement = (
        update(SyncEntry)
        .where(
            SyncEntry.connection_id == connection.id,
            SyncEntry.crm_module == MODULE,
            SyncEntry.outcome == Outcome.FAILED,
            SyncEntry.resolved_at.is_(None),
        )
        .values(resolved_at=now(), resolved_by=actor.name)
        .execution_options(synchronize_session=False)
    )
    session.execute(statement)


def failed_before(session: Session, connection_id: int) -> list[str]:
    """The potentials whose document could not be made or moved yet."""
    statement = (
        select(SyncEntry.crm_id)
        .where(
            SyncEntry.connection_id == connection_id,
            SyncEntry.crm_module == MODULE,
            SyncEntry.outcome == Outcome.FAILED,
            SyncEntry.resolved_at.is_(None),
        )
        .distinct()
    )
    return list(session.scalars(statement))
