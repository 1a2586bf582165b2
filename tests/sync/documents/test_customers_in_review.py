"""Documents of a customer who may be in the CRM under another name, or is left apart, wait for a person's word."""

import pytest

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    invoice_for,
    waiting,
)  # fmt: skip
from tests.factories.sync import connected
from zbweb.billing import customers
from zbweb.billing.models import Transaction
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict
from zbweb.sync.documents import state
from zbweb.sync.documents.state import State
from zbweb.sync.pull import picking
from zbweb.sync.repair import links, review


def in_review(partners):
    """Acme Ltd of ours beside Acme Limited of the CRM; the id of an invoice of ours, and the pair's."""
    configure(partners)
    ours = add_customer(display_name="Acme Ltd")
    partners.add("Accounts", Account_Name="Acme Limited")
    partners.sync()
    invoice_id = invoice_for(ours)
    deliver(partners)
    db.session.rollback()
    ((pair,), _) = review.open_pairs(db.session(), partners.connection_id)
    return invoice_id, pair.id


def accounts(partners):
    return sorted(each["Account_Name"] for each in partners.records("Accounts", "Account_Name"))


def test_the_invoice_is_held_and_nothing_is_made_in_the_crm(both_ways):
    invoice_id, _ = in_review(both_ways)
    assert (accounts(both_ways), documents_in(both_ways)) == (["Acme Limited"], [])
    held = state.standing(db.session(), db.session.get_one(Transaction, invoice_id))
    assert (held.state, "review list" in held.words) == (State.HELD, True)


def test_kept_apart_the_customer_and_the_invoice_go_to_the_crm_at_once(both_ways, asha):
    _, pair_id = in_review(both_ways)
    with unit_of_work() as session:
        review.keep_apart(session, pair_id, actor=asha.actor)
    deliver(both_ways)
    assert accounts(both_ways) == ["Acme Limited", "Acme Ltd"]
    assert [each["Account_Name"]["name"] for each in documents_in(both_ways)] == ["Acme Ltd"]
    assert waiting() == []


def test_linked_the_invoice_goes_to_the_account_that_was_there(both_ways, asha):
    _, pair_id = in_review(both_ways)
    with unit_of_work() as session:
        link = review.link(session, pair_id, actor=asha.actor)
    picking.fetch_one(both_ways.connection, link.crm_module, link.crm_id, actor=asha.actor, client=both_ways.client)
    deliver(both_ways)
    assert accounts(both_ways) == ["Acme Limited"]
    assert [each["Account_Name"]["name"] for each in documents_in(both_ways)] == ["Acme Limited"]


def test_an_invoice_of_a_customer_like_one_fetched_before_is_held_at_once(both_ways):
    configure(both_ways)
    both_ways.add("Accounts", Account_Name="Acme Limited")
    both_ways.sync()
    invoice_id = invoice_for(add_customer(display_name="Acme Ltd"))
    deliver(both_ways)
    assert (accounts(both_ways), documents_in(both_ways)) == (["Acme Limited"], [])
    db.session.rollback()
    assert state.standing(db.session(), db.session.get_one(Transaction, invoice_id)).state is State.HELD


def test_an_invoice_of_a_skipped_twin_is_held_and_push_now_says_what_to_do(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="both", policy="skip")
    configure(partners)
    customer_id = add_customer(display_name="Acme")
    partners.add("Accounts", Account_Name="ACME")
    invoice_id = invoice_for(customer_id)
    deliver(partners)
    deliver(partners)
    assert documents_in(partners) == []
    db.session.rollback()
    held = state.standing(db.session(), db.session.get_one(Transaction, invoice_id))
    assert (held.state, "left apart" in held.words) == (State.HELD, True)
    with pytest.raises(Conflict, match="Choose Link to"), unit_of_work() as session:
        links.push_now(session, customers.find(session, customer_id), actor=asha.actor)


def test_an_individual_whose_contact_was_deleted_is_added_again_by_push_now(both_ways, asha):
    configure(both_ways)
    customer_id = add_customer(display_name="Ann Lee", type="individual", last_name="Lee")
    invoice_for(customer_id)
    deliver(both_ways)
    both_ways.drop("Contacts", both_ways.records("Contacts")[0]["id"])
    both_ways.sync()
    with unit_of_work() as session:
        run_id = links.push_now(session, customers.find(session, customer_id), actor=asha.actor).id
    assert both_ways.carry_out(run_id).added == 1
    assert len(both_ways.records("Contacts")) == 1
