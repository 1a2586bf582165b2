"""The dashboard: what is owed, what was sold, which quotes are open, and whether the books agree with the CRM."""

from decimal import Decimal

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from zbweb.billing import books
from zbweb.billing.queries import recent
from zbweb.billing.queries.dashboard import MonthSales, dashboard
from zbweb.billing.receivables import BUCKETS
from zbweb.db import db
from zbweb.sync import connection, history
from zbweb.web import access, charts, htmx
from zbweb.web.filters import money
from zbweb.web.kinds import PAGES

bp = Blueprint("home", __name__)


@bp.get("/")
@access.allow()
def index() -> ResponseReturnValue:
    """What one sees first."""
    session = db.session()
    own, today = books.own(session), books.today(session)
    figures = dashboard(session, today=today)
    return render_template(
        "home/index.html", figures=figures, ageing=list(zip(BUCKETS, figures.ageing, strict=True)), pages=PAGES,
        sales=charts.bars([_month(each, figures.currency) for each in figures.sales_by_month]),
        owed=charts.bars([_age(*each, figures.currency) for each in zip(BUCKETS, figures.ageing, strict=True)]),
        shares=charts.shares([stage.amount for stage in figures.pipeline]),
        recent=recent.documents(session, today=today), currency=own.base_currency,
    )  # fmt: skip


@bp.get("/sync-state")
@access.allow()
def sync_state() -> ResponseReturnValue:
    """Whether the books agree with the CRM; asked for by the dashboard once it stands."""
    session = db.session()
    linked = connection.active(session)
    overview = history.overview(session, linked) if linked else None
    return htmx.page_or_block("home/sync.html", "panel", overview=overview)


def _month(sales: MonthSales, currency: str) -> tuple[str, Decimal, str]:
    return f"{sales.month:%b}", sales.amount, f"{sales.month:%B %Y}: {money(sales.amount, currency)}"


def _age(label: str, amount: Decimal, currency: str) -> tuple[str, Decimal, str]:
    return label, amount, f"{label}: {money(amount, currency)}"
