"""Which local record and which CRM record are a pair now, asked from either side."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.models import Link


def links_of(session: Session, connection_id: int, entity: Entity, ids: Collection[int]) -> dict[int, Link]:
    """The active links of local records."""
    statement = select(Link).where(
        Link.connection_id == connection_id,
        Link.entity == entity,
        Link.entity_id.in_(ids),
        Link.state == LinkState.ACTIVE,
    )
    return {link.entity_id: link for link in session.scalars(statement.execution_options(populate_existing=True))}


def records_of(session: Session, connection_id: int, customer_ids: Collection[int]) -> list[Link]:
    """The links of customers that have a pair, those of records whose customers were merged into them included."""
    paired = links_of(session, connection_id, Entity.CUSTOMER, customer_ids)
    statement = select(Link).where(
        Link.connection_id == connection_id, Link.entity == Entity.CUSTOMER, Link.entity_id.in_(paired.keys()),
        Link.state == LinkState.APART, Link.reason == LinkReason.MERGED_HERE,
    ).order_by(Link.id)  # fmt: skip
    return [*paired.values(), *session.scalars(statement)]


def linked_crm_ids(session: Session, connection_id: int, crm_module: str, crm_ids: Collection[str]) -> set[str]:
    """Those of the CRM records that are somebody's pair already."""
    statement = select(Link.crm_id).where(
        Link.connection_id == connection_id,
        Link.crm_module == crm_module,
        Link.crm_id.in_(crm_ids),
        Link.state == LinkState.ACTIVE,
    )
    return set(session.scalars(statement))


def is_anothers() -> ColumnElement[bool]:
    """For links that are remembered and no pairs: whether their CRM record has become somebody's pair since."""
    pair = aliased(Link)
    return exists().where(
        pair.connection_id == Link.connection_id,
        pair.crm_module == Link.crm_module,
        pair.crm_id == Link.crm_id,
        pair.state == LinkState.ACTIVE,
    )


def skipped_twins(session: Session, connection_id: int, customer_ids: Collection[int]) -> set[int]:
    """Those of the customers whose namesake in the CRM was skipped by the policy: they are not made anew there.

    A namesake that has become another customer's pair since (by Clone, or by hand) holds nobody any more.
    """
    statement = select(Link.entity_id)
    return set(session.scalars(statement.where(*is_skipped(connection_id), Link.entity_id.in_(customer_ids))))


def is_skipped(connection_id: int) -> tuple[ColumnElement[bool], ...]:
    """For `where()` on links: a namesake of a customer that was skipped and is nobody's."""
    return (
        Link.connection_id == connection_id, Link.entity == Entity.CUSTOMER,
        Link.state == LinkState.APART, Link.reason == LinkReason.BY_POLICY, ~is_anothers(),
    )  # fmt: skip


def past_crm_ids(session: Session, connection_id: int, entity: Entity, ids: Collection[int]) -> dict[int, set[str]]:
    """The CRM records that local ones were pairs with and are not any more: deleted, merged or unlinked there.

    An account that stood there for documents alone was never a pair, so losing it holds nobody.
    """
    statement = select(Link.entity_id, Link.crm_id).where(*is_past(connection_id, entity), Link.entity_id.in_(ids))
    found: dict[int, set[str]] = {}
    for entity_id, crm_id in session.execute(statement):
        found.setdefault(entity_id, set()).add(crm_id)
    return found


def is_past(connection_id: int, entity: Entity) -> tuple[ColumnElement[bool], ...]:
    """For `where()` on links: those that were pairs."""
    return (
        Link.connection_id == connection_id, Link.entity == entity,
        Link.state == LinkState.ARCHIVED, Link.reason != LinkReason.FOR_DOCUMENTS,
    )  # fmt: skip
