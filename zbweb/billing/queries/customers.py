"""The list of customers: views, search, sorting and what each of them owes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, false, func, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session, load_only
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from zbweb.billing.models import Customer, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.naming import name_key
from zbweb.billing.queries.paging import Order, Page, Window, fetch, fetch_found, portions
from zbweb.billing.status import Status
from zbweb.billing.words import CustomerType, Kind


class View(StrEnum):
    """The list's drop-down. CRM's condition is the sync's to say; see `page`."""

    ALL = "all"
    CRM = "crm"
    ACTIVE = "active"
    INACTIVE = "inactive"
    BUSINESS = "business"
    INDIVIDUAL = "individual"


VIEW_LABELS = {
    View.ALL: "All Customers",
    View.CRM: "CRM Customers",
    View.ACTIVE: "Active Customers",
    View.INACTIVE: "Inactive Customers",
    View.BUSINESS: "Business Customers",
    View.INDIVIDUAL: "Individual Customers",
}

SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "name": Customer.name_key,
    "email": Customer.email,
    "updated": Customer.updated_at,
    "created": Customer.id,
}

_CONDITIONS: Mapping[View, ColumnElement[bool]] = {
    View.ACTIVE: Customer.active == true(),
    View.INACTIVE: Customer.active == false(),
    View.BUSINESS: Customer.type == CustomerType.BUSINESS,
    View.INDIVIDUAL: Customer.type == CustomerType.INDIVIDUAL,
}

_SHOWN = (
    Customer.id, Customer.type, Customer.display_name, Customer.company_name, Customer.email, Customer.phone,
    Customer.currency, Customer.active, Customer.updated_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is asked for. `sort` is a key of SORTS, with "-" before it for descending."""

    view: View = View.ALL
    search: str = ""
    sort: str = "name"


def page(session: Session, wanted: Wanted, window: Window, *, is_from_crm: ColumnElement[bool]) -> Page[Customer]:
    """One page of the list; `is_from_crm` is the condition that the view CRM stands for."""
    look = fetch_found if wanted.search.strip() else fetch
    return look(session, _filtered(wanted, is_from_crm), order=_order(wanted), window=window)


def csv_rows(
    session: Session, wanted: Wanted, *, is_from_crm: ColumnElement[bool], base_currency: str
) -> Iterator[list[str]]:
    """The whole list as rows of text, a header first."""
    yield ["Name", "Customer Type", "Company Name", "Email", "Phone", "Currency", "Receivables", "Status"]
    for portion in portions(session, _filtered(wanted, is_from_crm), order=_order(wanted)):
        owed = receivables(session, [each.id for each in portion])
        for each in portion:
            yield _csv(each, owed.get(each.id, Decimal(0)), each.currency or base_currency)


def _csv(customer: Customer, owed: Decimal, currency: str) -> list[str]:
    return [
        customer.display_name, CustomerType(customer.type).capitalize(), customer.company_name, customer.email,
        customer.phone, currency, f"{round_money(owed, currency)}", "Active" if customer.active else "Inactive",
    ]  # fmt: skip


def _order(wanted: Wanted) -> Order:
    column = SORTS.get(wanted.sort.removeprefix("-"), Customer.name_key)
    return Order(column, Customer.id, descending=wanted.sort.startswith("-"))


def ids(session: Session, wanted: Wanted, *, is_from_crm: ColumnElement[bool], limit: int) -> list[int]:
    """The ids of everybody in the list, up to `limit`, by age."""
    statement = _filtered(wanted, is_from_crm).with_only_columns(Customer.id).order_by(Customer.id).limit(limit)
    return list(session.scalars(statement))


def receivables(session: Session, customer_ids: Sequence[int]) -> dict[int, Decimal]:
    """What each customer owes on sent invoices, in the customer's currency; nobody who owes nothing."""
    statement = (
        select(Transaction.customer_id, func.sum(Transaction.total), func.sum(Transaction.paid))
        .where(
            Transaction.customer_id.in_(customer_ids),
            Transaction.kind == Kind.INVOICE,
            Transaction.status == Status.SENT,
            Transaction.paid < Transaction.total,
        )
        .group_by(Transaction.customer_id)
    )
    return {customer_id: total - paid for customer_id, total, paid in session.execute(statement)}


def _filtered(wanted: Wanted, is_from_crm: ColumnElement[bool]) -> Select[Customer]:
    statement = select(Customer).options(load_only(*_SHOWN))
    condition = is_from_crm if wanted.view is View.CRM else _CONDITIONS.get(wanted.view)
    if condition is not None:
        statement = statement.where(condition)
    return statement.where(contains(wanted.search)) if wanted.search.strip() else statement


def contains(typed: str) -> ColumnElement[bool]:
    """Customers whose name, e-mail, phone or company contains what was typed, accents folded or not."""
    patterns = {name_key(typed), typed.strip().lower()}
    return or_(*(_Holds(Customer.search_key, each) for each in sorted(patterns)))


class _Holds(FunctionElement[bool]):
    """Whether a column has a text in it: a pattern, for which PostgreSQL has trigrams, or a position, which SQLite
    finds in about half the time of a pattern."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: InstrumentedAttribute[str], text: str) -> None:
        super().__init__(column.contains(text, autoescape=True), func.instr(column, text) > 0)


@compiles(_Holds)
def _by_trigrams(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    pattern, _ = element.clauses
    return compiler.process(pattern, **options)


@compiles(_Holds, "sqlite")
def _by_position(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    _, position = element.clauses
    return compiler.process(position, **options)
