"""Merging two customers of ours, with what each is in the CRM.

The one that is kept takes the other's CRM record over. If it has one already, the other's is remembered as its second
one: it is never fetched as a customer of its own, its contacts, potentials and documents are those of the kept
customer, and when the CRM merges the two records, either way, the link follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing import contact_persons, customers, journal, merging
from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson, Customer, Payment, Transaction
from zbweb.billing.naming import name_key
from zbweb.clock import now
from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.models import Link
from zbweb.sync.outbox import claims
from zbweb.sync.pairs import links_of


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a merge would hand over to the customer that is kept: counts, and the CRM records of both."""

    transactions: int
    payments: int
    persons: int
    kept_record: str
    other_record: str


def outlook(session: Session, kept: Customer, other: Customer) -> Outlook:
    """What merging would do; raises Conflict when the two cannot become one."""
    merging.ensure_alike(session, kept, other)
    names = _crm_names(session, (kept.id, other.id))
    return Outlook(
        transactions=_count(session, Transaction, other),
        payments=_count(session, Payment, other),
        persons=len(other.contact_persons),
        kept_record=names.get(kept.id, ""),
        other_record=names.get(other.id, ""),
    )


def merge(session: Session, kept: Customer, other: Customer, *, actor: Actor) -> None:
    """Make the two one; both are locked. Raises Conflict when they cannot become one."""
    merging.ensure_alike(session, kept, other)
    _hand_over_persons(session, kept, other, actor=actor)
    _hand_over_records(session, kept, other)
    merging.merge(session, kept, other, actor=actor)
    claims.wake_documents(session, [kept.id])


def both_locked(session: Session, kept_id: int, other_id: int) -> tuple[Customer, Customer]:
    """Two customers, locked in one order whichever is kept; raises NotFound."""
    locked = {each: customers.locked(session, each) for each in sorted({kept_id, other_id})}
    return locked[kept_id], locked[other_id]


def _count(session: Session, model: type[Transaction] | type[Payment], customer: Customer) -> int:
    statement = select(func.count()).select_from(model).where(model.customer_id == customer.id)
    return session.scalar(statement) or 0


def _crm_names(session: Session, customer_ids: tuple[int, ...]) -> dict[int, str]:
    statement = select(Link.entity_id, Link.crm_name).where(
        Link.entity == Entity.CUSTOMER, Link.entity_id.in_(customer_ids), Link.state == LinkState.ACTIVE
    )
    return dict(session.execute(statement).all())


# --- what they are in the CRM -----------------------------------------------------------------------


def _hand_over_records(session: Session, kept: Customer, other: Customer) -> None:
    """The other's links become the kept one's: as its pair if it has none with that CRM, else as second records."""
    theirs = select(Link).where(
        Link.entity == Entity.CUSTOMER, Link.entity_id == other.id,
        Link.state.in_((LinkState.ACTIVE, LinkState.APART)),
    )  # fmt: skip
    for link in session.scalars(theirs.order_by(Link.id).execution_options(populate_existing=True)):
        is_pair = link.state == LinkState.ACTIVE
        if is_pair and links_of(session, link.connection_id, Entity.CUSTOMER, [kept.id]):
            link.state, link.reason = LinkState.APART, LinkReason.MERGED_HERE
        elif is_pair:
            link.snapshot, link.crm_modified_at, link.made_by = {}, None, "billing"  # nobody has compared the two yet
        link.entity_id, link.synced_at = kept.id, now()
        session.flush()  # the next one looks for a pair of the kept customer's


def _hand_over_persons(session: Session, kept: Customer, other: Customer, *, actor: Actor) -> None:
    """The other's contact persons become the kept one's, links and all.

    A namesake without a link takes the link over, and one who adds nothing to a namesake goes with the other customer.
    """
    pairs = _pairs_of(session, [*kept.contact_persons, *other.contact_persons])
    namesakes = {name_key(each.full_name): each for each in kept.contact_persons if each.id not in pairs}
    present = {name_key(each.full_name): each for each in kept.contact_persons}
    for person in list(other.contact_persons):
        key, pair = name_key(person.full_name), pairs.get(person.id)
        if pair is not None and key in namesakes:
            pair.entity_id, pair.snapshot, pair.synced_at = namesakes.pop(key).id, {}, now()
        elif pair is not None or key not in present or _adds(person, present[key]):
            _move(session, person, kept, actor=actor)
    session.flush()


def _pairs_of(session: Session, persons: Sequence[ContactPerson]) -> dict[int, Link]:
    statement = select(Link).where(
        Link.entity == Entity.CONTACT_PERSON, Link.entity_id.in_([person.id for person in persons]),
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    return {link.entity_id: link for link in session.scalars(statement)}


def _adds(person: ContactPerson, namesake: ContactPerson) -> bool:
    """Whether a person says anything that the one of the same name does not."""
    said = {name: getattr(person, name) for name in contact_persons.FIELDS if name != "primary"} | person.custom
    known = {name: getattr(namesake, name) for name in contact_persons.FIELDS} | namesake.custom
    return any(value and value != known.get(name) for name, value in said.items())


def _move(session: Session, person: ContactPerson, kept: Customer, *, actor: Actor) -> None:
    changes = {"customer": (person.customer.display_name, kept.display_name)}
    person.customer, person.primary = kept, person.primary and not any(each.primary for each in kept.contact_persons)
    journal.record(session, Entity.CONTACT_PERSON, person.id, action="updated", actor=actor, changes=changes)
