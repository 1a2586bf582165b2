"""Records that went away in the CRM: deleted, merged into another, or out of the chosen view.

Nothing that money hangs on is ever deleted. What is deleted keeps its whole image in the entry, so that
undoing the run brings it back.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from zbweb.billing.models import ContactPerson, Customer, Payment, Transaction
from zbweb.clock import now
from zbweb.sync import holdings
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Entity, LinkReason, LinkState, Outcome
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.holdings import KINDS, TABLE_OF, Holding
from zbweb.sync.models import Link
from zbweb.sync.pairs import is_anothers

_TWINS = (LinkReason.BY_POLICY, LinkReason.MERGED_HERE)
"""Why a CRM record stands beside the one its customer is linked with: the CRM may merge the two."""


def let_go(desk: Desk, crm_module: str, crm_ids: Sequence[str]) -> None:
    """Follow deletions in the CRM, for those of its records that are linked."""
    links = _active_links(desk, crm_module, crm_ids)
    _forget_skipped(desk, crm_module, crm_ids)
    for entity in (Entity.CONTACT_PERSON, Entity.CUSTOMER):
        ours = [link for link in links if link.entity == entity]
        local = holdings.load(desk.session, KINDS[TABLE_OF[entity]], [link.entity_id for link in ours])
        busy = with_money(desk.session, local) if entity is Entity.CUSTOMER else set()
        for link in ours:
            _follow(desk, link, local.get(link.entity_id), is_busy=link.entity_id in busy)
    desk.put_away()


def exclude(desk: Desk, crm_module: str, crm_ids: Sequence[str]) -> None:
    """Mark linked records that left the chosen view; their customers stay as they are."""
    for link in _active_links(desk, crm_module, crm_ids):
        if link.excluded_at is None:
            link.excluded_at = now()
            desk.note(_fate(link, Outcome.EXCLUDED, Reason.LEFT_VIEW))
    desk.put_away()


def ours(session: Session, connection_id: int, crm_module: str, crm_ids: Sequence[str]) -> set[str]:
    """Those of the records that were made here or linked by a person.

    They were not the view's to give, so it does not take them away: they are kept in agreement whatever it shows.
    """
    statement = select(Link.crm_id).where(
        Link.connection_id == connection_id,
        Link.crm_module == crm_module,
        Link.crm_id.in_(crm_ids),
        Link.state == LinkState.ACTIVE,
        Link.made_by != "crm",
    )
    return set(session.scalars(statement))


def _forget_skipped(desk: Desk, crm_module: str, crm_ids: Sequence[str]) -> None:
    """Skipped twins that are gone: nothing was merged into them."""
    statement = (
        update(Link)
        .where(
            Link.connection_id == desk.connection_id,
            Link.crm_module == crm_module,
            Link.crm_id.in_(crm_ids),
            Link.state == LinkState.APART,
            Link.reason.in_(_TWINS),
        )
        .values(state=LinkState.ARCHIVED, reason=LinkReason.DELETED_IN_CRM, synced_at=now())
    )
    desk.session.execute(statement.execution_options(synchronize_session="fetch"))


def _active_links(desk: Desk, crm_module: str, crm_ids: Sequence[str]) -> list[Link]:
    statement = select(Link).where(
        Link.connection_id == desk.connection_id,
        Link.crm_module == crm_module,
        Link.crm_id.in_(crm_ids),
        Link.state == LinkState.ACTIVE,
    )
    return list(desk.session.scalars(statement))


def with_money(session: Session, ids: Iterable[int]) -> set[int]:
    """Those of the customers who have transactions or payments."""
    wanted = list(ids)
    busy = set(session.scalars(select(Transaction.customer_id).where(Transaction.customer_id.in_(wanted)).distinct()))
    return busy | set(session.scalars(select(Payment.customer_id).where(Payment.customer_id.in_(wanted)).distinct()))


def _follow(desk: Desk, link: Link, holding: Holding | None, *, is_busy: bool) -> None:
    if holding is None:
        link.end(LinkReason.DELETED_IN_CRM)
        return
    survivor = _survivor(desk, link)
    if survivor is not None:
        _move_to(desk, link, survivor)
    elif link.made_by != "crm":
        _archive_and_tell(desk, link, Reason.KEPT_HERE)
    elif is_busy and isinstance(holding, Customer):
        holding.active = False
        holding.version += 1
        desk.journal(Entity.CUSTOMER, holding.id, "deactivated", {"active": (True, False)})
        _archive_and_tell(desk, link, Reason.DEACTIVATED)
    else:
        _remove(desk, link, holding)


def _survivor(desk: Desk, link: Link) -> Link | None:
    """A skipped record of the same name: the CRM merged the linked one into it. Of several, the first met.

    One that has become another customer's meanwhile is that one's, whatever it was called when it was skipped.
    """
    statement = select(Link).where(
        ~is_anothers(),
        Link.connection_id == desk.connection_id,
        Link.entity == link.entity,
        Link.entity_id == link.entity_id,
        Link.crm_module == link.crm_module,
        Link.state == LinkState.APART,
        Link.reason.in_(_TWINS),
    )
    return desk.session.scalars(statement.order_by(Link.id)).first()


def _move_to(desk: Desk, link: Link, survivor: Link) -> None:
    link.end(LinkReason.MERGED_IN_CRM)
    desk.session.flush()  # the database allows one active link per customer: the old one goes first
    survivor.state, survivor.reason, survivor.made_by = LinkState.ACTIVE, "", link.made_by
    survivor.snapshot, survivor.crm_modified_at = {}, None  # nobody has compared the two yet
    desk.note(_fate(survivor, Outcome.UPDATED, Reason.MERGED_IN_CRM))


def _remove(desk: Desk, link: Link, holding: Holding) -> None:
    before: dict[str, Any] = {"record": image(holding), "made_by": link.made_by}
    if isinstance(holding, Customer):
        before["persons"] = [image(person) for person in holding.contact_persons]
        _archive_links_of_persons(desk, holding.contact_persons)
    link.end(LinkReason.DELETED_IN_CRM)
    desk.journal(Entity(link.entity), holding.id, "deleted", {})
    desk.note(_fate(link, Outcome.DELETED, Reason.DELETED_IN_CRM, before=before))
    desk.session.delete(holding)


def _archive_links_of_persons(desk: Desk, persons: Sequence[ContactPerson]) -> None:
    statement = select(Link).where(
        Link.connection_id == desk.connection_id,
        Link.entity == Entity.CONTACT_PERSON,
        Link.entity_id.in_([person.id for person in persons]),
        Link.state == LinkState.ACTIVE,
    )
    for link in desk.session.scalars(statement):
        link.end(LinkReason.DELETED_IN_CRM)


def image(holding: Holding) -> dict[str, Any]:
    """Every column of a local record, JSON-safe, to be put back by an undo."""
    values = {column.key: getattr(holding, column.key) for column in holding.__table__.columns}
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in values.items()}


def _archive_and_tell(desk: Desk, link: Link, reason: Reason) -> None:
    link.end(LinkReason.DELETED_IN_CRM)
    desk.note(_fate(link, Outcome.DELETED, reason))


def _fate(link: Link, outcome: Outcome, reason: Reason, **more: Any) -> Fate:
    return Fate(
        outcome, reason, Entity(link.entity), link.crm_module, link.crm_id, link.crm_name, link.entity_id, **more
    )
