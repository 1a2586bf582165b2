"""Telling the CRM what waits in the outbox: documents of the modules that are sent, and customers' figures.

`deliver` is what the job of a commit does. It claims a batch, tells the CRM, and goes on until nothing is due.
What fails stays in the outbox with its reason and the time of the next attempt; saving here never waits for it.
"""

from collections.abc import Callable, Mapping

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.words import Kind
from zbweb.crm.errors import CrmError, Unauthorised
from zbweb.crm.port import CrmClient
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import clients, runs
from zbweb.sync import connection as connections
from zbweb.sync.core.document_words import UNSENT
from zbweb.sync.core.documents import Paper
from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.documents import deletions, outgoing, papers, shapes
from zbweb.sync.figures import metrics
from zbweb.sync.live import Disabled
from zbweb.sync.models import Connection, Link, ModuleSetup
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import Claimed, ClaimLost
from zbweb.sync.outbox.courier import Courier, SentModule, Setback
from zbweb.sync.pairs import links_of

PATIENCE_SECONDS = 10.0
"""How long one call may be repeated: less than the lease of the rows it is made for."""
_UNEXPECTED = "Something unforeseen went wrong here. It is tried again by itself; the log says more."
OpenClient = Callable[[Connection], CrmClient]
log = structlog.get_logger()


def _client_for(connection: Connection) -> CrmClient:
    return clients.client_for(connection, patience_seconds=PATIENCE_SECONDS)


def deliver(organisation_id: int, *, open_client: OpenClient = _client_for) -> None:
    """Tell the CRM what is due for this organisation; another worker who is at it is left to it."""
    work_for(db.session(), organisation_id)
    while claims.is_anything_due(db.session()):
        courier = _set_out(open_client)
        if courier is None:
            return
        try:
            _carry(courier)
        except (ClaimLost, Disabled) as stop:
            log.warning("delivery_stopped", reason=type(stop).__name__)
            return


def _set_out(open_client: OpenClient) -> Courier | None:
    """Claim a batch; None when nothing may be said now, or somebody else says it."""
    with unit_of_work() as session:
        found = connections.active(session)
        if found is None:
            return None
        statement = select(Connection).where(Connection.id == found.id).with_for_update()
        connection = session.scalars(statement.execution_options(populate_existing=True)).one()
        if not connection.is_live or connection.is_paused or connection.credential_id is None:
            return None
        claim = claims.take(session)
        if not claim.rows:
            return None
        changed = [row.entity_id for row in claim.rows.values() if row.entity == Entity.TRANSACTION]
        metrics.owe_after(session, connection, changed)
        modules = _modules(session, connection.id)
    return Courier(connection.organisation_id, connection.id, open_client(connection), claim, modules)


def _modules(session: Session, connection_id: int) -> dict[Kind, SentModule]:
    """The document modules that somebody configured and that are not switched off."""
    statement = select(ModuleSetup).where(
        ModuleSetup.connection_id == connection_id, ModuleSetup.module.in_(list(Kind))
    )
    return {
        Kind(setup.module): SentModule(
            Kind(setup.module), setup.id, runs.choices_of(setup), shapes.kept(setup, Kind(setup.module))
        )
        for setup in session.scalars(statement)
        if setup.is_saved and setup.enabled
    }


def _carry(courier: Courier) -> None:
    """Everything in hand, kind by kind; a kind that cannot be told does not keep the others from it."""
    rows = {row.entity_id: row for row in courier.rows_of(Entity.TRANSACTION)}
    known = papers.read(db.session(), rows)
    try:
        _follow_deletions(courier, [row for key, row in rows.items() if key not in known])
        _leave(courier, rows, known)
        for kind in Kind:
            held = {row.entity_id: (row, known[row.entity_id]) for row in courier.rows_of(Entity.TRANSACTION)}
            pending = {key: pair for key, pair in held.items() if pair[1].kind is kind}
            if pending:
                _push(courier, kind, pending)
        metrics.push(courier)
    except ClaimLost:
        courier.claim.rows.clear()  # they are in another courier's hands
        raise
    except Disabled:
        with unit_of_work() as session:
            claims.release(session, courier.claim)
        raise
    finally:
        _let_go(courier)


def _follow_deletions(courier: Courier, rows: list[Claimed]) -> None:
    try:
        deletions.follow(courier, rows)
    except CrmError as error:
        courier.put_off([row for row in rows if row.row_id in courier.claim.rows], error)


def _leave(courier: Courier, rows: Mapping[int, Claimed], known: Mapping[int, Paper]) -> None:
    """Documents that the CRM is not to be told of leave the outbox without a word."""
    links = links_of(db.session(), courier.connection_id, Entity.TRANSACTION, known)
    dropped = _dropped(courier.connection_id, known)
    idle = [
        rows[key]
        for key, paper in known.items()
        if paper.kind not in courier.modules or key in dropped or (key not in links and not _begins(rows[key], paper))
    ]
    if idle:
        with courier.plain_unit() as session:
            claims.delivered(session, courier.claim, idle)


def _begins(row: Claimed, paper: Paper) -> bool:
    """Whether a document that is not in the CRM goes there: drafts do not, nor what was void before it went."""
    return row.sent_at is not None or paper.status not in UNSENT


def _dropped(connection_id: int, known: Mapping[int, Paper]) -> set[int]:
    """Documents that somebody deleted in the CRM, unless they were sent there again."""
    statement = select(Link.entity_id).where(
        Link.connection_id == connection_id,
        Link.entity == Entity.TRANSACTION,
        Link.entity_id.in_(known),
        Link.state == LinkState.ARCHIVED,
        Link.reason == LinkReason.DELETED_IN_CRM,
    )
    return set(db.session.scalars(statement))


def _push(courier: Courier, kind: Kind, pending: Mapping[int, tuple[Claimed, Paper]]) -> None:
    try:
        outgoing.push(courier, courier.modules[kind], pending)
    except CrmError as error:
        log.warning("delivery_failed", kind=kind, error=error.message)
        _put_off(courier, kind, pending, error)


def _put_off(courier: Courier, kind: Kind, pending: Mapping[int, tuple[Claimed, Paper]], error: CrmError) -> None:
    """What the CRM has not answered for yet waits for another attempt, with the reason."""
    with courier.unit(kind) as desk:
        if isinstance(error, Unauthorised):
            desk.session.get_one(Connection, courier.connection_id).problem = error.message
        for row, paper in pending.values():
            if row.row_id in courier.claim.rows:
                courier.refuse(desk, row, paper, Setback.of(error))


def _let_go(courier: Courier) -> None:
    """Rows that nobody spoke for, because something unforeseen happened, are tried again a little later."""
    if not courier.claim.rows:
        return
    with unit_of_work() as session:
        for row in list(courier.claim.rows.values()):
            claims.refused(session, courier.claim, row, code="unexpected", words=_UNEXPECTED)
