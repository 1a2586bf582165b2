"""Documents that people changed in the CRM and that nobody has read yet, when ours are about to be told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    due_now,
    invoice_for,
    link_of,
    the_document,
    total_of,
    waiting,
)
from tests.factories.sync import connected, hasty_client
from zbweb.billing import transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Transaction
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.models import Link, SyncEntry, SyncRun


@pytest.fixture
def acme(both_ways):
    """Acme Ltd, linked; invoices sync both ways."""
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways, extent=Extent.BOTH)
    return customer_id


def later(partners, seconds=60):
    """Time passes: whatever was written in the CRM, and what we remember of it, is so much older."""
    with partners.sandbox.sandbox.store.write() as there:
        there.execute("UPDATE record SET created = created - ?, modified = modified - ?", (seconds, seconds))
    with unit_of_work() as session:
        for link in session.scalars(select(Link).where(Link.crm_modified_at.is_not(None))):
            link.crm_modified_at -= timedelta(seconds=seconds)


def change(transaction_id, **values):
    with unit_of_work() as session:
        held = session.get_one(Transaction, transaction_id)
        transactions.edit(session, held, replace(from_transaction(held), **values), version=None, actor=SYSTEM)


def delivered_invoice(partners, customer_id):
    invoice_id = invoice_for(customer_id)
    deliver(partners)
    later(partners)
    return invoice_id


def document(transaction_id):
    db.session.rollback()
    return db.session.get_one(Transaction, transaction_id, populate_existing=True)


def entries():
    db.session.rollback()
    statement = select(SyncEntry).where(SyncEntry.entity == "transaction").order_by(SyncEntry.id)
    return [(each.direction, each.outcome, each.reason) for each in db.session.scalars(statement)]


def calls(partners):
    """What was asked about invoices."""
    asked = [(call["method"], call["path"]) for call in partners.sandbox.requests()]
    return [each for each in asked if each[1].startswith("/crm/v8/Invoices")]


@pytest.mark.parametrize(
    ("winner", "notes"), [(Winner.CRM, "theirs"), (Winner.BILLING, "ours"), (Winner.NEWEST, "ours")]
)
def test_changed_on_both_sides_the_setup_says_who_wins_even_when_ours_goes_first(both_ways, acme, winner, notes):
    configure(both_ways, extent=Extent.BOTH, winner=winner)
    invoice_id = delivered_invoice(both_ways, acme)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="theirs", Terms_and_Conditions="new terms")
    later(both_ways, 30)
    change(invoice_id, notes="ours", reference="ours too")
    deliver(both_ways)
    ours, there = document(invoice_id), the_document(both_ways)
    assert (ours.notes, there["Description"]) == (notes, notes)
    assert (ours.reference, there["Purchase_Order"]) == ("ours too", "ours too")
    assert (ours.terms, there["Terms_and_Conditions"]) == ("new terms", "new terms")
    assert ("in", "updated", "changed_in_crm") in entries()
    assert waiting() == []


def test_what_lost_in_the_crm_is_kept_in_the_entry(both_ways, acme):
    configure(both_ways, extent=Extent.BOTH, winner=Winner.BILLING)
    invoice_id = delivered_invoice(both_ways, acme)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="theirs")
    change(invoice_id, notes="ours")
    deliver(both_ways)
    db.session.rollback()
    entry = db.session.scalars(select(SyncEntry).where(SyncEntry.reason == "changed_here")).one()
    assert entry.diff["notes"] == ["theirs", "ours"]


def test_what_the_look_brings_in_belongs_to_the_push_that_looked(both_ways, acme):
    invoice_id = delivered_invoice(both_ways, acme)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="theirs")
    change(invoice_id, reference="ours")
    deliver(both_ways)
    db.session.rollback()
    runs = list(db.session.scalars(select(SyncRun).where(SyncRun.module == "invoices").order_by(SyncRun.id)))
    assert {run.trigger for run in runs} == {"transaction"}
    assert [run.updated for run in runs] == [0, 1, 1]


@pytest.mark.parametrize(("winner", "rows"), [(Winner.CRM, 2), (Winner.BILLING, 1)])
def test_rows_added_in_the_crm_are_not_lost_to_an_edit_here_unless_ours_win(both_ways, acme, winner, rows):
    configure(both_ways, extent=Extent.BOTH, winner=winner)
    invoice_id = delivered_invoice(both_ways, acme)
    there = the_document(both_ways)
    added = {"Product_Name": there["Invoiced_Items"][0]["Product_Name"], "Quantity": 1, "List_Price": 7}
    both_ways.edit("Invoices", there["id"], Invoiced_Items=[{"id": there["Invoiced_Items"][0]["id"]}, added])
    lines = tuple(replace(line, quantity=Decimal(5)) for line in from_transaction(document(invoice_id)).lines)
    change(invoice_id, lines=lines)
    deliver(both_ways)
    assert len(document(invoice_id).lines) == len(the_document(both_ways)["Invoiced_Items"]) == rows
    assert Decimal(the_document(both_ways)["Grand_Total"]) == total_of(invoice_id)
    assert waiting() == []


def test_one_document_that_was_changed_there_does_not_keep_the_others(both_ways, acme):
    ids = [delivered_invoice(both_ways, acme) for _ in range(3)]
    both_ways.edit("Invoices", link_of(ids[1]).crm_id, Description="theirs")
    for invoice_id in ids:
        change(invoice_id, notes="ours")
    deliver(both_ways)
    assert [each["Description"] for each in documents_in(both_ways)] == ["ours", "theirs", "ours"]
    assert waiting() == []


def test_looking_costs_one_call_for_all_of_them(both_ways, acme):
    ids = [delivered_invoice(both_ways, acme) for _ in range(3)]
    for invoice_id in ids:
        change(invoice_id, notes="ours")
    both_ways.forget_calls()
    deliver(both_ways)
    assert calls(both_ways) == [("GET", "/crm/v8/Invoices"), ("PUT", "/crm/v8/Invoices")]


def test_where_documents_are_only_pushed_ours_win_without_a_look(both_ways, acme):
    configure(both_ways, extent=Extent.PUSH)
    invoice_id = delivered_invoice(both_ways, acme)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="theirs")
    change(invoice_id, notes="ours")
    both_ways.forget_calls()
    deliver(both_ways)
    assert calls(both_ways) == [("PUT", "/crm/v8/Invoices")]
    assert the_document(both_ways)["Description"] == "ours"


def test_a_document_that_vanished_before_the_look_is_gone_as_ever(both_ways, acme):
    invoice_id = delivered_invoice(both_ways, acme)
    both_ways.drop("Invoices", the_document(both_ways)["id"])
    change(invoice_id, notes="ours")
    deliver(both_ways)
    assert documents_in(both_ways) == []
    assert entries()[-1] == ("out", "skipped", "document_gone")
    assert waiting() == []


def test_a_crm_whose_reading_lags_behind_is_asked_again_a_little_later(both_ways, acme):
    invoice_id = delivered_invoice(both_ways, acme)
    old = the_document(both_ways)
    both_ways.edit("Invoices", old["id"], Description="theirs")
    change(invoice_id, notes="ours")

    def open_client(connection):
        client = hasty_client(connection)
        client.get = lambda module, crm_id: old
        return client

    deliver(both_ways, open_client=open_client)
    (row,) = waiting()
    assert (row.claimed_until, row.attempts) == (None, 0)
    assert row.not_before is not None
    assert the_document(both_ways)["Description"] == "theirs"
    due_now()
    deliver(both_ways)
    assert document(invoice_id).notes == the_document(both_ways)["Description"] == "theirs"


def test_what_was_found_after_a_lost_answer_and_changed_there_since_is_compared_too(both_ways, acme):
    invoice_id = delivered_invoice(both_ways, acme)
    with unit_of_work() as session:
        session.execute(text("UPDATE links SET crm_modified_at = NULL WHERE entity = 'transaction'"))
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="theirs")
    change(invoice_id, notes="ours")
    deliver(both_ways)
    assert document(invoice_id).notes == the_document(both_ways)["Description"] == "theirs"


def test_every_database_looks_first(any_app, sandbox):
    partners = connected(any_app, sandbox, extent="both")
    customer_id = add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners, extent=Extent.BOTH)
    invoice_id = delivered_invoice(partners, customer_id)
    partners.edit("Invoices", the_document(partners)["id"], Description="theirs")
    change(invoice_id, notes="ours")
    deliver(partners)
    assert document(invoice_id).notes == the_document(partners)["Description"] == "theirs"
    assert waiting() == []


@pytest.mark.parametrize(
    "theirs",
    [{"Description": "theirs"}, {"Status": "Cancelled"}, {"Invoiced_Items": 7}],
    ids=["text", "status", "rows"],
)
def test_what_was_written_in_the_second_of_our_own_last_word_is_seen_too(both_ways, acme, theirs):
    invoice_id = invoice_for(acme)
    deliver(both_ways)
    there = the_document(both_ways)
    if price := theirs.get("Invoiced_Items"):
        theirs = {"Invoiced_Items": [{"id": there["Invoiced_Items"][0]["id"], "List_Price": price}]}
    both_ways.edit("Invoices", there["id"], **theirs)
    in_the_same_second(both_ways, invoice_id)
    lines = tuple(replace(line, quantity=Decimal(5)) for line in from_transaction(document(invoice_id)).lines)
    change(invoice_id, notes="ours", lines=lines)
    deliver(both_ways)
    ours, there = document(invoice_id), the_document(both_ways)
    assert ("in", "updated", "changed_in_crm") in entries()
    assert (ours.notes, ours.status) == (there["Description"], "void" if there["Status"] == "Cancelled" else "sent")
    assert (Decimal(there["Grand_Total"]), waiting()) == (ours.total, [])


def in_the_same_second(partners, transaction_id):
    """The CRM's record was last written when we last wrote it, as far as its times tell."""
    link = link_of(transaction_id)
    with partners.sandbox.sandbox.store.write() as there:
        seconds = int(link.crm_modified_at.timestamp())
        there.execute("UPDATE record SET modified = ? WHERE id = ?", (seconds, int(link.crm_id)))


def test_what_the_crm_makes_of_our_own_word_in_that_second_keeps_nothing_back(both_ways, acme):
    invoice_id = invoice_for(acme)
    deliver(both_ways)
    with unit_of_work() as session:
        link = session.scalars(select(Link).where(Link.entity == "transaction")).one()
        link.snapshot = {**link.snapshot, "adjustment": "1"}
    in_the_same_second(both_ways, invoice_id)
    change(invoice_id, notes="ours")
    deliver(both_ways)
    assert (the_document(both_ways)["Description"], waiting()) == ("ours", [])


def test_white_space_that_the_crm_writes_its_own_way_is_nobodys_word(both_ways, acme):
    invoice_id = invoice_for(acme, notes="one\r\ntwo")
    deliver(both_ways)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="one\ntwo ")
    in_the_same_second(both_ways, invoice_id)
    change(invoice_id, notes="three")
    deliver(both_ways)
    assert (document(invoice_id).notes, the_document(both_ways)["Description"], waiting()) == ("three", "three", [])
