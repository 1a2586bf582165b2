"""A customer's figures on the CRM's account or contact."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.documents import add_customer, deliver, due_now, move, waiting
from tests.factories.sync import connected
from tests.factories.transactions import make_invoice, make_line, make_quote, pay
from zbweb.billing import books
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.status import Status
from zbweb.db import unit_of_work
from zbweb.sync.figures import metrics
from zbweb.sync.outbox.claims import METRICS

NAMES = ("Outstanding_Receivables", "Overdue_Receivables", "Total_Sales", "Last_Invoice_Date")


def figures(partners, module="Accounts"):
    (only,) = partners.records(module, *NAMES)
    return tuple(only.get(name) for name in NAMES)


def today():
    with unit_of_work() as session:
        return books.today(session)


def invoice(customer_id, amount="100", **values):
    with unit_of_work() as session:
        customer = session.get_one(Customer, customer_id)
        return make_invoice(session, customer, lines=[make_line(rate=amount)], **values).id


@pytest.fixture
def acme(both_ways):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    return customer_id


def test_one_delivery_after_an_invoice_was_sent_the_account_carries_what_is_owed(both_ways, acme):
    invoice(acme, "12.34")
    deliver(both_ways)
    assert figures(both_ways) == (Decimal("12.34"), 0, Decimal("12.34"), today().isoformat())
    fields = {field.api_name: field for field in both_ways.crm.fields("Accounts")}
    assert fields["Outstanding_Receivables"].label == "Outstanding Receivables"
    assert fields["Outstanding_Receivables"].data_type == "currency"
    assert fields["Last_Invoice_Date"].data_type == "date"


def test_a_draft_owes_nothing(both_ways, acme):
    invoice(acme, is_draft=True)
    deliver(both_ways)
    assert figures(both_ways)[0] is None


def test_paying_and_voiding_lessen_it(both_ways, acme):
    first, second = invoice(acme, "100"), invoice(acme, "50")
    with unit_of_work() as session:
        pay(session, session.get_one(Customer, acme), "60", invoices={session.get_one(Transaction, first): "60"})
    deliver(both_ways)
    assert figures(both_ways)[:3] == (90, 0, 150)
    move(second, Status.VOID)
    deliver(both_ways)
    assert figures(both_ways)[:3] == (40, 0, 100)


def test_an_individual_carries_them_as_a_contact(both_ways):
    customer_id = add_customer(type="individual", display_name="Ada", last_name="Ada")
    both_ways.sync()
    invoice(customer_id, "7")
    deliver(both_ways)
    assert figures(both_ways, "Contacts")[0] == 7


def test_they_go_even_when_customers_are_only_fetched(app, asha, sandbox):
    partners = connected(app, sandbox, extent="fetch")
    partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    invoice(partners.customers()[0].id, "8")
    deliver(partners)
    assert figures(partners)[0] == 8


def test_a_customer_who_is_linked_later_brings_its_figures_along(app, asha, sandbox):
    partners = connected(app, sandbox, extent="fetch", policy="overwrite")
    customer_id = add_customer(display_name="Acme Ltd")
    invoice(customer_id, "9")
    deliver(partners)
    partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    deliver(partners)
    assert figures(partners)[0] == 9


def test_quotes_and_unlinked_customers_cost_no_call(both_ways, acme):
    with unit_of_work() as session:
        make_quote(session, session.get_one(Customer, acme))
        make_invoice(session, make_customer(session, display_name="Nobody there"))
    both_ways.forget_calls()
    deliver(both_ways)
    assert both_ways.sandbox.requests() == []
    assert waiting(METRICS) == []


def test_nothing_is_written_that_stands_there_already(both_ways, acme):
    invoice(acme)
    deliver(both_ways)
    with unit_of_work() as session:
        metrics.owe_all(session, both_ways.connection)
    both_ways.forget_calls()
    deliver(both_ways)
    assert both_ways.writes() == []


def test_a_sync_after_the_figures_changes_nothing(both_ways, acme):
    invoice(acme)
    deliver(both_ways)
    both_ways.forget_calls()
    run = both_ways.sync()
    assert (run.added, run.updated, run.failed) == (0, 0, 0)
    assert both_ways.writes() == []


def test_what_became_overdue_overnight_is_told(both_ways, acme, monkeypatch):
    day = today()
    invoice(acme, "5", due_date=day)
    with unit_of_work() as session:
        metrics.owe_after_midnight(session, both_ways.connection)
    deliver(both_ways)
    assert figures(both_ways)[:2] == (5, 0)
    monkeypatch.setattr(books, "today", lambda session: day + timedelta(days=1))
    for _ in range(2):
        with unit_of_work() as session:
            metrics.owe_after_midnight(session, both_ways.connection)
    assert len(waiting(METRICS)) == 1
    deliver(both_ways)
    assert figures(both_ways)[:2] == (5, 5)


def test_fields_that_people_made_are_used(both_ways, acme):
    both_ways.crm.create_field("Accounts", label="Total Sales", data_type="double")
    invoice(acme)
    deliver(both_ways)
    assert figures(both_ways)[2] == 100


def test_a_crm_that_is_away_is_told_later(both_ways, acme):
    invoice(acme)
    both_ways.sandbox.faults(fail_next=[{"status": 503, "count": 40}])
    deliver(both_ways)
    (row,) = waiting(METRICS)
    assert row.attempts == 1
    both_ways.sandbox.faults(fail_next=[])
    due_now()
    deliver(both_ways)
    assert figures(both_ways)[0] == 100
    assert waiting(METRICS) == []


def test_switched_off_nothing_is_sent(both_ways, acme, asha):
    with unit_of_work() as session:
        metrics.switch(session, both_ways.connection, enabled=False, actor=asha.actor)
    invoice(acme)
    deliver(both_ways)
    assert figures(both_ways)[0] is None
    with unit_of_work() as session:
        metrics.switch(session, both_ways.connection, enabled=True, actor=asha.actor)
    deliver(both_ways)
    assert figures(both_ways)[0] == 100
