"""Lists of quotes, orders and invoices: chips, search, sorting, counts, CSV. Quick at 200,000 documents.

A chip is one row of a table: its condition in SQL. Conditions on open invoices say `paid < total` in those
words, since that is what the partial indexes are made of. Search looks up ids by what can be found in an
index (number, reference, the customer) and never scans the documents.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, load_only

from zbweb.billing import standing, status
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.naming import number_key
from zbweb.billing.queries import customers
from zbweb.billing.queries.paging import Order, Page, Window, fetch, portions
from zbweb.billing.status import Shown, Status
from zbweb.billing.words import Kind

COUNT_LIMIT = 1_000
"""Chips count up to here; beyond, they say so, since counting would cost more than it tells."""
_MATCHES = 300

SORTS: Mapping[str, InstrumentedAttribute[Any]] = {
    "date": Transaction.date,
    "due_date": Transaction.due_date,
    "total": Transaction.total,
}
"""What lists are sorted by; a due date sorts invoices only, which all have one."""

_Condition = Callable[[datetime.date], ColumnElement[bool]]
_OPEN = Transaction.paid < Transaction.total


def _is(wanted: Status) -> ColumnElement[bool]:
    return Transaction.status == wanted


def partly_invoiced() -> ColumnElement[bool]:
    """Whether a document has become an invoice in part; a condition beside `Transaction`."""
    made = aliased(Transaction)
    return exists().where(made.source_id == Transaction.id, made.kind == Kind.INVOICE, made.status != Status.VOID)


_CHIPS: Mapping[Kind, Mapping[str, tuple[str, _Condition]]] = {
    Kind.QUOTE: {
        "draft": ("Draft", lambda _: _is(Status.DRAFT)),
        "sent": (
            "Sent",
            lambda today: and_(_is(Status.SENT), or_(Transaction.due_date.is_(None), Transaction.due_date >= today)),
        ),
        "expired": ("Expired", lambda today: and_(_is(Status.SENT), Transaction.due_date < today)),
        "accepted": ("Accepted", lambda _: _is(Status.ACCEPTED)),
        "declined": ("Declined", lambda _: _is(Status.DECLINED)),
        "invoiced": ("Invoiced", lambda _: _is(Status.INVOICED)),
    },
    Kind.SALES_ORDER: {
        "draft": ("Draft", lambda _: _is(Status.DRAFT)),
        "confirmed": ("Confirmed", lambda _: _is(Status.CONFIRMED)),
        "closed": ("Closed", lambda _: _is(Status.CLOSED)),
        "void": ("Void", lambda _: _is(Status.VOID)),
    },
    Kind.INVOICE: {
        "draft": ("Draft", lambda _: _is(Status.DRAFT)),
        "unpaid": ("Unpaid", lambda _: and_(_OPEN, _is(Status.SENT))),
        "overdue": ("Overdue", lambda today: and_(_OPEN, _is(Status.SENT), Transaction.due_date < today)),
        "paid": ("Paid", lambda _: and_(_is(Status.SENT), Transaction.paid >= Transaction.total)),
        "void": ("Void", lambda _: _is(Status.VOID)),
    },
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is asked for. `chip` is "all" or a key of the kind's chips; `sort` a key of SORTS, "-" descending."""

    kind: Kind
    chip: str = "all"
    search: str = ""
    customer_id: int | None = None
    potential_id: str | None = None
    date_from: datetime.date | None = None
    date_to: datetime.date | None = None
    sort: str = "-date"


@dataclass(frozen=True, slots=True)
class Row:
    """A document as lists show it."""

    id: int
    kind: Kind
    number: str | None
    date: datetime.date
    due_date: datetime.date | None
    customer_id: int
    customer_name: str
    reference: str
    shown: Shown
    currency: str
    total: Decimal
    balance: Decimal
    potential_name: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with how many it finds, counted to COUNT_LIMIT: beyond, `is_capped`."""

    key: str
    label: str
    count: int
    is_capped: bool

    @property
    def count_in_words(self) -> str:
        """The number as a chip shows it."""
        return f"{COUNT_LIMIT:,}+" if self.is_capped else f"{self.count:,}"


def page(session: Session, wanted: Filter, window: Window, *, today: datetime.date) -> Page[Row]:
    """One page of a list."""
    found = fetch(session, _filtered(session, wanted, today), order=_order(wanted), window=window)
    return Page(rows=_rows(session, list(found.rows), today), total=found.total, before=found.before, after=found.after)


def chips(session: Session, kind: Kind, *, today: datetime.date) -> list[Chip]:
    """The kind's filters with their counts, in one query; "all" first."""
    conditions = {"all": ("All", None)} | {
        key: (label, condition(today)) for key, (label, condition) in _CHIPS[kind].items()
    }
    counts = session.execute(
        select(*(_capped_count(kind, condition).label(key) for key, (_, condition) in conditions.items()))
    ).one()
    return [
        Chip(key, label, min(count, COUNT_LIMIT), count > COUNT_LIMIT)
        for (key, (label, _)), count in zip(conditions.items(), counts, strict=True)
    ]


