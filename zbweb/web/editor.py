"""What the editor of a document asks while one types: totals, customers, items."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from zbweb.billing import books, transactions
from zbweb.billing.queries import offers
from zbweb.billing.words import Kind
from zbweb.db import db
from zbweb.web import access, editing, htmx
from zbweb.web.forms.amounts import parse, plain
from zbweb.web.kinds import PAGES, PATH, speak_kinds

bp = Blueprint("editor", __name__)
speak_kinds(bp)


@bp.post(f"{PATH}/preview")
@access.allow()
def preview(kind: Kind) -> ResponseReturnValue:
    """What the document comes to as it is typed."""
    session, held_id = db.session(), request.args.get("transaction_id", type=int)
    held = transactions.get(session, kind, held_id) if held_id else None
    shown = request.form.get("currency", "")
    editor = editing.opened(session, kind, held)
    return htmx.block(
        "transactions/edit.html", "totals", editor=editor, form=editor.form, page=PAGES[kind],
        preview=editing.preview(session, editor), is_fragment=True, has_new_currency=editor.form.currency.data != shown,
    )  # fmt: skip


@bp.get("/editor/customers")
@access.allow()
def customers() -> ResponseReturnValue:
    """Customers offered while one types."""
    typed = request.args.get("customer_name", "")
    return htmx.block("transactions/options.html", "customers", found=offers.customers(db.session(), typed))


@bp.get("/editor/customer")
@access.allow()
def customer() -> ResponseReturnValue:
    """The editor's customer field once somebody was picked, or typed out in full."""
    session, typed = db.session(), request.args.get("customer_name", "")
    picked = editing.customer_typed(session, request.args.get("customer_id", type=int), typed)
    return htmx.page(
        "transactions/_customer_field.html", customer=picked, typed=typed,
        transaction_id=request.args.get("transaction_id", type=int),
    )  # fmt: skip


@bp.get("/editor/items")
@access.allow()
def items() -> ResponseReturnValue:
    """Items offered while one types in a row, at their price in the document's currency."""
    session = db.session()
    row, typed = next((pair for pair in request.args.items() if pair[0].startswith("lines-")), ("lines-0-name", ""))
    rate = request.args.get("exchange_rate", type=parse)
    currency = request.args.get("currency") or books.own(session).base_currency
    found = [(item, editing.price(item, rate)) for item in offers.items(session, typed)]
    return htmx.block("transactions/options.html", "items", found=found, row=row, currency=currency, plain=plain)
