"""Documents that were deleted here after they had been in the CRM: what we made there goes, the CRM's own stays."""

from collections.abc import Sequence

from sqlalchemy import select

from zbweb.billing.words import Kind
from zbweb.db import db
from zbweb.sync.core.document_words import CRM_MODULES, KIND_OF
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Direction, Entity, LinkReason, LinkState, Outcome
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.models import Link
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import Claimed
from zbweb.sync.outbox.courier import Courier


def follow(courier: Courier, rows: Sequence[Claimed]) -> None:
    """Delete in the CRM what these deleted documents had made there; raises the CrmError that prevents it."""
    links = _links(courier.connection_id, [row.entity_id for row in rows])
    by_kind: dict[Kind, list[tuple[Claimed, Link]]] = {kind: [] for kind in courier.modules}
    silent = []
    for row in rows:
        link = links.get(row.entity_id)
        if link is None or KIND_OF[link.crm_module] not in by_kind:
            silent.append(row)
        else:
            by_kind[KIND_OF[link.crm_module]].append((row, link))
    if silent:
        with courier.plain_unit() as session:
            claims.delivered(session, courier.claim, silent)
    for kind, pairs in by_kind.items():
        if pairs:
            _delete(courier, kind, pairs)


def _delete(courier: Courier, kind: Kind, pairs: Sequence[tuple[Claimed, Link]]) -> None:
    ids = [(row, link.id, link.crm_id) for row, link in pairs]
    trigger = courier.modules[kind].choices.fire_triggers
    verdicts = courier.client.delete(CRM_MODULES[kind], [crm_id for _, _, crm_id in ids], trigger=trigger)
    with courier.unit(kind) as desk:
        for (row, link_id, _), verdict in zip(ids, verdicts, strict=True):
            said = refusal(verdict.code, verdict.message, verdict.details)
            if verdict.ok or said.reason is Reason.GONE_IN_CRM:
                _close(courier, desk, row, desk.session.get_one(Link, link_id))
            else:
                claims.refused(desk.session, courier.claim, row, code=said.code, words=said.words)


def _links(connection_id: int, ids: Sequence[int]) -> dict[int, Link]:
    statement = select(Link).where(
        Link.connection_id == connection_id,
        Link.entity == Entity.TRANSACTION,
        Link.entity_id.in_(ids),
        Link.state == LinkState.ARCHIVED,
        Link.reason == LinkReason.DELETED_HERE,
        Link.made_by == "billing",
    ).order_by(Link.id)  # fmt: skip
    return {link.entity_id: link for link in db.session.scalars(statement)}


def _close(courier: Courier, desk: Desk, row: Claimed, link: Link) -> None:
    link.reason = LinkReason.DELETED_ON_BOTH_SIDES
    desk.note(Fate(
        Outcome.DELETED, Reason.DELETED_HERE, Entity.TRANSACTION, link.crm_module, link.crm_id, link.crm_name,
        row.entity_id, Direction.OUT,
    ))  # fmt: skip
    courier.done(desk, row)
