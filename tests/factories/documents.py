"""Partners whose documents go to the CRM, and what the tests look at there."""

from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from tests.factories.customers import make_customer
from tests.factories.sync import Partners, hasty_client
from tests.factories.transactions import make_invoice
from zbweb.billing import moves
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, OutboxRow, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.sync import runs
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.documents import delivery, setups, shapes
from zbweb.sync.documents.setups import Choices, Sight
from zbweb.sync.models import Link

LINES = {"Quotes": "Quoted_Items", "Sales_Orders": "Ordered_Items", "Invoices": "Invoiced_Items"}


def configure(partners: Partners, kind: Kind = Kind.INVOICE, **choices: Any) -> None:
    """Save the setup of a kind of document, as its page would."""
    described = {"enabled": True, "extent": Extent.PUSH, "winner": Winner.CRM, "fire_triggers": False}
    client = partners.client
    shape = shapes.describe(client, kind)
    with unit_of_work() as session:
        before = runs.setup_of(session, partners.connection_id, kind)
        described |= {"with_existing": False, "version": before.version if before else 0}
        wanted = Choices(**(described | choices))
        setups.save(session, partners.connection, kind, wanted, sight=Sight(shape, client.ahead), actor=SYSTEM)


def deliver(partners: Partners, *, open_client=hasty_client) -> None:
    """What the job of a commit does."""
    delivery.deliver(partners.connection.organisation_id, open_client=open_client)


def add_customer(**values: Any) -> int:
    with unit_of_work() as session:
        return make_customer(session, **values).id


def invoice_for(customer_id: int, **values: Any) -> int:
    """An invoice of theirs, sent unless it `is_draft`; its id."""
    with unit_of_work() as session:
        return make_invoice(session, session.get_one(Customer, customer_id), **values).id


def move(transaction_id: int, to: Status) -> None:
    with unit_of_work() as session:
        moves.move(session, session.get_one(Transaction, transaction_id), to, SYSTEM)


def total_of(transaction_id: int) -> Decimal:
    db.session.rollback()
    return db.session.get_one(Transaction, transaction_id, populate_existing=True).total


def documents_in(partners: Partners, kind: Kind = Kind.INVOICE) -> list[dict[str, Any]]:
    """Every document of a kind in the CRM, whole, oldest first."""
    module = CRM_MODULES[kind]
    return [partners.crm.get(module, record["id"]) for record in partners.records(module)]


def the_document(partners: Partners, kind: Kind = Kind.INVOICE) -> dict[str, Any]:
    (only,) = documents_in(partners, kind)
    return only


def waiting(entity: str = "transaction") -> list[OutboxRow]:
    db.session.rollback()
    statement = select(OutboxRow).where(OutboxRow.entity == entity).order_by(OutboxRow.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def due_now() -> None:
    """Time passes: leases run out, and so do the pauses before next attempts."""
    with unit_of_work() as session:
        session.execute(update(OutboxRow).values(not_before=None))
        session.execute(update(OutboxRow).where(OutboxRow.claimed_until.is_not(None)).values(claimed_until=now()))


def link_of(transaction_id: int) -> Link | None:
    db.session.rollback()
    statement = select(Link).where(
        Link.entity == "transaction", Link.entity_id == transaction_id, Link.state == "active"
    )
    return db.session.scalar(statement.execution_options(populate_existing=True))
