"""The documents made last, of every kind: what somebody who comes back is looking for."""

import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.models import Transaction
from zbweb.billing.queries.transactions import Row, shown_rows


def documents(session: Session, *, today: datetime.date, limit: int = 8) -> tuple[Row, ...]:
    """The newest documents, newest first."""
    newest = session.scalars(select(Transaction).order_by(Transaction.id.desc()).limit(limit))
    return shown_rows(session, list(newest), today=today)
