"""Near matches: a customer that came from the CRM, beside one of ours that may be the same.

Equal names are the policy's business. What is merely alike ("Ltd" and "Limited", one e-mail address, one domain)
is kept as a pair for a person to decide about, in the unit of work that made the customer; until then ours is
not pushed as new. Only customers that were not fetched carry the keys to be compared by, in indexes of their own,
so one question answers for a batch, and where there are none nothing else is asked. The other way round, when one of
ours is about to be sent, the customers who share its first word or its address are read and compared.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, exists, insert, or_, select, union_all
from sqlalchemy.orm import Session

from zbweb.billing.models import Customer
from zbweb.billing.naming import loose_key
from zbweb.billing.words import CustomerType, Origin
from zbweb.clock import now
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.likeness import Keys, keys_of, nearest
from zbweb.sync.core.words import Entity, LinkState, ReviewState
from zbweb.sync.desk import Desk
from zbweb.sync.models import Link, ReviewPair


def note_near(desk: Desk, customer_type: CustomerType, created: Sequence[tuple[int, Mapping[str, Value]]]) -> None:
    """Keep a pair for each of the customers just created, by id and values, that is like one of ours."""
    if not created or not _are_any_ours(desk.session):
        return
    keys = {
        customer_id: keys_of(values, is_business=customer_type is CustomerType.BUSINESS)
        for customer_id, values in created
    }
    ours = _candidates(desk, customer_type, keys.values())
    rows = [
        {
            "organisation_id": desk.organisation_id,
            "connection_id": desk.connection_id,
            "customer_id": found[0],
            "other_id": customer_id,
            "why": found[1],
            "state": ReviewState.OPEN,
            "decided_by": "",
            "created_at": now(),
        }
        for customer_id, mine in keys.items()
        if (found := nearest(mine, _sharing(mine, ours)))
    ]
    if rows:
        desk.session.execute(insert(ReviewPair.__table__), rows)  # type: ignore[arg-type]


def look_around(desk: Desk, ours: Sequence[Customer]) -> None:
    """Keep a pair for each customer of ours, about to be added to the CRM, that is like one who came from there.

    A domain alone is no reason to hold anybody: the companies of one group share it.
    """
    mine = {each.id: Keys(each.name_key, each.loose_key, each.email.casefold(), None) for each in ours}
    if not mine:
        return
    told = select(ReviewPair.customer_id, ReviewPair.other_id).where(ReviewPair.customer_id.in_(mine))
    known = {tuple(row) for row in desk.session.execute(told)}
    theirs: dict[str, list[tuple[int, Keys]]] = defaultdict(list)
    for other in desk.session.scalars(_fetched_like(desk, ours)):
        keys = Keys(other.name_key, loose_key(other.display_name), other.email.casefold(), None)
        theirs[other.type].append((other.id, keys))
    for each in ours:
        others = [found for found in theirs[each.type] if (each.id, found[0]) not in known]
        if match := nearest(mine[each.id], others):
            desk.session.add(
                ReviewPair(
                    organisation_id=desk.organisation_id, connection_id=desk.connection_id, customer_id=each.id,
                    other_id=match[0], why=match[1],
                )
            )  # fmt: skip
    desk.session.flush()  # who is in a pair now is not sent


def _fetched_like(desk: Desk, ours: Sequence[Customer]) -> Select[Customer]:
    """Customers fetched from the CRM who share the first word of a name, or the address, with any of `ours`."""
    words = {(each.loose_key or each.name_key).partition(" ")[0] for each in ours}
    emails = {each.email for each in ours if each.email}
    linked = exists().where(
        Link.connection_id == desk.connection_id, Link.entity == Entity.CUSTOMER, Link.entity_id == Customer.id,
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    is_postgresql = desk.session.get_bind().dialect.name == "postgresql"
    begin = [
        Customer.search_key.startswith(word, autoescape=True)  # which has an index there
        if is_postgresql
        else and_(Customer.name_key >= word, Customer.name_key < word + "\U0010ffff")
        for word in words
    ]
    alike = or_(Customer.email.in_(emails), *begin)
    return select(Customer).where(alike, linked, Customer.active, Customer.origin == Origin.CRM)


def _are_any_ours(session: Session) -> bool:
    return session.scalars(select(Customer.id).where(Customer.loose_key.is_not(None)).limit(1)).first() is not None


_Index = Mapping[str, Sequence[tuple[int, Keys]]]


def _candidates(desk: Desk, customer_type: CustomerType, keys: Collection[Keys]) -> _Index:
    """Customers of ours without a link that share anything with any of `keys`, by what they share."""
    linked = select(Link.id).where(
        Link.connection_id == desk.connection_id,
        Link.entity == Entity.CUSTOMER,
        Link.entity_id == Customer.id,
        Link.state == LinkState.ACTIVE,
    )
    alike = union_all(
        *(
            select(Customer.id).where(column.in_(wanted))
            for column, wanted in (
                (Customer.loose_key, {each.loose for each in keys if each.loose}),
                (Customer.domain, {each.domain for each in keys if each.domain}),
                (Customer.email, {each.email for each in keys if each.email}),
            )
            if wanted
        )
    )  # each part has an index; joined by OR, none of them would be used
    statement = (
        select(
            Customer.id, Customer.name_key, Customer.loose_key, Customer.email, Customer.domain,
            Customer.type, Customer.active,
        ).where(Customer.id.in_(alike), ~linked.exists())
    )  # fmt: skip
    index: dict[str, list[tuple[int, Keys]]] = defaultdict(list)
    for customer_id, name, loose, email, domain, type_, is_active in desk.session.execute(statement):
        if type_ != customer_type or not is_active or loose is None:
            continue
        each = (customer_id, Keys(name, loose, email.casefold(), domain))
        for key in {loose, email.casefold(), domain or ""} - {""}:
            index[key].append(each)
    return index


def _sharing(mine: Keys, ours: _Index) -> list[tuple[int, Keys]]:
    return [each for key in (mine.loose, mine.email, mine.domain) if key for each in ours.get(key, ())]


def undecided(session: Session, connection_id: int, customer_ids: Collection[int]) -> set[int]:
    """Those of the customers whom somebody has yet to compare with one that the CRM made."""
    statement = select(ReviewPair.customer_id)
    return set(session.scalars(statement.where(*waits(connection_id), ReviewPair.customer_id.in_(customer_ids))))


def waits(connection_id: int) -> tuple[ColumnElement[bool], ...]:
    """For `where()` on review pairs: those that hold their customer until somebody has decided."""
    return (*_is_open(connection_id), _has_link(connection_id))


def freed(session: Session, connection_id: int) -> list[int]:
    """Close the pairs whose other one is gone or no longer linked; their customers need nobody's word any more."""
    statement = select(ReviewPair).where(*_is_open(connection_id), ~_has_link(connection_id))
    pairs = list(session.scalars(statement))
    for pair in pairs:
        pair.state = ReviewState.APART
    session.flush()  # whoever is in another open pair still waits
    ids = {pair.customer_id for pair in pairs}
    return sorted(ids - undecided(session, connection_id, ids))


def _is_open(connection_id: int) -> tuple[ColumnElement[bool], ...]:
    return ReviewPair.connection_id == connection_id, ReviewPair.state == ReviewState.OPEN


def _has_link(connection_id: int) -> ColumnElement[bool]:
    return exists().where(
        Link.connection_id == connection_id, Link.entity == Entity.CUSTOMER, Link.entity_id == ReviewPair.other_id,
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
