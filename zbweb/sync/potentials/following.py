"""One potential and its document: what is known of both, and what the automation then does, in one unit of work.

The row of the potential is locked first, so that of two workers with the same notification only the first sees a
change; the unique automation key of documents stands behind that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, moves, transactions
from zbweb.billing.drafts import Draft, LineDraft, Potential, in_coins
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind, Origin
from zbweb.clock import now
from zbweb.crm.port import Record, StageKind
from zbweb.db import tolerant_insert
from zbweb.errors import AppError, Invalid
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.won import KIND_OF, Held, Plan, Situation, plan
from zbweb.sync.core.words import Automation, Entity, Outcome
from zbweb.sync.currency import ensure_same_currency, rate_of
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.models import Connection, SeenPotential
from zbweb.sync.potentials.automation import MODULE
from zbweb.sync.potentials.lines import lines_for

FIELDS = (
    "Deal_Name", "Stage", "Amount", "Currency", "Exchange_Rate", "Account_Name", "Contact_Name", "Created_Time",
)  # fmt: skip
ACTOR_NAME = "Automation"
_FATES: Mapping[StageKind, str] = {StageKind.OPEN: "created", StageKind.WON: "won", StageKind.LOST: "lost"}


@dataclass(frozen=True, slots=True)
class Deal:
    """A potential as the CRM has it now. `rate` is what one unit of `currency` is worth in the base currency."""

    id: str
    name: str
    stage: str
    kind: StageKind
    amount: Decimal | None
    currency: str
    rate: Decimal
    account_id: str
    contact_id: str
    created_at: datetime | None

    def is_new_to(self, connection: Connection) -> bool:
        """Whether it was created after the automation was switched on."""
        since = connection.automation_since
        return since is not None and self.created_at is not None and self.created_at >= since


@dataclass(frozen=True, slots=True)
class Ready:
    """A potential and what its document will need: the customer, or why there is none; its products in the CRM."""

    deal: Deal
    customer_id: int | None = None
    problem: str = ""
    products: Sequence[Record] = ()


def read(record: Record, kinds: Mapping[str, StageKind]) -> Deal:
    """A potential from the CRM's JSON."""
    stage, created = str(record.get("Stage") or ""), record.get("Created_Time")
    return Deal(
        id=str(record["id"]),
        name=str(record.get("Deal_Name") or "").strip(),
        stage=stage,
        kind=kinds.get(stage, StageKind.OPEN),
        amount=None if record.get("Amount") is None else Decimal(str(record["Amount"])),
        currency=str(record.get("Currency") or ""),
        rate=rate_of(record) or Decimal(1),
        account_id=_lookup(record.get("Account_Name")),
        contact_id=_lookup(record.get("Contact_Name")),
        created_at=datetime.fromisoformat(created) if created else None,
    )


def _lookup(value: Any) -> str:
    return str(value.get("id") or "") if isinstance(value, dict) else ""


def seen(session: Session, connection_id: int, crm_ids: Sequence[str]) -> dict[str, StageKind]:
    """What these potentials' stages meant when they were seen last."""
    statement = select(SeenPotential.crm_id, SeenPotential.kind).where(
        SeenPotential.connection_id == connection_id, SeenPotential.crm_id.in_(crm_ids), SeenPotential.kind != ""
    )
    return {crm_id: StageKind(kind) for crm_id, kind in session.execute(statement)}


def planned(session: Session, connection: Connection, deal: Deal, before: StageKind | None) -> Plan:
    """What is to be done about a potential, as things stand."""
    document = _document(session, connection, deal)
    held = Held(Status(document.status), document.status_by_person or document.paid > 0) if document else None
    situation = Situation(deal.kind, before, deal.is_new_to(connection), held)
    return plan(Automation(connection.automation), situation)


