"""A customer's tab of transactions: quotes, sales orders and invoices together, newest first."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from zbweb.billing import books, customers
from zbweb.billing.models import Transaction
from zbweb.billing.queries.paging import Order, fetch
from zbweb.billing.queries.transactions import shown_rows
from zbweb.billing.words import Kind
from zbweb.db import db
from zbweb.web import access
from zbweb.web.listing import window

bp = Blueprint("customer_transactions", __name__)


@bp.get("/customers/<int:customer_id>/transactions")
@access.allow()
def index(customer_id: int) -> ResponseReturnValue:
    """The customer's transactions of every kind."""
    session = db.session()
    customer = customers.find(session, customer_id)
    theirs = select(Transaction).where(Transaction.customer_id == customer_id)
    page = fetch(session, theirs, order=Order(Transaction.date, Transaction.id, descending=True), window=window())
    return render_template(
        "customer_transactions/index.html", customer=customer, tab="transactions", nav_active="customers", page=page,
        rows=shown_rows(session, list(page.rows), today=books.today(session)),
        kind_names={kind: kind.noun for kind in Kind},
    )  # fmt: skip
