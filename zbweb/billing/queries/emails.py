"""The outbox as a list, and one message with the document it is about."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.models import EmailMessage, Transaction
from zbweb.billing.queries.paging import Order, Page, Window, fetch
from zbweb.errors import NotFound


def page(session: Session, status: str, window: Window) -> Page[EmailMessage]:
    """One page of messages, newest first; of one status, or all where `status` is empty."""
    statement = select(EmailMessage)
    if status:
        statement = statement.where(EmailMessage.status == status)
    return fetch(session, statement, order=Order(EmailMessage.id, EmailMessage.id, descending=True), window=window)


def detail(session: Session, email_id: int) -> tuple[EmailMessage, Transaction | None]:
    """A message and its document, which may have been deleted; raises NotFound."""
    statement = (
        select(EmailMessage, Transaction)
        .outerjoin(Transaction, Transaction.id == EmailMessage.transaction_id)
        .where(EmailMessage.id == email_id)
    )
    row = session.execute(statement).first()
    if row is None:
        raise NotFound("There is no such message.")
    return row[0], row[1]
