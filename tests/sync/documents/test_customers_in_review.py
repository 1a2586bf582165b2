"""Documents of a customer who may be in the CRM under another name wait until somebody has said so."""

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    invoice_for,
    waiting,
)  # fmt: skip
from zbweb.billing.models import Transaction
from zbweb.db import db, unit_of_work
from zbweb.sync.documents import state
from zbweb.sync.documents.state import State
from zbweb.sync.pull import picking
from zbweb.sync.repair import review


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
