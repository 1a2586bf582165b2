"""Measured in a process of its own: pages with 100,000 customers and 200,000 invoices. database=URL (else SQLite).

The bare page is what any such page costs: select 25 rows by their key and render them in the same frame.
"""

import datetime
import statistics
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from flask import Blueprint, render_template_string
from sqlalchemy import event, insert, select, text

from tests.bench.stage import arguments, report
from tests.conftest import make_config
from tests.people import Person
from zbweb import planner
from zbweb.app import create_app
from zbweb.billing import journal, standing
from zbweb.billing.models import Customer, Line, Transaction
from zbweb.billing.naming import name_key
from zbweb.db import db, unit_of_work
from zbweb.sync.holdings import add_customers
from zbweb.web import access

CUSTOMERS, INVOICES, BATCH, ROUNDS = 100_000, 200_000, 2_000, 40
BARE = """{% extends "base.html" %}{% block content %}<table>{% for each in rows %}<tr><td>{{ each.display_name }}</td>
<td>{{ each.email }}</td></tr>{% endfor %}</table>{% endblock %}"""
bare = Blueprint("bare", __name__)


@bare.get("/bare")
@access.allow()
def index() -> str:
    rows = db.session.scalars(select(Customer).where(Customer.id <= 25).order_by(Customer.id)).all()
    return render_template_string(BARE, rows=rows)


SEARCH = "SELECT count(*) FROM customers WHERE organisation_id = :own AND {holds}"
SALES = """SELECT date, sum(base_total) FROM transactions WHERE organisation_id = :own AND kind = 'invoices'
AND status = 'sent' AND date >= :since GROUP BY date"""
AGEING = """SELECT due_date, sum(base_balance) FROM transactions WHERE organisation_id = :own AND kind = 'invoices'
AND status = 'sent' AND paid < total GROUP BY due_date"""
HOLDS = {"sqlite": "instr(search_key, 'customer 99') > 0", "postgresql": "search_key LIKE '%customer 99%'"}
PAGES = {
    "customers": "/customers",
    "customers, nobody found": "/customers?q=customer%2099",
    "customers, 100 found": "/customers?q=customer%200990",
    "customer": "/customers/50000",
    "invoices": "/invoices",
    "invoices, overdue": "/invoices?status=overdue",
    "invoice": "/invoices/100002",
    "editor": "/invoices/100002/edit",
    "new invoice": "/invoices/new",
    "dashboard": "/",
}


def main() -> None:
    given = arguments()
    folder = Path(tempfile.mkdtemp(prefix="bench-pages-"))
    changes = {"database_url": given["database"]} if given.get("database") else {}
    app = create_app(make_config(folder, **changes))
    app.config["WTF_CSRF_ENABLED"] = False
    app.register_blueprint(bare)
    with app.app_context():
        if changes:
            db.session.execute(text("DROP SCHEMA public CASCADE"))
            db.session.execute(text("CREATE SCHEMA public"))
            db.session.commit()
        db.create_all()
        asha = Person.make(app, "asha@zylker.example", "Asha Rao", "admin")
        fill(asha.organisation_id)
        settle()
        pages = {name: timed(asha, path) for name, path in PAGES.items()}
        pages["dashboard, each time after a change"] = timed(asha, "/", before=change)
        report(bare=timed(asha, "/bare"), pages=pages, floors=floors(asha.organisation_id))


def fill(organisation_id: int) -> None:
    for start in range(0, CUSTOMERS, BATCH):
        with unit_of_work() as session:
            names = [f"Customer {number:06}" for number in range(start, start + BATCH)]
            add_customers(
                session,
                organisation_id,
                "business",
                [{"display_name": name, "email": f"{name_key(name).replace(' ', '')}@example.com"} for name in names],
            )
    day = datetime.date(2026, 11, 1)
    for start in range(0, INVOICES, BATCH):
        with unit_of_work() as session:
            rows = [invoice(organisation_id, number, day) for number in range(start + 1, start + BATCH + 1)]
            session.execute(insert(Transaction), rows)
            session.execute(insert(Line), [line(row) for row in rows])


def settle() -> None:
    """What a database does by itself within the hour: PostgreSQL marks and counts what was written, SQLite counts."""
    planner.inform(db.engine)
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    db.engine.dispose()


def invoice(organisation_id: int, number: int, day: datetime.date) -> dict[str, object]:
    date = day - datetime.timedelta(days=number % 700)
    paid = Decimal(100) if number % 3 else Decimal(0)
    return {
        "id": number, "organisation_id": organisation_id, "kind": "invoices", "number": f"INV-{number:06}",
        "number_key": f"inv-{number:06}",
        "status": "sent", "customer_id": number % CUSTOMERS + 1, "date": date,
        "due_date": date + datetime.timedelta(days=30), "currency": "USD", "subtotal": Decimal(100),
        "total": Decimal(100), "base_total": Decimal(100), "paid": paid, "base_balance": Decimal(100) - paid,
    }  # fmt: skip


def line(row: dict[str, object]) -> dict[str, object]:
    return {
        "organisation_id": row["organisation_id"], "transaction_id": row["id"], "position": 1, "name": "Work",
        "rate": Decimal(100), "amount": Decimal(100),
    }  # fmt: skip


def change() -> None:
    with unit_of_work() as session:
        journal.record(session, standing.ENTITY, 1, action="edited", actor=journal.SYSTEM)


def floors(own: int) -> dict[str, float]:
    """Milliseconds that the database itself needs, by bare SQL, for what two of the pages have to know."""
    since = datetime.date.today() - datetime.timedelta(days=365)
    search = SEARCH.format(holds=HOLDS[db.engine.dialect.name])
    return {
        "customers, nobody found": bare_sql([search], own=own),
        "dashboard, each time after a change": bare_sql([SALES, AGEING], own=own, since=since.isoformat()),
    }


def bare_sql(statements: list[str], **values: object) -> float:
    samples = []
    with db.engine.connect() as connection:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            for statement in statements:
                connection.execute(text(statement), values).all()
            samples.append((time.perf_counter() - started) * 1000)
    return statistics.median(samples)


def timed(person: Person, path: str, *, before: Callable[[], None] = bool) -> dict[str, float]:
    """Milliseconds of a page, median and 95th percentile, and how many statements it ran."""
    statements: list[str] = []
    listener = lambda *details: statements.append(details[2])  # noqa: E731
    assert person.get(path).status_code == 200, path
    event.listen(db.engine, "before_cursor_execute", listener)
    person.get(path)
    event.remove(db.engine, "before_cursor_execute", listener)
    samples = []
    for _ in range(ROUNDS):
        before()
        started = time.perf_counter()
        person.get(path)
        samples.append((time.perf_counter() - started) * 1000)
    return {
        "median": statistics.median(samples),
        "p95": sorted(samples)[int(ROUNDS * 0.95) - 1],
        "sql": len(statements),
    }


main()
