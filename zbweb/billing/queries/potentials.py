"""From deal to money: what was quoted, ordered, invoiced and paid for each potential that documents are tied to."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from zbweb.billing.drafts import Potential
from zbweb.billing.models import Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind

ZERO = Decimal(0)
_UNSAID = (Status.DRAFT, Status.DECLINED, Status.VOID)


@dataclass(frozen=True, slots=True)
class Progress:
    """Sums in the base currency of the documents that count: sent or confirmed, and neither declined nor void."""

    quoted: Decimal = ZERO
    ordered: Decimal = ZERO
    invoiced: Decimal = ZERO
    outstanding: Decimal = ZERO
    overdue: Decimal = ZERO
    documents: int = 0

    @property
    def paid(self) -> Decimal:
        """What came in for its invoices."""
        return self.invoiced - self.outstanding


def progress(session: Session, potential_ids: Collection[str], *, today: datetime.date) -> dict[str, Progress]:
    """How far each potential is; one that no document is tied to is left out. `documents` counts drafts as well."""
    counts = Transaction.status.not_in(_UNSAID)
    is_late = and_(counts, Transaction.due_date < today)
    statement = (
        select(
            Transaction.potential_id,
            Transaction.kind,
            func.count(Transaction.id),
            _sum(Transaction.base_total, counts),
            _sum(Transaction.base_balance, counts),
            _sum(Transaction.base_balance, is_late),
        )
        .where(Transaction.potential_id.in_(potential_ids))
        .group_by(Transaction.potential_id, Transaction.kind)
    )
    found: dict[str, dict[Kind, Any]] = {}
    rows: Sequence[Any] = session.execute(statement).all()
    for potential_id, kind, *figures in rows:
        found.setdefault(potential_id, {})[Kind(kind)] = figures
    return {potential_id: _progress(by_kind) for potential_id, by_kind in found.items()}


def _sum(column: Any, condition: ColumnElement[bool]) -> ColumnElement[Decimal]:
    return func.sum(case((condition, column), else_=ZERO), type_=column.type)


def _progress(by_kind: Mapping[Kind, Any]) -> Progress:
    nothing = (0, ZERO, ZERO, ZERO)
    invoices = by_kind.get(Kind.INVOICE, nothing)
    return Progress(
        quoted=by_kind.get(Kind.QUOTE, nothing)[1],
        ordered=by_kind.get(Kind.SALES_ORDER, nothing)[1],
        invoiced=invoices[1],
        outstanding=invoices[2],
        overdue=invoices[3],
        documents=sum(figures[0] for figures in by_kind.values()),
    )


def of_customer(session: Session, customer_id: int) -> list[Potential]:
    """The potentials that a customer's documents are tied to, as they were called when last linked."""
    statement = (
        select(Transaction.potential_id, Transaction.potential_name, Transaction.potential_stage)
        .where(Transaction.customer_id == customer_id, Transaction.potential_id.is_not(None))
        .order_by(Transaction.id)
    )
    rows: Sequence[Any] = session.execute(statement).all()
    return list({potential_id: Potential(potential_id, name, stage) for potential_id, name, stage in rows}.values())
