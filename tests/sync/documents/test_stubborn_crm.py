"""A CRM that makes something else of what it is told, whenever it is told: both sides come to rest."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.documents import add_customer, configure, deliver, invoice_for, move, the_document, waiting
from tests.factories.sync import hasty_client
from zbweb.billing.models import Transaction
from zbweb.billing.status import Status
from zbweb.db import db
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import incoming
from zbweb.sync.models import SyncEntry

ROUNDS = 6


@pytest.fixture
def invoice_id(both_ways):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways, extent=Extent.BOTH)
    return invoice_for(customer_id, notes="Hello", terms="30 days")


def stubborn(field, change):
    """A client of a CRM that changes the field by itself at each write."""

    def open_client(connection):
        client = hasty_client(connection)
        insert, update = client.insert, client.update
        client.insert = lambda module, records, **more: insert(module, [changed(each) for each in records], **more)
        client.update = lambda module, records, **more: update(module, [changed(each) for each in records], **more)
        return client

    def changed(record):
        return record | {field: change(record[field])} if field in record else record

    return open_client


def told(partners):
    incoming.take(partners.connection, "Invoices", [the_document(partners)["id"]], partners.client)


def go_round(partners, open_client):
    """Each write of ours raises a notification, which may make us write again; how often we wrote."""
    writes = []
    for _ in range(ROUNDS):
        partners.forget_calls()
        deliver(partners, open_client=open_client)
        writes += [call for call in partners.writes() if call["path"].endswith("/Invoices")]
        told(partners)
    return len(writes)


@pytest.mark.parametrize(
    ("field", "change"),
    [("Subject", str.lower), ("Description", lambda text: f"{text}\n"), ("Tax", lambda tax: tax + Decimal("0.01"))],
)
def test_a_value_that_the_crm_insists_on_is_left_to_it(both_ways, invoice_id, field, change):
    assert go_round(both_ways, stubborn(field, change)) == 2
    assert waiting() == []
    reasons = [each.reason for each in db.session.scalars(select(SyncEntry).where(SyncEntry.entity == "transaction"))]
    assert reasons.count("crm_insists") == 1


def test_what_may_not_be_changed_here_is_not_asked_for_again_and_again(both_ways, invoice_id):
    deliver(both_ways)
    move(invoice_id, Status.VOID)
    assert go_round(both_ways, stubborn("Status", lambda _: "Delivered")) == 2
    assert (db.session.get_one(Transaction, invoice_id).status, the_document(both_ways)["Status"]) == (
        "void", "Delivered",
    )  # fmt: skip


def test_what_a_person_insists_on_is_set_back_each_time(both_ways, invoice_id):
    deliver(both_ways)
    for _ in range(3):
        both_ways.sandbox.faults(clock_skew_seconds=both_ways.sandbox.sandbox.clock.skew_seconds + 60)
        both_ways.edit("Invoices", the_document(both_ways)["id"], Tax=50)
        told(both_ways)
        deliver(both_ways)
        assert Decimal(the_document(both_ways)["Grand_Total"]) == 100
    both_ways.sandbox.faults(clock_skew_seconds=0)


def test_what_changes_here_later_is_told_all_the_same(both_ways, invoice_id):
    open_client = stubborn("Status", lambda _: "Delivered")
    go_round(both_ways, open_client)
    move(invoice_id, Status.VOID)
    deliver(both_ways)
    assert the_document(both_ways)["Status"] == "Cancelled"