def follow(desk: Desk, connection: Connection, ready: Ready) -> None:
    """Do what is planned for one potential and write it down. A refusal of billing is its failure, nobody else's."""
    session, deal = desk.session, ready.deal
    row = _hold(session, connection, deal.id)
    todo = planned(session, connection, deal, StageKind(row.kind) if row.kind else None)
    if todo.make and ready.customer_id is None:
        if ready.problem:
            desk.note(_fate(ready, Outcome.FAILED, Reason.NO_CUSTOMER, words=ready.problem))
        return  # else its document was deleted a moment ago: the next look decides
    document = None
    if todo.make or todo.move_to:
        try:
            with session.begin_nested():
                document = _act(desk, connection, ready, todo)
        except AppError as refusal:
            desk.note(_fate(ready, Outcome.FAILED, Reason.POTENTIAL_REFUSED, words=_words(refusal)))
            return
    row.kind, row.seen_at = deal.kind, now()
    if todo.reason is None:
        desk.settled(MODULE, [deal.id])
    else:
        _note(desk, ready, todo, document)


def _hold(session: Session, connection: Connection, crm_id: str) -> SeenPotential:
    """The potential's row, made if need be, ours until the unit of work ends."""
    new = tolerant_insert(session, SeenPotential).values(
        organisation_id=connection.organisation_id, connection_id=connection.id, crm_id=crm_id, kind="", seen_at=now()
    )
    session.connection().execute(new.on_conflict_do_nothing(index_elements=["connection_id", "crm_id"]))
    statement = select(SeenPotential).where(
        SeenPotential.connection_id == connection.id, SeenPotential.crm_id == crm_id
    )
    held = session.scalars(statement.with_for_update().execution_options(populate_existing=True))
    return held.one()


def _document(session: Session, connection: Connection, deal: Deal) -> Transaction | None:
    statement = select(Transaction).where(Transaction.automation_key == _key(connection, deal))
    return session.scalar(statement.execution_options(populate_existing=True))


def _key(connection: Connection, deal: Deal) -> str:
    return f"{connection.automation}-{connection.id}-{deal.id}"


def _act(desk: Desk, connection: Connection, ready: Ready, todo: Plan) -> Transaction:
    session, deal = desk.session, ready.deal
    actor = Actor(ACTOR_NAME, origin=Origin.AUTOMATION, run_id=desk.run_id)
    document = _document(session, connection, deal)
    if document is None:
        document = transactions.create(session, _draft(session, connection, ready), actor=actor)
    if todo.move_to:
        document = moves.move(session, document, todo.move_to, actor)
    potential = Potential(deal.id, deal.name, deal.stage)
    transactions.follow_potential(session, document, potential, fate=_FATES[deal.kind], actor=actor)
    return document


def _draft(session: Session, connection: Connection, ready: Ready) -> Draft:
    deal = ready.deal
    assert ready.customer_id is not None, "a document is made for a customer"
    customer = session.get_one(Customer, ready.customer_id)
    ensure_same_currency(session, named=deal.currency, what="potential", customer=customer)
    lines: tuple[LineDraft, ...] = lines_for(session, connection.id, deal.name, deal.amount, ready.products)
    draft = Draft(
        kind=KIND_OF[Automation(connection.automation)],
        customer_id=customer.id,
        date=books.today(session),
        lines=lines,
        exchange_rate=deal.rate,
        potential=Potential(deal.id, deal.name, deal.stage),
        automation_key=_key(connection, deal),
    )
    return in_coins(draft, books.currency_of(session, customer))


def _note(desk: Desk, ready: Ready, todo: Plan, document: Transaction | None) -> None:
    assert todo.reason is not None, "only what has a reason is told"
    if document is None:
        desk.note(_fate(ready, Outcome.SKIPPED, todo.reason))
        return
    outcome = Outcome.ADDED if todo.make else Outcome.UPDATED
    name = Kind(document.kind).noun.capitalize()
    diff = {"document": ("", name), "stage": ("", ready.deal.stage), "status": ("", document.status)}
    desk.note(_fate(ready, outcome, todo.reason, entity_id=document.id, diff=diff))


def _fate(ready: Ready, outcome: Outcome, reason: Reason, **more: Any) -> Fate:
    return Fate(outcome, reason, Entity.TRANSACTION, MODULE, ready.deal.id, ready.deal.name, **more)


def _words(refusal: AppError) -> str:
    """A refusal's own sentences: those of its fields where it has any."""
    said = refusal.fields.values() if isinstance(refusal, Invalid) else ()
    return " ".join(dict.fromkeys(said)) or refusal.message
