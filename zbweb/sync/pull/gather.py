"""Everything that must be known before a batch of CRM records is decided: links, past decisions, twins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.models import Customer
from zbweb.billing.naming import name_key
from zbweb.sync.core.decide import Past, Twin
from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.models import Link


@dataclass(slots=True)
class Known:
    """What is known of a batch: active links and past ones by CRM id, and customers by folded name.

    `merged` are records whose customer was merged into another one, who has a record of its own.
    `taken` maps a name to the first linked customer of it; None while that customer is about to be added.
    """

    links: dict[str, Link] = field(default_factory=dict)
    past: dict[str, Past] = field(default_factory=dict)
    apart: dict[str, Link] = field(default_factory=dict)
    merged: dict[str, Link] = field(default_factory=dict)
    free_twins: dict[str, list[int]] = field(default_factory=dict)
    taken: dict[str, int | None] = field(default_factory=dict)

    @property
    def owners(self) -> dict[str, Link]:
        """By CRM id, the link that tells whose the record is, were it only by a merge."""
        return self.merged | self.links

    def twin(self, key: str) -> Twin:
        """Whether a customer of this folded name is here, and whether it is still without a link."""
        if self.free_twins.get(key):
            return Twin.FREE
        return Twin.TAKEN if key in self.taken else Twin.NONE

    def holder(self, key: str) -> int | None:
        """The customer of this folded name, linked or not."""
        return next(iter(self.free_twins.get(key, [])), None) or self.taken.get(key)

    def take_twin(self, key: str) -> int:
        """The unlinked customer of this name, who is linked from now on."""
        twin = self.free_twins[key].pop(0)
        self.taken.setdefault(key, twin)
        return twin


def gather(session: Session, connection_id: int, crm_module: str, crm_ids: Sequence[str]) -> Known:
    """The links of these CRM records, active and past."""
    known = Known()
    statement = (
        select(Link)
        .where(Link.connection_id == connection_id, Link.crm_module == crm_module, Link.crm_id.in_(crm_ids))
        .order_by(Link.id)
    )
    for link in session.scalars(statement):
        if link.state == LinkState.ACTIVE:
            known.links[link.crm_id] = link
        else:
            _remember(known, link)
    return known


def _remember(known: Known, link: Link) -> None:
    if link.reason == LinkReason.FOR_DOCUMENTS:
        known.past[link.crm_id] = Past.APART  # also when it was deleted there: somebody may restore it
    if link.state == LinkState.APART:
        known.apart[link.crm_id] = link
        if link.reason == LinkReason.MERGED_HERE:
            known.past[link.crm_id], known.merged[link.crm_id] = Past.MERGED, link
    elif link.reason in (LinkReason.DELETED_HERE, LinkReason.UNLINKED, LinkReason.UNDONE):
        known.past[link.crm_id] = Past.REMOVED


def gather_twins(session: Session, connection_id: int, known: Known, names: Sequence[str]) -> None:
    """The customers of these display names, and which of them are linked already."""
    keys = {name_key(name) for name in names}
    linked = (
        select(Link.entity_id)
        .where(Link.connection_id == connection_id, Link.entity == Entity.CUSTOMER, Link.state == LinkState.ACTIVE)
        .where(Link.entity_id == Customer.id)
        .exists()
    )
    statement = select(Customer.id, Customer.name_key, linked).where(Customer.name_key.in_(keys)).order_by(Customer.id)
    rows: Sequence[Any] = session.execute(statement).all()
    for customer_id, key, is_linked in rows:
        if is_linked:
            known.taken.setdefault(key, customer_id)
        else:
            known.free_twins.setdefault(key, []).append(customer_id)
