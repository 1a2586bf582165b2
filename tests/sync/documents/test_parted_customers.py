"""Documents of customers whose record in the CRM is gone: nothing is made anew there, nothing moves back."""

import pytest

from tests.factories.both_sides import link_of as pair_of
from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    invoice_for,
    move,
    the_document,
    waiting,
)  # fmt: skip
from tests.factories.transactions import pay
from zbweb.billing import customers
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.status import Status
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import state
from zbweb.sync.documents.state import State
from zbweb.sync.repair import links


def standing(invoice_id):
    db.session.rollback()
    return state.standing(db.session(), db.session.get_one(Transaction, invoice_id))


def accounts(partners):
    return sorted(each["Account_Name"] for each in partners.records("Accounts", "Account_Name"))


@pytest.fixture
def merged(both_ways):
    """Two customers with a sent invoice each, whose accounts somebody merged in the CRM: the loser's invoice id."""
    configure(both_ways)
    winner, loser = add_customer(display_name="Winner"), add_customer(display_name="Loser")
    both_ways.sync()
    invoice_for(winner)
    invoice_id = invoice_for(loser)
    deliver(both_ways)
    pairs = {name: pair_of("customer", customer_id).crm_id for name, customer_id in (("w", winner), ("l", loser))}
    both_ways.crm.update(
        "Invoices",
        [{"id": each["id"], "Account_Name": {"id": pairs["w"]}} for each in documents_in(both_ways)],
    )
    both_ways.drop("Accounts", pairs["l"])
    both_ways.sync()
    return both_ways, loser, invoice_id


def test_a_payment_after_a_merge_in_the_crm_changes_the_invoice_and_leaves_it_where_it_went(merged):
    partners, loser, invoice_id = merged
    with unit_of_work() as session:
        invoice = session.get_one(Transaction, invoice_id)
        pay(session, session.get_one(Customer, loser), "100", invoices={invoice: "100"})
    deliver(partners)
    assert waiting() == []
    assert accounts(partners) == ["Winner"]
    names = {each["Account_Name"]["name"] for each in documents_in(partners)}
    assert names == {"Winner"}
    assert standing(invoice_id).state is State.THERE


def test_a_new_invoice_waits_for_a_person_where_the_account_was_deleted_in_the_crm(both_ways):
    configure(both_ways)
    customer_id = add_customer(display_name="Acme")
    both_ways.sync()
    draft = invoice_for(customer_id, is_draft=True)
    both_ways.drop("Accounts", pair_of("customer", customer_id).crm_id)
    both_ways.sync()
    move(draft, Status.SENT)
    deliver(both_ways)
    assert accounts(both_ways) == documents_in(both_ways) == []
    held = standing(draft)
    assert held.state is State.HELD
    assert "deleted, merged or unlinked" in held.words


def test_push_now_adds_the_customer_again_and_its_document_follows(both_ways, asha):
    configure(both_ways)
    customer_id = add_customer(display_name="Acme")
    both_ways.sync()
    both_ways.drop("Accounts", pair_of("customer", customer_id).crm_id)
    both_ways.sync()
    invoice_for(customer_id)
    deliver(both_ways)
    with unit_of_work() as session:
        run_id = links.push_now(session, customers.find(session, customer_id), actor=asha.actor).id
    both_ways.carry_out(run_id)
    deliver(both_ways)
    assert the_document(both_ways)["Account_Name"]["name"] == "Acme"


def test_a_customer_linked_by_hand_takes_its_waiting_document_along(both_ways, asha):
    configure(both_ways)
    customer_id = add_customer(display_name="Acme")
    both_ways.sync()
    with unit_of_work() as session:
        links.unlink(session, links.active_link(session, "customer", customer_id), actor=asha.actor)
    invoice_for(customer_id)
    deliver(both_ways)
    assert documents_in(both_ways) == []
    other = both_ways.add("Accounts", Account_Name="Acme Holding")
    with unit_of_work() as session:
        links.link_to(session, customers.find(session, customer_id), "Accounts", other, actor=asha.actor)
    deliver(both_ways)
    assert the_document(both_ways)["Account_Name"]["id"] == other


@pytest.mark.parametrize("becomes", ["deleted", "merged"])
def test_a_document_that_is_there_is_told_what_changes_though_its_account_is_gone(both_ways, becomes):
    configure(both_ways, extent=Extent.BOTH)
    winner, loser = add_customer(display_name="Winner"), add_customer(display_name="Loser")
    both_ways.sync()
    invoice_id = invoice_for(loser)
    deliver(both_ways)
    lost, kept = pair_of("customer", loser).crm_id, pair_of("customer", winner).crm_id
    if becomes == "merged":
        both_ways.edit("Invoices", the_document(both_ways)["id"], Account_Name={"id": kept})
    both_ways.drop("Accounts", lost)
    both_ways.sync()
    move(invoice_id, Status.VOID)
    deliver(both_ways)
    there = the_document(both_ways)
    assert (there["Status"], waiting()) == ("Cancelled", [])
    assert there["Account_Name"] == (None if becomes == "deleted" else {"id": kept, "name": "Winner"})
