"""Measured in a process of its own: from the commit of an invoice to the CRM's answer, beyond the CRM's own time."""

import statistics
import threading
import time
from pathlib import Path

from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from tests.bench.stage import Crm, arguments, report
from tests.conftest import make_config
from tests.factories.customers import make_customer
from tests.factories.documents import configure
from tests.factories.sync import connected
from tests.factories.transactions import make_invoice
from zbweb.app import create_app
from zbweb.billing.models import OutboxRow, Transaction
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue
from zbweb.sync.models import Link

ROUNDS = 20


def main() -> None:
    given = arguments()
    server = Crm(given["crm"])
    settings = make_config(
        Path(given["data"]), redis_url=given["redis"], crm_accounts_url=server.url, crm_api_url=server.url
    )
    app = create_app(settings)
    with app.app_context():
        db.create_all()
        pair = connected(app, server, scope="accounts", extent="both", policy="skip")
        configure(pair, "invoices")
        organisation_id = pair.connection.organisation_id
        threading.Thread(target=work, args=(app,), daemon=True).start()
        with unit_of_work() as session:
            customer = make_customer(session, display_name="Zylker")
        seconds = [one(customer.id, organisation_id) for _ in range(ROUNDS)]
        report(median_ms=statistics.median(seconds[2:]) * 1000, worst_ms=max(seconds[2:]) * 1000)


def work(app) -> None:
    with app.app_context():
        waiting = queue.queues([queue.INSTANT])
        worker = SimpleWorker(waiting, connection=waiting[0].connection, serializer=JSONSerializer)
        worker.death_penalty_class = TimerDeathPenalty
        worker._install_signal_handlers = lambda: None
        worker.work(logging_level="ERROR")


def one(customer_id: int, organisation_id: int) -> float:
    """Commit an invoice and wait until its link to the CRM's record is there."""
    work_for(db.session(), organisation_id)
    with unit_of_work() as session:
        from zbweb.billing.models import Customer

        invoice_id = make_invoice(session, session.get_one(Customer, customer_id)).id
    started = time.perf_counter()
    while time.perf_counter() - started < 20:
        db.session.rollback()
        link = db.session.query(Link).filter_by(entity="transaction", entity_id=invoice_id, state="active").first()
        if link is not None:
            return time.perf_counter() - started
        time.sleep(0.005)
    raise RuntimeError(f"not delivered: {db.session.query(OutboxRow).all()} {db.session.get(Transaction, invoice_id)}")


main()
