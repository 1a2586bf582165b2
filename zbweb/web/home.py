"""The dashboard: what is owed, what was sold, which quotes are open, and whether the books agree with the CRM."""

from decimal import Decimal

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.queries import recent
from zbweb.billing.queries.dashboard import MonthSales, dashboard
from zbweb.billing.receivables import BUCKETS
from zbweb.db import db
from zbweb.sync import connection, history
from zbweb.sync.history import Overview
from zbweb.sync.models import Connection
from zbweb.web import access, charts
from zbweb.web.filters import money
from zbweb.web.kinds import PAGES

bp = Blueprint("home", __name__)


@bp.get("/")
@access.allow()
def index() -> ResponseReturnValue:
    """What one sees first."""
    session = db.session()
    today = books.today(session)
    figures = dashboard(session, today=today)
    linked, overview = _sync(session)
    return render_template(
        "home/index.html", figures=figures, ageing=list(zip(BUCKETS, figures.ageing, strict=True)), pages=PAGES,
        sales=charts.bars([_month(each, figures.currency) for each in figures.sales_by_month]),
        owed=charts.bars([_age(*each, figures.currency) for each in zip(BUCKETS, figures.ageing, strict=True)]),
        shares=charts.shares([stage.amount for stage in figures.pipeline]),
        recent=recent.documents(session, today=today), connection=linked, overview=overview,
    )  # fmt: skip


def _month(sales: MonthSales, currency: str) -> tuple[str, Decimal, str]:
    return f"{sales.month:%b}", sales.amount, f"{sales.month:%B %Y}: {money(sales.amount, currency)}"


def _age(label: str, amount: Decimal, currency: str) -> tuple[str, Decimal, str]:
    return label, amount, f"{label}: {money(amount, currency)}"


def _sync(session: Session) -> tuple[Connection | None, Overview | None]:
    linked = connection.active(session)
    return linked, history.overview(session, linked) if linked else None
