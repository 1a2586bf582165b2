"""The CRM's clock is ten minutes ahead of ours, or behind: nothing is lost, nothing is twice, nobody wins unduly."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.factories.both_sides import add_customer, change, link_of, sync_and_die
from tests.factories.documents import configure, deliver, invoice_for, the_document
from tests.factories.sync import connected
from tests.factories.transactions import pay
from zbweb.billing import transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Transaction
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.documents import incoming

_A_TICK = 1.1
"""The CRM counts in whole seconds."""


@pytest.fixture(params=[-600, 600], ids=["behind", "ahead"])
def partners(request, app, asha, sandbox):
    sandbox.faults(clock_skew_seconds=request.param)
    return connected(
        app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="both", winner="newest", policy="skip"
    )


@pytest.mark.parametrize("last", ["here", "there"])
def test_the_newest_change_wins_by_one_clock(partners, asha, last):
    account = partners.add("Accounts", Account_Name="Acme", Phone="1")
    partners.sync()
    customer_id = partners.customers()[0].id
    edits = {
        "here": lambda: change(customer_id, asha.actor, phone="here"),
        "there": lambda: partners.edit("Accounts", account, Phone="there"),
    }
    for place in ("here", "there") if last == "there" else ("there", "here"):
        edits[place]()
        time.sleep(_A_TICK)
    partners.sync()
    assert [each.phone for each in partners.customers()] == [last]
    assert [each["Phone"] for each in partners.records("Accounts", "Phone")] == [last]


def test_changes_flow_and_then_all_is_quiet(partners, asha):
    partners.add("Accounts", Account_Name="There")
    customer_id = add_customer(display_name="Here")
    partners.sync()
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Phone="2")
    theirs = next(each for each in partners.customers() if each.display_name == "There")
    change(theirs.id, asha.actor, fax="3")
    partners.sync()
    assert {(each.display_name, each.phone, each.fax) for each in partners.customers()} == {
        ("There", "", "3"), ("Here", "2", ""),
    }  # fmt: skip
    partners.drop("Accounts", link_of("customer", theirs.id).crm_id)
    partners.sync()
    assert [each.display_name for each in partners.customers()] == ["Here"]
    partners.forget_calls()
    run = partners.sync()
    assert (partners.writes(), run.added, run.updated, run.deleted) == ([], 0, 0, 0)


def test_a_push_whose_answer_was_lost_is_found_though_its_customer_was_renamed(partners, asha):
    customer_id = add_customer(display_name="Acme")
    run_id = sync_and_die(partners, after="insert")
    clock = partners.sandbox.sandbox.clock
    partners.sandbox.faults(clock_skew_seconds=clock.skew_seconds + 120)  # somebody sets it, a little less wrong
    change(customer_id, asha.actor, display_name="Other")
    partners.carry_out(run_id)
    assert [each["Account_Name"] for each in partners.records("Accounts", "Account_Name")] == ["Other"]
    assert [each.display_name for each in partners.customers()] == ["Other"]


# --- documents --------------------------------------------------------------------------------------


@pytest.fixture
def invoice_id(partners):
    """An invoice that is the same on both sides; of two changes the newest wins."""
    customer_id = add_customer(display_name="Acme")
    partners.sync()
    configure(partners, extent=Extent.BOTH, winner=Winner.NEWEST)
    made = invoice_for(customer_id)
    deliver(partners)
    time.sleep(_A_TICK)
    return made


def notes(transaction_id, words):
    with unit_of_work() as session:
        held = session.get_one(Transaction, transaction_id)
        transactions.edit(session, held, replace(from_transaction(held), notes=words), version=None, actor=SYSTEM)


def assert_notes(partners, words):
    deliver(partners)
    db.session.rollback()
    found = db.session.scalars(select(Transaction).execution_options(populate_existing=True)).one()
    assert (found.notes, the_document(partners)["Description"]) == (words, words)


@pytest.fixture(params=["told", "polled"])
def hear(request, partners):
    """The two ways in which a change of a document becomes known."""

    def told():
        incoming.take(partners.connection, "Invoices", [the_document(partners)["id"]], partners.client)

    return told if request.param == "told" else partners.sync


@pytest.mark.parametrize("last", ["here", "there"])
def test_the_newest_change_of_a_document_wins_by_one_clock(partners, invoice_id, hear, last):
    edits = {
        "here": lambda: notes(invoice_id, "here"),
        "there": lambda: partners.edit("Invoices", the_document(partners)["id"], Description="there"),
    }
    for place in ("here", "there") if last == "there" else ("there", "here"):
        edits[place]()
        time.sleep(_A_TICK)
    hear()
    assert_notes(partners, last)


def test_a_payment_does_not_make_what_a_document_says_any_newer(partners, invoice_id, hear):
    notes(invoice_id, "here")
    time.sleep(_A_TICK)
    partners.edit("Invoices", the_document(partners)["id"], Description="there")
    time.sleep(_A_TICK)
    with unit_of_work() as session:
        invoice = session.get_one(Transaction, invoice_id)
        pay(session, session.get_one(Customer, invoice.customer_id), "10", invoices={invoice: "10"})
    hear()
    assert_notes(partners, "there")
