"""The review list: customers that came from the CRM and may be one of ours under another name.

A person says of each pair whether the two are one (Link) or not (Keep apart). Linking merges the newer customer into
the older one, which takes over its CRM record, contact persons and transactions.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from zbweb.billing import customers
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer
from zbweb.errors import Conflict, NotFound
from zbweb.sync.core.words import Entity, LinkState, ReviewState
from zbweb.sync.models import Link, ReviewPair
from zbweb.sync.outbox import claims
from zbweb.sync.pairs import links_of
from zbweb.sync.pull import near
from zbweb.sync.push import waiting
from zbweb.sync.repair import links, merging

PAGE = 25
_OVER = "This pair has been decided already. Reload the page to see what is left."
_ours, _other = aliased(Customer), aliased(Customer)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two customers that may be one: `ours` was here before, `other` came with the CRM record of `link`."""

    id: int
    why: str
    ours: Customer
    other: Customer
    link: Link


def open_pairs(session: Session, connection_id: int, *, after: int = 0, limit: int = PAGE) -> tuple[list[Pair], bool]:
    """A page of the pairs nobody has decided, oldest first, and whether more follow."""
    statement = _open(connection_id, ReviewPair, _ours, _other, Link).where(ReviewPair.id > after)
    rows = session.execute(statement.order_by(ReviewPair.id).limit(limit + 1)).all()
    return [Pair(pair.id, pair.why, ours, other, link) for pair, ours, other, link in rows[:limit]], len(rows) > limit


def count_open(session: Session, connection_id: int) -> int:
    """How many pairs wait for a person."""
    return session.scalar(_open(connection_id, func.count(ReviewPair.id))) or 0


def _open(connection_id: int, *what: Any) -> Select[Any]:
    """Pairs that can still be decided: the one is still linked, the other still is not."""
    is_taken = select(Link.id).where(
        Link.connection_id == connection_id, Link.entity == Entity.CUSTOMER, Link.entity_id == ReviewPair.customer_id,
        Link.state == LinkState.ACTIVE,
    ).correlate(ReviewPair)  # fmt: skip
    return (
        select(*what)
        .select_from(ReviewPair)
        .join(_ours, _ours.id == ReviewPair.customer_id)
        .join(_other, _other.id == ReviewPair.other_id)
        .join(
            Link,
            (Link.connection_id == connection_id)
            & (Link.entity == Entity.CUSTOMER)
            & (Link.entity_id == ReviewPair.other_id)
            & (Link.state == LinkState.ACTIVE),
        )
        .where(ReviewPair.connection_id == connection_id, ReviewPair.state == ReviewState.OPEN, ~is_taken.exists())
    )


def keep_apart(session: Session, pair_id: int, *, actor: Actor) -> Customer:
    """Note that the two are different; ours and its documents, which waited for that word, go to the CRM.

    Raises NotFound when the pair is decided already.
    """
    pair, _ = _find(session, pair_id)
    pair.state, pair.decided_by = ReviewState.APART, actor.name
    session.flush()  # whoever is in another open pair still waits
    if not near.undecided(session, pair.connection_id, [pair.customer_id]):
        waiting.ensure(session, Entity.CUSTOMER, [pair.customer_id])
        claims.wake_documents(session, [pair.customer_id])
    return customers.find(session, pair.customer_id)


def link(session: Session, pair_id: int, *, actor: Actor) -> Link:
    """Merge the other customer into ours, who takes over the CRM record.

    What the CRM says of the record is merged in when it is fetched, which is the caller's next step. Raises
    NotFound when the pair is decided already, Conflict when the two cannot become one.
    """
    pair, other_id = _find(session, pair_id)
    ours, other = merging.both_locked(session, pair.customer_id, other_id)
    theirs = links_of(session, pair.connection_id, Entity.CUSTOMER, [other.id]).get(other.id)
    if theirs is None:
        raise Conflict(f"{other.display_name} is no longer linked to Zoho CRM, so there is nothing to move.")
    merging.merge(session, ours, other, actor=actor)
    return links.active_link(session, Entity.CUSTOMER, ours.id)


def _find(session: Session, pair_id: int) -> tuple[ReviewPair, int]:
    """A pair that nobody has decided, locked, and its other customer, who goes when the two become one."""
    statement = select(ReviewPair).where(ReviewPair.id == pair_id).with_for_update()
    pair = session.scalar(statement.execution_options(populate_existing=True))
    if pair is None or pair.state != ReviewState.OPEN or pair.other_id is None:
        raise NotFound(_OVER)
    return pair, pair.other_id