def csv_rows(session: Session, wanted: Filter, *, today: datetime.date) -> Iterator[list[str]]:
    """The whole list as rows of text, a header first."""
    yield ["Number", "Date", "Due date", "Customer", "Reference", "Status", "Currency", "Total", "Balance", "Potential"]
    for portion in portions(session, _filtered(session, wanted, today), order=_order(wanted)):
        for row in _rows(session, list(portion), today):
            yield _csv(row)


def shown_rows(session: Session, documents: list[Transaction], *, today: datetime.date) -> tuple[Row, ...]:
    """Documents as lists show them, with their customers' names: two queries at most."""
    return _rows(session, documents, today)


def _order(wanted: Filter) -> Order:
    name = wanted.sort.removeprefix("-")
    if name == "due_date" and wanted.kind is not Kind.INVOICE:
        name = "date"
    return Order(SORTS.get(name, Transaction.date), Transaction.id, descending=wanted.sort.startswith("-"))


def _filtered(session: Session, wanted: Filter, today: datetime.date) -> Select[Transaction]:
    typed = wanted.search.strip()
    # Ids found are of this kind already; naming it again would lead a planner without statistics to the wrong index.
    conditions = [
        Transaction.id.in_(_matches(session, wanted.kind, typed)) if typed else Transaction.kind == wanted.kind
    ]
    chip = _CHIPS[wanted.kind].get(wanted.chip)
    if chip is not None:
        conditions.append(chip[1](today))
    if wanted.customer_id is not None:
        conditions.append(Transaction.customer_id == wanted.customer_id)
    if wanted.potential_id is not None:
        conditions.append(Transaction.potential_id == wanted.potential_id)
    if wanted.date_from is not None:
        conditions.append(Transaction.date >= wanted.date_from)
    if wanted.date_to is not None:
        conditions.append(Transaction.date <= wanted.date_to)
    return select(Transaction).options(load_only(*_SHOWN)).where(*conditions)


_SHOWN = (
    Transaction.id, Transaction.kind, Transaction.status, Transaction.number, Transaction.date, Transaction.due_date,
    Transaction.customer_id, Transaction.reference, Transaction.currency, Transaction.total, Transaction.paid,
    Transaction.potential_name,
)  # fmt: skip


def _matches(session: Session, kind: Kind, typed: str) -> list[int]:
    """Ids of documents whose number or reference begins with what was typed or whose customer contains it."""
    found: dict[int, None] = {}
    for column, text in ((Transaction.number_key, number_key(typed) or ""), (Transaction.reference, typed)):
        statement = (
            select(Transaction.id)
            .where(Transaction.kind == kind, column >= text, column < text + "\U0010ffff")
            .order_by(column)
            .limit(_MATCHES)
        )
        found |= dict.fromkeys(session.scalars(statement))
    if len(found) < _MATCHES:
        found |= dict.fromkeys(_of_customers(session, kind, typed))
    return list(found)[:_MATCHES]


def _of_customers(session: Session, kind: Kind, typed: str) -> list[int]:
    found = session.scalars(select(Customer.id).where(customers.contains(typed)).limit(_MATCHES)).all()
    if not found:
        return []
    statement = (
        select(Transaction.id)
        .where(Transaction.kind == kind, Transaction.customer_id.in_(found))
        .order_by(Transaction.id.desc())
        .limit(_MATCHES)
    )
    return list(session.scalars(statement))


def _capped_count(kind: Kind, condition: ColumnElement[bool] | None) -> Any:
    some = select(Transaction.id).where(Transaction.kind == kind)
    if condition is not None:
        some = some.where(condition)
    return select(func.count()).select_from(some.limit(COUNT_LIMIT + 1).subquery()).scalar_subquery()


def _rows(session: Session, documents: list[Transaction], today: datetime.date) -> tuple[Row, ...]:
    names = _customer_names(session, {each.customer_id for each in documents})
    partly = _partly_invoiced_ids(session, documents)
    return tuple(
        Row(
            id=each.id,
            kind=Kind(each.kind),
            number=each.number,
            date=each.date,
            due_date=each.due_date,
            customer_id=each.customer_id,
            customer_name=names[each.customer_id],
            reference=each.reference,
            shown=status.shown(standing.facts(each, is_partly_invoiced=each.id in partly), today),
            currency=each.currency,
            total=each.total,
            balance=each.balance,
            potential_name=each.potential_name,
        )
        for each in documents
    )


def _customer_names(session: Session, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    statement = select(Customer.id, Customer.display_name).where(Customer.id.in_(ids))
    return dict(session.execute(statement).all())


def _partly_invoiced_ids(session: Session, documents: list[Transaction]) -> set[int]:
    orders = [each.id for each in documents if each.kind == Kind.SALES_ORDER and each.status == Status.CONFIRMED]
    if not orders:
        return set()
    return set(session.scalars(select(Transaction.id).where(Transaction.id.in_(orders), partly_invoiced())))


def _csv(row: Row) -> list[str]:
    return [
        row.number or "",
        row.date.isoformat(),
        row.due_date.isoformat() if row.due_date else "",
        row.customer_name,
        row.reference,
        row.shown.label,
        row.currency,
        f"{round_money(row.total, row.currency)}",
        f"{round_money(row.balance, row.currency)}",
        row.potential_name,
    ]
