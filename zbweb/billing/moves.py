"""The one door through which a document's status is moved by a person, the CRM or an automation."""

from sqlalchemy.orm import Session

from zbweb.billing import balances, fulfilment, payments, standing, status
from zbweb.billing.journal import Actor
from zbweb.billing.models import Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.errors import Conflict


def move(session: Session, transaction: Transaction, to: Status, actor: Actor) -> Transaction:
    """Move a document to `to`; raises Conflict with the sentence why it cannot go there.

    Voiding an invoice returns its payments to the customer's credit and its quantities to the order or quote.
    """
    if to is Status.VOID:
        balances.lock_customer(session, transaction.customer_id)
    transaction = standing.lock(session, transaction.id)
    if sentence := status.refusal(Kind(transaction.kind), Status(transaction.status), to):
        raise Conflict(sentence)
    if to is Status.DECLINED and (sentence := standing.what_became(session, transaction)):
        raise Conflict(sentence)
    if to is Status.VOID:
        _void(session, transaction, actor)
    else:
        standing.set_status(session, transaction, to, actor=actor)
    return transaction


def _void(session: Session, transaction: Transaction, actor: Actor) -> None:
    if transaction.kind == Kind.SALES_ORDER and fulfilment.live_invoices(session, transaction.id):
        raise Conflict("This sales order has invoices. Void them first.")
    if transaction.kind == Kind.INVOICE:
        payments.release(session, transaction, actor=actor)
    transaction.conversion_key = None
    standing.set_status(session, transaction, Status.VOID, actor=actor)
    session.flush()  # what is reopened below must no longer count this document
    standing.settle_source(session, transaction.source_id, actor=actor)
