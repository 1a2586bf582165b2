"""One document of the CRM brought in: added here, merged with its pair, or parted from it.

Snapshot, ours and theirs are compared field by field. What the CRM says that is not so here afterwards (a total by
other rules, a status that cannot be) is put into the outbox, and the next delivery sets it right.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import moves, standing, status, transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.journal import Actor, put_in_outbox
from zbweb.billing.models import Customer, OutboxRow, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind, Origin
from zbweb.clock import now
from zbweb.crm.port import Record
from zbweb.errors import AppError
from zbweb.sync.core.agreement import SUMS, agreed, differences, insisted, said, settled
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.document_words import CRM_MODULES, STATUS_IN
from zbweb.sync.core.documents import Shape, Ties, Values, from_record, theirs
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Entity, LinkReason, LinkState, Outcome, Winner
from zbweb.sync.currency import ensure_same_currency
from zbweb.sync.desk import CRM_ACTOR, Desk, Fate
from zbweb.sync.documents import drafts, goods, papers, recovered
from zbweb.sync.documents.drafts import Arrival
from zbweb.sync.figures import metrics
from zbweb.sync.models import Connection, Link
from zbweb.sync.pairs import links_of
from zbweb.sync.pull.gather import gather

_FIRST_STEP = {Kind.SALES_ORDER: Status.CONFIRMED}
"""Where a new document goes first that cannot reach its status from draft at once."""

_AT_ONCE = timedelta(seconds=10)
"""So soon after our own word it is the CRM, or a rule that somebody made there, that changes it."""
_LONGEST_ID = 18
"""Digits of an id that the database can be asked for; people may type anything where ours stands."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """A module that is synced both ways; `since`: documents made in the CRM before then are left alone."""

    kind: Kind
    setup_id: int
    choices: Choices
    shape: Shape
    since: datetime
    read_until: datetime

    @property
    def crm_module(self) -> str:
        """The CRM's name of the module."""
        return CRM_MODULES[self.kind]


def links_there(session: Session, connection_id: int, inlet: Inlet, crm_ids: Collection[str]) -> dict[str, Link]:
    """Links of CRM documents, past ones included; an active one before any other."""
    statement = select(Link).where(
        Link.connection_id == connection_id, Link.entity == Entity.TRANSACTION,
        Link.crm_module == inlet.crm_module, Link.crm_id.in_(crm_ids),
    ).order_by((Link.state == LinkState.ACTIVE), Link.id)  # fmt: skip
    return {link.crm_id: link for link in session.scalars(statement.execution_options(populate_existing=True))}


def part(desk: Desk, link: Link) -> None:
    """The CRM's document was deleted: ours stays, without a pair."""
    if link.state != LinkState.ACTIVE:
        return
    link.end(LinkReason.DELETED_IN_CRM)
    desk.note(Fate(
        Outcome.DELETED, Reason.DOCUMENT_GONE_IN_CRM, Entity.TRANSACTION, link.crm_module, link.crm_id, link.crm_name,
        link.entity_id,
    ))  # fmt: skip


def bring_in(desk: Desk, inlet: Inlet, record: Record) -> None:
    """Bring in one document that was read whole."""
    values = from_record(record, inlet.shape)
    arrival = Arrival(inlet.kind, record, values, inlet.shape)
    link = links_there(desk.session, desk.connection_id, inlet, [arrival.crm_id]).get(arrival.crm_id)
    if link is None:
        if not _is_our_own(desk, inlet, arrival):
            _add(desk, inlet, arrival)
    elif link.state == LinkState.ACTIVE:
        _merge(desk, inlet, arrival, link)
    elif link.reason == LinkReason.DELETED_IN_CRM and recovered.rejoin(desk.session, link):
        desk.note(_fate(arrival, Outcome.UPDATED, Reason.PAIRED, link.entity_id))
        _merge(desk, inlet, arrival, link)
    if not desk.fates:
        desk.settled(inlet.crm_module, [arrival.crm_id])


def _is_our_own(desk: Desk, inlet: Inlet, arrival: Arrival) -> bool:
    """Whether a push of ours made it and has yet to write the link down. A copy made there carries our id as well."""
    our_id = str(arrival.values.get("our_id") or "")
    sent = select(OutboxRow.entity_id).where(OutboxRow.entity == Entity.TRANSACTION, OutboxRow.sent_at.is_not(None))
    statement = select(Transaction.id).where(Transaction.kind == inlet.kind, Transaction.id.in_(sent))
    if our_id.isdecimal() and len(our_id) <= _LONGEST_ID:
        statement = statement.where(Transaction.id == int(our_id))
    else:
        statement = statement.where(Transaction.number == arrival.name)
    held = desk.session.scalars(statement).first()
    return held is not None and not links_of(desk.session, desk.connection_id, Entity.TRANSACTION, [held])


