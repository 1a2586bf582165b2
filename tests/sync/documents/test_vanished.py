"""Products and accounts that somebody deleted in the CRM while documents still point at them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    invoice_for,
    move,
    the_document,
    total_of,
    waiting,
)
from tests.factories.potentials import add_deal
from tests.factories.sync import connected
from tests.factories.transactions import make_line, make_quote
from zbweb.billing import convert, items, journal, transactions
from zbweb.billing.drafts import Potential, from_transaction
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Entity
from zbweb.sync.models import Link, SyncEntry
from zbweb.sync.pairs import past_crm_ids


@pytest.fixture
def acme(both_ways):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways)
    return customer_id


@pytest.fixture
def ada(both_ways):
    configure(both_ways)
    return add_customer(type="individual", display_name="Ada Lovelace", first_name="Ada", last_name="Lovelace")


def change(transaction_id, **values):
    with unit_of_work() as session:
        held = session.get_one(Transaction, transaction_id)
        transactions.edit(session, held, replace(from_transaction(held), **values), version=None, actor=SYSTEM)


def other_goods(partners):
    found = partners.records("Products", "Product_Name")
    return [each["id"] for each in found if each["Product_Name"] == "Other goods and services"]


def products_of(document):
    return [row["Product_Name"]["id"] for row in document["Invoiced_Items"]]


def entries():
    db.session.rollback()
    statement = select(SyncEntry).where(SyncEntry.entity == "transaction").order_by(SyncEntry.id)
    return [(each.outcome, each.reason) for each in db.session.scalars(statement)]


def states(**which):
    db.session.rollback()
    found = db.session.scalars(select(Link).filter_by(**which).order_by(Link.id))
    return [(each.state, each.reason) for each in found]


def writes(partners):
    return [(call["method"], call["path"]) for call in partners.writes()]


def test_a_new_document_goes_when_the_product_of_free_text_was_deleted_there(both_ways, acme):
    invoice_for(acme)
    deliver(both_ways)
    (old,) = other_goods(both_ways)
    both_ways.drop("Products", old)
    invoice_id = invoice_for(acme)
    deliver(both_ways)
    (new,) = other_goods(both_ways)
    found = documents_in(both_ways)[-1]
    assert (found["Billing_Document_Id"], products_of(found)) == (str(invoice_id), [new])
    assert states(entity="item") == [("archived", "deleted_in_crm"), ("active", "")]
    assert entries() == [("added", "pushed_new")] * 2
    assert waiting() == []


def test_an_edited_document_goes_when_its_item_was_deleted_there(both_ways, acme):
    with unit_of_work() as session:
        item_id = items.create(session, ItemDraft(name="Desk", sku="DSK", rate=Decimal(5)), actor=SYSTEM).id
    invoice_id = invoice_for(acme, lines=[make_line("Desk", item_id=item_id), make_line("Words")])
    deliver(both_ways)
    desk, words = products_of(the_document(both_ways))
    both_ways.drop("Products", desk)
    lines = from_transaction(db.session.get_one(Transaction, invoice_id)).lines
    change(invoice_id, lines=tuple(replace(line, quantity=Decimal(4)) for line in lines))
    deliver(both_ways)
    found = the_document(both_ways)
    assert desk not in products_of(found)
    assert products_of(found)[1] == words
    assert Decimal(found["Grand_Total"]) == total_of(invoice_id)
    assert entries()[-1] == ("updated", "changed_here")
    assert waiting() == []


def test_every_refused_document_goes_with_one_product_made_for_them_all(both_ways, acme):
    invoice_for(acme)
    deliver(both_ways)
    both_ways.drop("Products", *other_goods(both_ways))
    for _ in range(3):
        invoice_for(acme)
    both_ways.forget_calls()
    deliver(both_ways)
    assert len(documents_in(both_ways)) == 4
    assert len(other_goods(both_ways)) == 1
    posts = [path for method, path in writes(both_ways) if method == "POST"]
    assert posts == ["/crm/v8/Invoices", "/crm/v8/Products", "/crm/v8/Invoices"]


def test_a_refusal_that_no_vanished_record_explains_is_told_and_not_repeated_at_once(both_ways, acme):
    invoice_for(acme)
    deliver(both_ways)
    account = both_ways.records("Accounts")[0]["id"]
    both_ways.drop("Accounts", account)
    invoice_for(acme)
    both_ways.forget_calls()
    deliver(both_ways)
    assert writes(both_ways) == [("POST", "/crm/v8/Invoices")]
    (row,) = waiting()
    assert (row.error_code, row.attempts, row.sent_at, row.claimed_until) == ("INVALID_DATA", 1, None, None)
    assert "Account_Name" in row.error_message
    assert states(entity="customer") == [("active", "")]
    assert entries()[-1] == ("failed", "crm_refused")


def test_a_document_that_is_refused_again_is_put_off(both_ways, acme):
    invoice_for(acme)
    deliver(both_ways)
    both_ways.drop("Products", *other_goods(both_ways))
    both_ways.drop("Accounts", both_ways.records("Accounts")[0]["id"])
    invoice_for(acme)
    both_ways.forget_calls()
    deliver(both_ways)
    assert writes(both_ways).count(("POST", "/crm/v8/Invoices")) == 2
    (row,) = waiting()
    assert "Account_Name" in row.error_message
    assert entries()[-1] == ("failed", "crm_refused")


def test_an_individual_whose_account_for_documents_was_deleted_gets_another(both_ways, ada):
    invoice_for(ada)
    deliver(both_ways)
    both_ways.drop("Accounts", both_ways.records("Accounts")[0]["id"])
    invoice_id = invoice_for(ada)
    deliver(both_ways)
    (account,) = both_ways.records("Accounts", "Account_Name")
    found = documents_in(both_ways)[-1]
    assert found["Billing_Document_Id"] == str(invoice_id)
    assert found["Account_Name"]["id"] == account["id"]
    assert found["Contact_Name"]["name"] == "Ada Lovelace"
    assert states(entity="customer", crm_module="Accounts") == [
        ("archived", "for_documents"),
        ("apart", "for_documents"),
    ]
    assert waiting() == []
    both_ways.sync()
    assert len(both_ways.customers()) == 1


def test_a_customer_was_never_paired_with_the_account_of_its_documents(both_ways, ada):
    invoice_for(ada)
    deliver(both_ways)
    both_ways.drop("Accounts", both_ways.records("Accounts")[0]["id"])
    invoice_for(ada)
    deliver(both_ways)
    assert past_crm_ids(db.session(), both_ways.connection_id, Entity.CUSTOMER, [ada]) == {}


def test_an_account_for_documents_that_is_restored_does_not_become_a_customer(both_ways, ada):
    invoice_for(ada)
    deliver(both_ways)
    with unit_of_work() as session:
        session.execute(update(Link).where(Link.reason == "for_documents").values(state="archived"))
    both_ways.edit("Accounts", both_ways.records("Accounts")[0]["id"], Account_Name="Lovelace & Co")
    both_ways.sync()
    assert [each.display_name for each in both_ways.customers()] == ["Ada Lovelace"]


def test_every_database_makes_the_product_anew(any_app, sandbox):
    partners = connected(any_app, sandbox, extent="both")
    customer_id = add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners)
    invoice_for(customer_id)
    deliver(partners)
    partners.drop("Products", *other_goods(partners))
    invoice_for(customer_id)
    deliver(partners)
    assert len(documents_in(partners)) == 2
    assert waiting() == []


# --- what a document was made from, and its potential ----------------------------------------------


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "edited"])
def test_a_document_whose_quote_or_potential_is_gone_goes_without_them(both_ways, acme, is_there):
    for kind in (Kind.QUOTE, Kind.SALES_ORDER):
        configure(both_ways, kind)
    deal = add_deal(both_ways, account=both_ways.records("Accounts")[0]["id"])
    quote_id = made(acme, make_quote, potential=Potential(deal, "Big Deal", "Qualification"))
    deliver(both_ways)
    with unit_of_work() as session:
        order_id = convert.to_order(session, session.get_one(Transaction, quote_id), actor=SYSTEM).id
    deliver(both_ways)
    if is_there:
        move(order_id, Status.CONFIRMED)
        deliver(both_ways)
        assert the_document(both_ways, Kind.SALES_ORDER)["Quote_Name"] is not None
    both_ways.drop("Quotes", both_ways.records("Quotes")[0]["id"])
    both_ways.drop("Deals", deal)
    move(order_id, Status.CLOSED if is_there else Status.CONFIRMED)
    deliver(both_ways)
    there = the_document(both_ways, Kind.SALES_ORDER)
    assert (there["Quote_Name"], there["Deal_Name"], waiting()) == (None, None, [])
    assert there["Status"] == ("Delivered" if is_there else "Approved")


def test_the_history_and_the_documents_say_what_became_of_them(both_ways, acme):
    for kind in (Kind.QUOTE, Kind.SALES_ORDER):
        configure(both_ways, kind)
    deal = add_deal(both_ways, account=both_ways.records("Accounts")[0]["id"])
    quote_id = made(acme, make_quote, potential=Potential(deal, "Big Deal", "Qualification"))
    deliver(both_ways)
    with unit_of_work() as session:
        order_id = convert.to_order(session, session.get_one(Transaction, quote_id), actor=SYSTEM).id
    deliver(both_ways)
    both_ways.drop("Quotes", both_ways.records("Quotes")[0]["id"])
    both_ways.drop("Deals", deal)
    move(order_id, Status.CONFIRMED)
    deliver(both_ways)
    assert ("deleted", "document_gone_in_crm") in entries()
    assert entries().count(("updated", "potential_gone")) == 2
    assert ("failed", "crm_refused") not in entries()
    db.session.rollback()
    ids = (quote_id, order_id)
    held = [db.session.get_one(Transaction, each, populate_existing=True) for each in ids]
    assert [each.potential_id for each in held] == [None, None]
    actors = [journal.history(db.session(), "transaction", each)[0].actor_name for each in ids]
    assert actors == ["Zoho CRM", "Zoho CRM"]


def test_a_potential_that_we_may_not_see_is_not_taken_for_a_deleted_one(both_ways, acme):
    configure(both_ways, Kind.QUOTE)
    deal = add_deal(both_ways, account=both_ways.records("Accounts")[0]["id"])
    quote_id = made(acme, make_quote, potential=Potential(deal, "Big Deal", "Qualification"))
    both_ways.drop("Deals", deal)
    both_ways.sandbox.faults(forbid_module="Deals")
    deliver(both_ways)
    (row,) = waiting()
    assert "Deal_Name" in row.error_message
    db.session.rollback()
    assert db.session.get_one(Transaction, quote_id).potential_id == deal


def made(customer_id, maker, **values):
    with unit_of_work() as session:
        return maker(session, session.get_one(Customer, customer_id), **values).id
