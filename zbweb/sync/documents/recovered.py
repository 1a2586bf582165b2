"""Documents that somebody deleted in the CRM and took out of its recycle bin again: they are linked as before."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.models import Transaction
from zbweb.clock import now
from zbweb.db import db
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.documents import Paper
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Entity, LinkReason, LinkState, Outcome
from zbweb.sync.models import Link
from zbweb.sync.outbox.claims import Claimed
from zbweb.sync.outbox.courier import Courier, SentModule, fate_of
from zbweb.sync.pairs import links_of


def rejoin(session: Session, link: Link) -> bool:
    """Link the two again; False where the document here is gone, or is another record's pair by now."""
    is_here = session.get(Transaction, link.entity_id, populate_existing=True) is not None
    if not is_here or links_of(session, link.connection_id, Entity.TRANSACTION, [link.entity_id]):
        return False
    link.state, link.reason, link.synced_at = LinkState.ACTIVE, "", now()
    session.flush()
    return True


def look(courier: Courier, module: SentModule, pending: Mapping[int, tuple[Claimed, Paper]]) -> None:
    """Before documents are sent again: those that are back in the CRM are no new ones. Raises CrmError."""
    past = _sent_again(courier.connection_id, pending)
    if not past:
        return
    found = courier.client.get_many(CRM_MODULES[module.kind], [link.crm_id for link in past], ["Modified_Time"])
    there = {str(record["id"]) for record in found}
    back = [link.id for link in past if link.crm_id in there]
    if not back:
        return
    with courier.unit(module.kind) as desk:
        for link_id in back:
            link = desk.session.get_one(Link, link_id, populate_existing=True)
            if rejoin(desk.session, link):
                paper = pending[link.entity_id][1]
                desk.note(fate_of(paper, Outcome.UPDATED, Reason.PAIRED, crm_id=link.crm_id))


def _sent_again(connection_id: int, ids: Collection[int]) -> list[Link]:
    """The past links of documents that are to be sent again, latest first."""
    linked = links_of(db.session(), connection_id, Entity.TRANSACTION, ids)
    statement = select(Link).where(
        Link.connection_id == connection_id, Link.entity == Entity.TRANSACTION,
        Link.entity_id.in_([each for each in ids if each not in linked]),
        Link.state == LinkState.ARCHIVED, Link.reason == LinkReason.SENT_AGAIN,
    )  # fmt: skip
    return list(db.session.scalars(statement.order_by(-Link.id)))