def _fate(arrival: Arrival, outcome: Outcome, reason: Reason, entity_id: int | None = None, **more: Any) -> Fate:
    module = CRM_MODULES[arrival.kind]
    return Fate(outcome, reason, Entity.TRANSACTION, module, arrival.crm_id, arrival.name, entity_id, **more)


def _actor(desk: Desk) -> Actor:
    return Actor(CRM_ACTOR, origin=Origin.CRM, run_id=desk.run_id)


def _add(desk: Desk, inlet: Inlet, arrival: Arrival) -> None:
    """A document that was made in the CRM becomes one here."""
    session = desk.session
    customer_id = _customer_of(desk, arrival)
    if customer_id is None:
        desk.note(_fate(arrival, Outcome.FAILED, Reason.DOCUMENT_NO_CUSTOMER))
        return
    try:
        with session.begin_nested():
            stock = goods.ensure(desk, arrival.rows, actor=_actor(desk))
            draft = drafts.new(session, replace(arrival, items=stock.items), customer_id)
            made = transactions.create(session, draft, actor=_actor(desk))
            _follow_status(session, made, arrival.values, _actor(desk))
    except AppError as error:
        desk.note(_fate(arrival, Outcome.FAILED, Reason.INVALID_VALUE, words=error.message))
        return
    row = desk.link_row(
        Entity.TRANSACTION, made.id, inlet.crm_module, arrival.crm_id, crm_name=arrival.name[:255],
        crm_modified_at=moment_of(arrival.record["Modified_Time"]), snapshot=arrival.values,
    )  # fmt: skip
    desk.add_links([row])
    for fate in [*stock.fates, _fate(arrival, Outcome.ADDED, Reason.NEW, made.id)]:
        desk.note(fate)
    _agree(desk, inlet, arrival, made.id, accepts=arrival.values.keys() - {"our_id"}, told={})


def _customer_of(desk: Desk, arrival: Arrival) -> int | None:
    wanted = [("Accounts", arrival.values.get("account")), ("Contacts", arrival.values.get("contact"))]
    for crm_module, crm_id in wanted:
        owner = gather(desk.session, desk.connection_id, crm_module, [str(crm_id)]).owners.get(str(crm_id))
        if owner is not None and owner.entity == Entity.CUSTOMER:
            return owner.entity_id
    return None


def _merge(desk: Desk, inlet: Inlet, arrival: Arrival, link: Link) -> None:
    """A document that is linked: what people changed there is changed here, as far as it may be."""
    session = desk.session
    document = standing.lock(session, link.entity_id)
    ours = _ours(desk, inlet, document, link)
    wins = _theirs_win(desk, inlet, document, arrival)
    taken = theirs(arrival.values, link.snapshot, ours, theirs_win=wins)
    is_taken = bool(taken) and _take_over(desk, document, arrival, taken, ours=ours, before=link.snapshot)
    accepts = _accepted(taken, ours, link.snapshot) if is_taken and link.made_by == "crm" else set()
    modified, told = moment_of(arrival.record["Modified_Time"]), link.snapshot
    is_by_itself = link.crm_modified_at is not None and modified - link.crm_modified_at <= _AT_ONCE
    link.snapshot = agreed(arrival.values, told)
    link.crm_modified_at, link.synced_at = modified, now()
    _agree(desk, inlet, arrival, document.id, accepts=accepts, told=told if is_by_itself else {})


def _take_over(
    desk: Desk, document: Transaction, arrival: Arrival, taken: Values, *, ours: Values, before: Values
) -> bool:
    """Change the document here, and write down what became of that; False where it may not be changed so."""
    diff = {key: [ours.get(key), value] for key, value in taken.items() if key != "lines"}
    try:
        with desk.session.begin_nested():
            fates = _change(desk, document, arrival, taken, before=before)
    except AppError as error:
        desk.note(_fate(arrival, Outcome.SKIPPED, Reason.DOCUMENT_REFUSED, document.id, words=error.message))
        return False
    for fate in [*fates, _fate(arrival, Outcome.UPDATED, Reason.CHANGED_IN_CRM, document.id, diff=diff)]:
        desk.note(fate)
    return True


