"""The billing panel: a customer's figures and open documents, for Zoho CRM to show inside an account.

It is signed instead of signed in to, can only be read, and may be framed by the CRM's own pages alone.
"""

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import books, payments, receivables
from zbweb.billing.models import Customer
from zbweb.billing.queries import transactions as list_of
from zbweb.billing.queries.paging import Window
from zbweb.billing.queries.transactions import Filter
from zbweb.billing.words import Kind
from zbweb.db import db, work_for
from zbweb.sync.figures import panel_links
from zbweb.sync.models import Connection
from zbweb.web import access

bp = Blueprint("panel", __name__)
_MOST = 20


@bp.get("/panel/<token>")
@access.public
def show(token: str) -> ResponseReturnValue:
    """The panel of the customer that `account` in the URL is linked with."""
    session, connection = db.session(), _opened(token)
    origins = panel_links.frame_origins(session, connection)
    customer_id = panel_links.customer_of(session, connection, request.args.get("account", ""))
    if customer_id is None:
        return _framed("panel/unknown.html", origins)
    return _framed("panel/show.html", origins, **_figures(session, customer_id))


def _opened(token: str) -> Connection:
    """The connection that the token was signed for, and from now on its organisation's rows alone; else 404."""
    session = db.session()
    work_for(session, None)
    connection = panel_links.connection_of(session, token)
    if connection is None:
        abort(404)
    work_for(session, connection.organisation_id)
    return connection


def _figures(session: Session, customer_id: int) -> dict[str, Any]:
    today = books.today(session)
    quotes = list_of.page(session, Filter(Kind.QUOTE, customer_id=customer_id), Window(), today=today)
    return {
        "customer": session.get_one(Customer, customer_id),
        "figures": receivables.metrics(session, customer_id),
        "invoices": payments.open_invoices(session, customer_id)[:_MOST],
        "quotes": quotes.rows[:_MOST],
        "today": today,
    }


def _framed(template: str, origins: tuple[str, ...], **context: object) -> Response:
    response = make_response(render_template(template, **context))
    allowed = " ".join(origins) or "'none'"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {allowed}"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