def _accepted(taken: Values, ours: Values, before: Values) -> set[str]:
    """Fields whose words in the CRM may stay there: those taken over, and with one of the sums all that come to it."""
    is_ours = any(ours.get(key) != before.get(key) for key in SUMS if key in ours)
    sums = set(SUMS) if taken.keys() & set(SUMS) and not is_ours else set()
    return taken.keys() - set(SUMS) | sums


def _theirs_win(desk: Desk, inlet: Inlet, document: Transaction, arrival: Arrival) -> bool:
    winner = inlet.choices.winner
    if winner is Winner.NEWEST:
        modified = moment_of(arrival.record["Modified_Time"]) - desk.crm_ahead
        return modified >= document.updated_at.replace(microsecond=0)
    return winner is not Winner.BILLING


def _ours(desk: Desk, inlet: Inlet, document: Transaction, link: Link) -> Values:
    """What the document says now, in the CRM's words; a product that is not there yet is none of its."""
    paper = papers.paper_of(document)
    ids = {line.item_id: line.item_id or 0 for line in paper.lines}
    linked = links_of(desk.session, desk.connection_id, Entity.ITEM, ids.values())
    products = {item_id: linked[key].crm_id if key in linked else "" for item_id, key in ids.items()}
    tied = {key: str(link.snapshot.get(key) or "") for key in ("account", "contact", "source")}
    ties = Ties(products=products, **tied)
    return said(paper, ties, inlet.shape, link.snapshot, made_in_crm=link.made_by == "crm")


def _change(desk: Desk, document: Transaction, arrival: Arrival, taken: Values, *, before: Values) -> list[Fate]:
    """What people changed there, done here; answers with what became of new products."""
    actor, stock = _actor(desk), goods.Stock()
    if taken.keys() & set(SUMS):
        customer = desk.session.get_one(Customer, document.customer_id)
        ensure_same_currency(desk.session, named=arrival.currency, what="document", customer=customer)
    if "lines" in taken:
        stock = goods.ensure(desk, arrival.rows, actor=actor)
    if taken.keys() - {"status"}:
        draft = drafts.changed(from_transaction(document), replace(arrival, items=stock.items), taken, before)
        transactions.edit(desk.session, document, draft, version=None, actor=actor)
    if "status" in taken:
        _follow_status(desk.session, document, taken, actor)
    return stock.fates


def _follow_status(session: Session, document: Transaction, values: Values, actor: Actor) -> None:
    """Move a document to what the CRM's status means; a word that means nothing here, or draft, moves nothing."""
    kind, to = Kind(document.kind), STATUS_IN[Kind(document.kind)].get(str(values.get("status") or ""))
    here = Status(document.status)
    if to is None or to is here or to is Status.DRAFT:
        return
    first = _FIRST_STEP.get(kind)
    if first is not None and here is Status.DRAFT and status.refusal(kind, here, to):
        moves.move(session, document, first, actor)
    moves.move(session, document, to, actor)


def _agree(
    desk: Desk, inlet: Inlet, arrival: Arrival, document_id: int, *, accepts: Collection[str], told: Values
) -> None:
    """Where the CRM still says something else than the document here, it is told; figures follow what changed.

    Its words are left in the fields it `accepts`, its sums if they come to the total here; and where it has made
    the same of what it was `told` as before.
    """
    session = desk.session
    session.flush()  # the document is read as it will be committed
    connection = session.get_one(Connection, desk.connection_id)
    metrics.owe_after(session, connection, [document_id])
    document = standing.lock(session, document_id)
    link = links_of(session, desk.connection_id, Entity.TRANSACTION, [document_id])[document_id]
    pairs = differences(_ours(desk, inlet, document, link), arrival.values)
    is_same_total = Decimal(arrival.record.get("Grand_Total") or 0) == document.total
    kept = {key: pair for key, pair in pairs.items() if key in accepts and (is_same_total or key not in SUMS)}
    stubborn = {key: pair for key, pair in insisted(pairs, told).items() if key not in kept}
    objected = {key: pair for key, pair in pairs.items() if key not in kept | stubborn}
    link.snapshot = settled(link.snapshot, kept=kept | stubborn, objected=objected)
    if stubborn:
        diff = {key: pair for key, pair in stubborn.items() if key != "lines"}
        desk.note(_fate(arrival, Outcome.SKIPPED, Reason.CRM_INSISTS, document_id, diff=diff))
    if objected:
        put_in_outbox(session, Entity.TRANSACTION, [document_id])


def moment_of(text: str) -> datetime:
    """A time as the CRM writes it."""
    return datetime.fromisoformat(text)
